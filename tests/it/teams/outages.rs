//! Teams while servers are away, and what is brought to its end afterwards.

use std::time::{Duration, Instant};

use serde_json::json;

use super::world::{INSTANCES, TEAMS, World};
use crate::support::app::TestApp;
use crate::support::proxy::Cable;
use crate::support::replica::Replica;
use crate::support::wait::eventually;

#[tokio::test]
async fn with_rabbitmq_and_redis_away_whoever_is_removed_loses_their_sockets_within_a_second() {
    let world = World::of(TestApp::on_cables(&[]).await).await;
    let second = Replica::start(&world.app.stage, true, &[]).await;
    let instance = world.ada.create_in(&world.team, world.agent).await;
    let there = world.vic.caller.at(&second.user_api);
    let mut sockets = vec![world.vic.caller.socket(None).await, there.socket(None).await];
    for replica in [&world.app.replica, &second] {
        let cables = replica.cables.as_ref().unwrap();
        cables.rabbitmq.set(Cable::Cut);
        cables.redis.set(Cable::Cut);
    }
    world.ada.remove(&world.team, &world.vic).await.expect(204);
    let answered = Instant::now();
    for caller in [&world.vic.caller, &there] {
        assert_eq!(caller.get(&format!("{INSTANCES}/{instance}")).await.status, 404);
    }
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 4401);
    }
    assert!(answered.elapsed() < Duration::from_secs(1), "{:?}", answered.elapsed());
    for replica in [&world.app.replica, &second] {
        replica.cables.as_ref().unwrap().mend();
        replica.until_well().await;
    }
    drop(second);
}

#[tokio::test]
async fn a_removal_that_is_not_in_force_is_not_answered_as_if_it_were_and_comes_into_force_by_itself() {
    let world = World::of(TestApp::on_cables(&[]).await).await;
    let instance = world.ada.create_in(&world.team, world.agent).await;
    world.app.stage.until_told().await;
    let shared = &world.app.replica.cables.as_ref().unwrap().shared_postgres;
    shared.set(Cable::Cut);
    assert_eq!(world.ada.remove(&world.team, &world.vic).await.problem(503), "outcome_unknown");
    shared.set(Cable::Sound);
    world.app.replica.until_well().await;
    eventually("it is in force", async || {
        (world.vic.caller.get(&format!("{INSTANCES}/{instance}")).await.status == 404).then_some(())
    })
    .await;
    assert_eq!(world.ada.remove(&world.team, &world.vic).await.problem(404), "member_not_found");
}

#[tokio::test]
async fn a_deletion_that_nobody_works_on_any_more_is_brought_to_its_end() {
    let world = World::new().await;
    let (app, ada) = (&world.app, &world.ada);
    let empty = ada.team("Empty").await;
    ada.create_in(&world.team, world.agent).await;
    // As if whoever began them had died.
    let sql = app.stage.databases.plain_user("botberi").await;
    let begun = "UPDATE teams SET closing_at = now() - interval '1 minute'";
    assert_eq!(sql.execute(begun, &[]).await.unwrap(), 2);
    eventually("the empty one is gone", async || {
        (ada.caller.get(&format!("{TEAMS}/{empty}")).await.status == 404).then_some(())
    })
    .await;
    eventually("the other one goes on", async || {
        let open = "SELECT closing_at IS NULL FROM teams WHERE id::text = $1";
        sql.query_one(open, &[&world.team]).await.unwrap().get::<_, bool>(0).then_some(())
    })
    .await;
    eventually("and takes new things", async || {
        (ada.try_create_in(&world.team, world.agent).await.status == 201).then_some(())
    })
    .await;
    let again = ada.caller.patch(&format!("{TEAMS}/{}", world.team), json!({"name": "Still ours"})).await;
    again.expect(200);
}
