//! What members hear, and when they hear no more.

use std::time::{Duration, Instant};

use super::world::{INSTANCES, Person, TEAMS, World};
use crate::support::client::{Caller, id_of};
use crate::support::replica::Replica;
use crate::support::socket::Socket;

/// How long a socket may go on after the answer that its user is in the team no longer.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// Reads until an instance has been deleted; gives what was heard of it.
async fn story(socket: &mut Socket, instance: &str) -> Vec<String> {
    let mut keys = Vec::new();
    loop {
        let event = socket.next_event().await;
        if event["data"]["instance_id"] != instance {
            continue;
        }
        let key = event["event"].as_str().unwrap().to_owned();
        if !key.starts_with("instance.") {
            continue;
        }
        let is_last = key == "instance.deleted";
        keys.push(key);
        if is_last {
            return keys;
        }
    }
}

#[tokio::test]
async fn members_hear_of_what_is_the_teams_to_its_end_and_an_outsider_hears_nothing() {
    let world = World::new().await;
    let World { app, ada, dan, vic, eve, team, agent } = &world;
    let mut sockets = Vec::new();
    for member in [ada, dan, vic] {
        sockets.push(member.caller.socket(None).await);
    }
    let mut outside = eve.caller.socket(None).await;
    let instance = dan.create_in(team, *agent).await;
    app.stage.tap.until_status(&instance, "running").await;
    ada.caller.delete(&format!("{INSTANCES}/{instance}")).await.expect(204);
    // Whose a thing is stands in each message as it stands in the log.
    app.stage.until_told().await;
    let sql = app.stage.sql().await;
    for heard in app.stage.tap.heard() {
        let team = "SELECT team_id::text FROM event_outbox WHERE position = $1";
        let team: Option<String> = sql.query_one(team, &[&heard.position]).await.unwrap().get(0);
        assert_eq!(heard.body["team_id"].as_str(), team.as_deref(), "{}: {}", heard.key, heard.body);
    }
    let mut stories = Vec::new();
    for socket in &mut sockets {
        stories.push(story(socket, &instance).await);
    }
    assert!(stories[0].len() > 2 && stories.windows(2).all(|pair| pair[0] == pair[1]), "{stories:?}");

    // The next that she hears is her own: nothing was told her in between.
    let hers = id_of(&eve.caller.create(*agent).await);
    assert_eq!(outside.next_event().await["data"]["instance_id"], hers);
}

#[tokio::test]
async fn whoever_joins_comes_again_and_hears_of_the_team_and_of_joining() {
    let world = World::new().await;
    let World { app, ada, eve, team, agent, .. } = &world;
    app.stage.until_told().await;
    let mut before = eve.caller.socket(None).await;
    ada.put(team, eve, "viewer").await.expect(200);
    assert_eq!(before.closed().await, 1012);
    let mut after = eve.caller.socket(Some(before.position)).await;
    // Where she stood, the replica may not have told all of what was before: others who joined are among that.
    let mut joined = after.next_event().await;
    while joined["data"]["user_id"] != eve.id {
        assert_eq!(joined["event"], "team.member.added");
        joined = after.next_event().await;
    }
    assert_eq!(joined["event"], "team.member.added");
    let instance = ada.create_in(team, *agent).await;
    assert_eq!(after.next_event().await["data"]["instance_id"], instance);
}

#[tokio::test]
async fn another_role_ends_the_sockets_and_they_come_again_once() {
    let world = World::new().await;
    let World { app, ada, dan, team, agent, .. } = &world;
    let mut before = dan.caller.socket(None).await;
    ada.put(team, dan, "viewer").await.expect(200);
    assert_eq!(before.closed().await, 4401);
    let mut after = dan.caller.socket(Some(before.position)).await;
    app.stage.until_told().await;
    let instance = ada.create_in(team, *agent).await;
    // It was not closed by the event that followed.
    loop {
        if after.next_event().await["data"]["instance_id"] == instance {
            break;
        }
    }
}

/// Whoever is removed at one replica loses REST at the next request and sockets within a second at another.
async fn assert_removal_holds(
    first: &Person,
    at_second: &Caller,
    victim: &Person,
    team: &str,
    instance: &str,
) {
    let path = format!("{INSTANCES}/{instance}");
    let mut sockets = vec![victim.caller.socket(None).await];
    let there = Person { caller: victim.caller.at(at_second.url()), ..victim.clone() };
    sockets.push(there.caller.socket(None).await);
    there.caller.get(&path).await.expect(200);

    first.remove(team, victim).await.expect(204);
    let answered = Instant::now();
    for person in [victim, &there] {
        assert_eq!(person.caller.get(&path).await.problem(404), "instance_not_found");
        assert!(person.listed(INSTANCES).await.is_empty());
        assert!(person.listed(TEAMS).await.is_empty());
    }
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 4401);
    }
    assert!(answered.elapsed() < CLOSED_WITHIN + Duration::from_secs(1), "{:?}", answered.elapsed());
}

#[tokio::test]
async fn whoever_is_removed_loses_rest_at_once_and_sockets_within_a_second_on_every_replica() {
    let world = World::new().await;
    let second = Replica::start(&world.app.stage, false, &[]).await;
    let instance = world.ada.create_in(&world.team, world.agent).await;
    let elsewhere = Caller::stranger(&second.user_api);
    assert_removal_holds(&world.ada, &elsewhere, &world.vic, &world.team, &instance).await;
    drop(second);
}

#[tokio::test]
async fn a_resume_across_a_removal_shows_nothing_of_the_team_from_memory_or_from_the_log() {
    for recent in [0_i64, 1_000] {
        let own = [("websocket.recent_events_max", recent.into())];
        let world = World::of(crate::support::app::TestApp::with(&own).await).await;
        let World { app, ada, dan, team, agent, .. } = &world;
        let mut before = dan.caller.socket(None).await;
        let since = before.position;
        let _theirs = dan.create_in(team, *agent).await;
        ada.remove(team, dan).await.expect(204);
        assert_eq!(before.closed().await, 4401);
        let hers = ada.create_in(team, *agent).await;
        app.stage.tap.until_status(&hers, "running").await;
        app.stage.until_told().await;
        let his = id_of(&dan.caller.create(*agent).await);
        let mut after = dan.caller.socket(Some(since)).await;
        let event = after.next_event().await;
        assert_eq!(event["data"]["instance_id"], his, "{event}");

        // And the same for whoever is in it is whole.
        let mut member = ada.caller.socket(Some(since)).await;
        loop {
            if member.next_event().await["data"]["instance_id"] == hers {
                break;
            }
        }
    }
}
