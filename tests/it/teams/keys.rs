//! API keys that belong to a team.

use serde_json::json;

use super::world::{INSTANCES, Person, TEAMS, World};
use crate::support::client::id_of;

async fn key(person: &Person, team: &str) -> Person {
    let permissions = json!([
        "instance:read",
        "instance:create",
        "instance:control",
        "event:read",
        "team:read",
        "team:manage"
    ]);
    let wish = json!({"name": "nightly", "team_id": team, "permissions": permissions});
    let made = person.caller.post("/api/v1/api-keys", wish).await.expect(201);
    Person { caller: person.caller.with_token(made["key"].as_str().unwrap()), ..person.clone() }
}

#[tokio::test]
async fn a_teams_key_reaches_that_team_and_nothing_else_and_ends_with_the_membership() {
    let World { app, ada, dan, team, agent, .. } = World::new().await;
    let other = dan.team("Other").await;
    let (own, theirs) = (id_of(&dan.caller.create(agent).await), ada.create_in(&team, agent).await);
    let others = dan.create_in(&other, agent).await;
    app.stage.until_all(&[own.clone(), theirs.clone(), others.clone()], "running").await;
    app.stage.until_told().await;

    let program = key(&dan, &team).await;
    assert_eq!(program.listed(INSTANCES).await, std::slice::from_ref(&theirs));
    assert_eq!(program.listed(TEAMS).await, std::slice::from_ref(&team));
    for foreign in [&own, &others] {
        let path = format!("{INSTANCES}/{foreign}");
        assert_eq!(program.caller.get(&path).await.problem(404), "instance_not_found");
        let stopped = program.caller.post(&format!("{path}/stop"), json!({})).await;
        assert_eq!(stopped.problem(404), "instance_not_found");
    }
    assert_eq!(program.try_create_in(&other, agent).await.problem(404), "team_not_found");
    assert_eq!(program.caller.post(TEAMS, json!({"name": "x"})).await.problem(403), "forbidden");

    // What it makes is the team's, and that is what it hears of.
    let mut socket = program.caller.socket(None).await;
    let _his_own = dan.caller.create(agent).await;
    let made = program.caller.create(agent).await;
    assert_eq!(made["team_id"], team.as_str());
    let event = socket.next_event().await;
    assert_eq!(event["data"]["instance_id"], made["id"]);

    ada.remove(&team, &dan).await.expect(204);
    assert_eq!(socket.closed().await, 4401);
    assert_eq!(program.caller.get(INSTANCES).await.problem(401), "unauthenticated");
    ada.put(&team, &dan, "developer").await.expect(200);
    assert_eq!(program.caller.get(INSTANCES).await.problem(401), "unauthenticated");
}

#[tokio::test]
async fn nobody_makes_a_key_of_a_team_that_they_are_not_in() {
    let World { app: _app, eve, team, .. } = World::new().await;
    let wish = json!({"name": "x", "team_id": team, "permissions": ["instance:read"]});
    assert_eq!(eve.caller.post("/api/v1/api-keys", wish).await.problem(404), "team_not_found");
}

#[tokio::test]
async fn whoever_manages_a_team_sees_and_revokes_its_keys_and_nobody_else_does() {
    let World { ada, dan, team, .. } = &World::new().await;
    let wish = json!({"name": "his", "team_id": team, "permissions": ["instance:read"]});
    let his = dan.caller.post("/api/v1/api-keys", wish.clone()).await.expect(201);
    let hers = ada.caller.post("/api/v1/api-keys", wish).await.expect(201);
    let own = json!({"name": "his own", "permissions": ["instance:read"]});
    let own = dan.caller.post("/api/v1/api-keys", own).await.expect(201);
    let listed = async |person: &Person| person.listed("/api/v1/api-keys").await;
    assert_eq!(listed(ada).await, [id_of(&hers), id_of(&his)]);
    assert_eq!(listed(dan).await, [id_of(&own), id_of(&his)]);

    let revoke = async |person: &Person, key: &serde_json::Value| {
        person.caller.delete(&format!("/api/v1/api-keys/{}", id_of(key))).await
    };
    assert_eq!(revoke(dan, &hers).await.problem(404), "api_key_not_found");
    assert_eq!(revoke(ada, &own).await.problem(404), "api_key_not_found");
    revoke(ada, &his).await.expect(204);
    let program = dan.caller.with_token(his["key"].as_str().unwrap());
    assert_eq!(program.get(INSTANCES).await.problem(401), "unauthenticated");
    assert_eq!(listed(dan).await, [id_of(&own)]);
}
