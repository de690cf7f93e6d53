//! The main job: instances, from the wish to the end, as their user, the bus and the log tell it.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::replica::Replica;
use crate::support::wait::eventually;

#[tokio::test]
async fn a_new_instance_comes_up_and_everybody_hears_of_it_in_order() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;

    let wish = json!({
        "agent_id": agent, "title": " Mine ", "user_config": {"tone": "dry"},
        "pipeline_config": {"steps": [{"name": "answer"}]},
    });
    let answer = ada.post("/api/v1/instances", wish).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let created = answer.expect(201);
    let id = id_of(&created);
    assert_eq!(location, format!("/api/v1/instances/{id}"));
    assert_eq!((&created["status"], &created["revision"]), (&json!("pending"), &json!(1)));
    assert_eq!((&created["title"], &created["agent_id"]), (&json!("Mine"), &json!(agent)));
    assert_eq!(created["user_config"], json!({"tone": "dry"}));
    assert_eq!((&created["team_id"], &created["status_reason"]), (&json!(null), &json!(null)));

    app.stage.tap.until_status(&id, "running").await;
    assert_eq!(app.stage.tap.statuses_of(&id), ["pending", "provisioning", "running"]);
    let running = ada.instance(&id).await;
    assert_eq!((&running["status"], &running["revision"]), (&json!("running"), &json!(3)));
    app.stage.until_told().await;
}

#[tokio::test]
async fn every_message_says_what_the_contract_promises() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let me = ada.user_id().await;
    let created = ada.create(ada.an_agent().await).await;
    let id = id_of(&created);

    let first = app.stage.tap.until_status(&id, "pending").await;
    assert_eq!(first.key, "instance.created");
    for (field, expected) in [
        ("event_type", json!("instance.created")),
        ("schema_version", json!(1)),
        ("agent_id", created["agent_id"].clone()),
        ("user_id", json!(me)),
        ("team_id", json!(null)),
        ("revision", json!(1)),
    ] {
        assert_eq!(first.body[field], expected, "{field}");
    }
    assert!(first.body["config"].is_object() && first.body["created_at"].is_string(), "{}", first.body);
    assert!(first.body["occurred_at"].as_str().unwrap().ends_with('Z'));

    let properties = &first.properties;
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), first.body["event_id"]);
    assert_eq!(properties.kind().as_ref().unwrap().as_str(), "instance.created");
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
    assert_eq!(*properties.delivery_mode(), Some(2));
    let headers = properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers["position"].as_long_long_int(), Some(first.position));
    assert_eq!(headers["schema_version"].as_long_int(), Some(1));

    let running = app.stage.tap.until_status(&id, "running").await;
    assert_eq!(running.key, "instance.updated");
    assert_eq!((&running.body["status_reason"], &running.body["user_id"]), (&json!(null), &json!(me)));
    assert!(running.body["metadata"]["owner_epoch"].is_i64(), "{}", running.body);
    assert_eq!(running.body["metadata"]["desired_state"], "running");
}

#[tokio::test]
async fn an_instance_is_stopped_started_and_deleted_as_its_user_wishes() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let id = id_of(&ada.create(ada.an_agent().await).await);
    let tap = &app.stage.tap;
    tap.until_status(&id, "running").await;

    ada.post(&format!("/api/v1/instances/{id}/stop"), json!({})).await.expect(202);
    tap.until_status(&id, "stopped").await;
    assert_eq!(ada.instance(&id).await["status"], "stopped");

    ada.post(&format!("/api/v1/instances/{id}/start"), json!({})).await.expect(202);
    let story = ["pending", "provisioning", "running", "stopped", "pending", "provisioning", "running"];
    tap.until_story(&id, &story).await;

    ada.delete(&format!("/api/v1/instances/{id}")).await.expect(204);
    let deleted = tap.until_key(&id, "instance.deleted").await;
    assert_eq!(deleted.body["user_id"], ada.get("/api/v1/users/me").await.expect(200)["id"]);
    assert!(deleted.body["deleted_at"].is_string());
    assert_eq!(ada.get(&format!("/api/v1/instances/{id}")).await.problem(404), "instance_not_found");
    assert_eq!(ada.get("/api/v1/instances").await.expect(200)["items"], json!([]));
    for act in ["start", "stop"] {
        let answer = ada.post(&format!("/api/v1/instances/{id}/{act}"), json!({})).await;
        assert_eq!(answer.problem(404), "instance_not_found");
    }
    app.stage.until_purged(&id).await;

    app.stage.until_told().await;
    assert_eq!(tap.keys_of(&id).last().map(String::as_str), Some("instance.deleted"));
}

#[tokio::test]
async fn a_configuration_that_cannot_run_fails_with_its_reason_and_runs_once_it_is_mended() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let wish =
        json!({"agent_id": ada.an_agent().await, "title": "Broken", "pipeline_config": {"steps": "none"}});
    let id = id_of(&ada.post("/api/v1/instances", wish).await.expect(201));

    let failed = app.stage.tap.until_status(&id, "failed").await;
    assert_eq!(failed.body["status_reason"], "pipeline_config.steps must be a list");
    assert_eq!(ada.instance(&id).await["status_reason"], "pipeline_config.steps must be a list");

    let path = format!("/api/v1/instances/{id}");
    ada.patch(&path, json!({"pipeline_config": {"steps": []}})).await.expect(200);
    ada.post(&format!("{path}/start"), json!({})).await.expect(202);
    let running = app.stage.tap.until_status(&id, "running").await;
    assert_eq!(running.body["status_reason"], json!(null));
}

#[tokio::test]
async fn a_history_is_read_in_pages_oldest_first_and_is_what_was_on_the_bus_with_who_and_why() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let id = id_of(&ada.create(ada.an_agent().await).await);
    let tap = &app.stage.tap;
    let running = tap.until_status(&id, "running").await;

    let path = format!("/api/v1/instances/{id}/events");
    let mut items = Vec::new();
    let mut page = ada.get(&format!("{path}?limit=2")).await.expect(200);
    loop {
        items.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        page = ada.get(&format!("{path}?limit=2&cursor={cursor}")).await.expect(200);
    }
    let of_it =
        tap.heard().into_iter().filter(|heard| heard.is_of(&id) && heard.key.starts_with("instance."));
    for item in &mut items {
        let item = item.as_object_mut().unwrap();
        assert!(item.remove("actor").is_some_and(|actor| actor.is_object()), "{item:?}");
        assert!(item.remove("request_id").is_some_and(|request_id| request_id.is_string()), "{item:?}");
    }
    assert_eq!(items, of_it.map(|heard| heard.body).collect::<Vec<_>>());
    let after = ada.get(&format!("{path}?after={}", running.position)).await.expect(200);
    assert_eq!(after["items"], json!([]));
}

#[tokio::test]
async fn an_agent_that_is_published_is_offered_by_every_replica_and_a_retired_one_by_none() {
    let app = TestApp::start().await;
    let other = Replica::start(&app.stage, false, &[]).await;
    let admin = app.admin().await;
    let ada = app.sign_up("ada").await.at(&other.user_api);
    let draft = json!({"title": "Echo", "content": {}, "activation_code": "echo_001", "rate": 1});
    let agent = admin.post("/api/v1/agents", draft).await.expect(201)["id"].as_i64().unwrap();
    let path = format!("/api/v1/agents/{agent}");
    assert_eq!(ada.get(&path).await.problem(404), "agent_not_found");
    assert_eq!(ada.try_create(agent).await.problem(404), "agent_not_found");

    admin.post(&format!("{path}/publish"), json!({})).await.expect(200);
    // The shelf of a replica changes by an event; whether an agent can be used is decided by its row.
    let id = id_of(&ada.create(agent).await);
    eventually("it is on the shelf", async || (ada.get(&path).await.status == 200).then_some(())).await;
    app.stage.tap.until_status(&id, "running").await;

    admin.post(&format!("{path}/retire"), json!({})).await.expect(200);
    assert_eq!(ada.try_create(agent).await.problem(409), "agent_retired");
    eventually("it is off the shelf", async || (ada.get(&path).await.status == 404).then_some(())).await;
    assert_eq!(ada.instance(&id).await["status"], "running");
    assert_eq!(admin.delete(&path).await.problem(409), "agent_in_use");
}

#[tokio::test]
async fn every_listener_says_how_the_platform_is() {
    let app = TestApp::start().await;
    for url in [&app.replica.user_api, &app.replica.admin_api, &app.replica.broker_api] {
        let anybody = Caller::stranger(url);
        assert_eq!(anybody.get("/healthz").await.expect(200), json!({"status": "ok"}));
        let ready = anybody.get("/readyz").await.expect(200);
        assert!(ready["report"].as_array().unwrap().len() > 20, "{ready}");
        anybody.get("/metrics").await.expect(200);
        assert_eq!(anybody.get("/api/v1/nothing").await.problem(404), "not_found");
    }
}

#[tokio::test]
async fn wishes_that_overtake_each_other_end_where_the_last_one_says() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    for round in 0..30 {
        let id = id_of(&ada.create(agent).await);
        let path = format!("/api/v1/instances/{id}");
        if round % 3 == 0 {
            app.stage.tap.until_status(&id, "running").await;
        }
        ada.post(&format!("{path}/stop"), json!({})).await.expect(202);
        if round % 2 == 0 {
            app.stage.tap.until_status(&id, "stopped").await;
        }
        ada.post(&format!("{path}/start"), json!({})).await.expect(202);
        ada.delete(&path).await.expect(204);
        app.stage.until_purged(&id).await;
    }
}
