//! Who may do what with what belongs to a team.

use serde_json::json;

use super::world::{INSTANCES, Person, World};
use crate::support::client::id_of;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Everything,
    Looking,
    Nothing,
}

async fn assert_reads(person: &Person, team: &str, instance: &str, part: Part) {
    let status = if part == Part::Nothing { 404 } else { 200 };
    for path in ["", "/explain", "/events"] {
        let answer = person.caller.get(&format!("{INSTANCES}/{instance}{path}")).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let of_team = person.listed(&format!("{INSTANCES}?team_id={team}")).await;
    assert_eq!(of_team.is_empty(), part == Part::Nothing);
    for list in [of_team, person.listed(INSTANCES).await] {
        assert_eq!(list.contains(&instance.to_owned()), part != Part::Nothing);
    }
}

/// Tries everything that changes something; the deletion last, of an instance that is made for it.
async fn assert_changes(person: &Person, maker: &Person, world: &World, instance: &str, part: Part) {
    let expected = |done: u16| match part {
        Part::Everything => done,
        Part::Looking => 403,
        Part::Nothing => 404,
    };
    let path = format!("{INSTANCES}/{instance}");
    let title = json!({"title": "Theirs"});
    let mut answers = vec![
        (200, person.caller.patch(&path, title).await),
        (202, person.caller.post(&format!("{path}/stop"), json!({})).await),
        (202, person.caller.post(&format!("{path}/start"), json!({})).await),
        (201, person.try_create_in(&world.team, world.agent).await),
    ];
    let doomed = maker.create_in(&world.team, world.agent).await;
    answers.push((204, person.caller.delete(&format!("{INSTANCES}/{doomed}")).await));
    for (done, answer) in answers {
        assert_eq!(answer.status, expected(done), "{part:?}: {}", answer.body);
        if answer.status == 403 {
            assert_eq!(answer.problem(403), "forbidden");
        }
    }
}

async fn clear(world: &World) {
    for id in world.ada.listed(INSTANCES).await {
        world.ada.caller.delete(&format!("{INSTANCES}/{id}")).await.expect(204);
    }
}

#[tokio::test]
async fn each_member_does_with_what_is_the_teams_what_their_role_is_for_and_nobody_else_does_anything() {
    let world = World::new().await;
    for (person, part) in [
        (&world.ada, Part::Everything),
        (&world.dan, Part::Everything),
        (&world.vic, Part::Looking),
        (&world.eve, Part::Nothing),
    ] {
        clear(&world).await;
        let instance = world.ada.create_in(&world.team, world.agent).await;
        world.app.stage.tap.until_status(&instance, "running").await;
        assert_reads(person, &world.team, &instance, part).await;
        assert_changes(person, &world.ada, &world, &instance, part).await;
        person.caller.get("/api/v1/usage").await.expect(200);
    }
}

#[tokio::test]
async fn whoever_left_reaches_nothing_not_even_what_they_made() {
    let world = World::new().await;
    let World { ada, dan, team, agent, .. } = &world;
    let own = id_of(&dan.caller.create(*agent).await);
    let instance = dan.create_in(team, *agent).await;
    world.app.stage.tap.until_status(&instance, "running").await;
    let wish = |person: &Person| {
        let request = person.caller.request(reqwest::Method::POST, INSTANCES).header("idempotency-key", "k");
        let body = json!({"agent_id": agent, "title": "Again", "team_id": team});
        crate::support::client::answer(request.json(&body))
    };
    wish(dan).await.expect(201);

    ada.remove(team, dan).await.expect(204);
    assert_reads(dan, team, &instance, Part::Nothing).await;
    assert_changes(dan, ada, &world, &instance, Part::Nothing).await;
    assert_eq!(wish(dan).await.problem(404), "team_not_found");
    assert_eq!(dan.listed(INSTANCES).await, [own]);
    // It counts on whoever made it, and goes on.
    assert_eq!(ada.caller.instance(&instance).await["user_id"], dan.id);

    ada.put(team, dan, "viewer").await.expect(200);
    assert_reads(dan, team, &instance, Part::Looking).await;
    assert_changes(dan, ada, &world, &instance, Part::Looking).await;
}

#[tokio::test]
async fn a_list_has_ones_own_and_those_of_all_ones_teams_in_one_order() {
    let World { app: _app, ada, dan, eve, team, agent, .. } = World::new().await;
    let other = eve.team("Other").await;
    eve.put(&other, &dan, "viewer").await.expect(200);
    let mut expected = Vec::new();
    for _round in 0..4 {
        expected.push(id_of(&dan.caller.create(agent).await));
        expected.push(ada.create_in(&team, agent).await);
        expected.push(eve.create_in(&other, agent).await);
        let _others_own = eve.caller.create(agent).await;
    }
    expected.reverse();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = dan.caller.get(&format!("{INSTANCES}?limit=5&cursor={cursor}")).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(id_of));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    assert_eq!(seen, expected);
    assert_eq!(dan.listed(&format!("{INSTANCES}?team_id={other}")).await.len(), 4);
    assert!(ada.listed(&format!("{INSTANCES}?team_id={other}")).await.is_empty());
    assert_eq!(dan.try_create_in(&other, agent).await.problem(403), "forbidden");
    assert_eq!(ada.try_create_in(&other, agent).await.problem(404), "team_not_found");
}

#[tokio::test]
async fn what_is_done_to_a_teams_thing_needs_the_platforms_permission_too() {
    let World { app, dan, ada, team, agent, .. } = World::new().await;
    let instance = ada.create_in(&team, agent).await;
    let admin = app.admin().await;
    admin.patch(&format!("/api/v1/users/{}", dan.id), json!({"role": "viewer"})).await.expect(200);
    let caller = app.stranger().sign_in("dan", crate::support::client::PASSWORD).await;
    let dan = Person { caller, ..dan };
    assert_reads(&dan, &team, &instance, Part::Looking).await;
    let stopped = dan.caller.post(&format!("{INSTANCES}/{instance}/stop"), json!({})).await;
    assert_eq!(stopped.problem(403), "forbidden");
    // To leave is one's own affair, whatever one's role.
    dan.remove(&team, &dan).await.expect(204);
}
