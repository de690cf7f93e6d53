//! What a client is told, and nobody else.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::id_of;

#[tokio::test]
async fn a_user_watches_an_instance_come_up_and_go_away() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let mut socket = ada.socket_by_ticket(&ada.ticket().await).await.unwrap();
    assert!(socket.hello["session_id"].is_string());
    assert_eq!(socket.hello["heartbeat_seconds"], 1);

    let id = id_of(&ada.create(ada.an_agent().await).await);
    let mut told = Vec::new();
    while told.last().map(String::as_str) != Some("running") {
        told.push(socket.next_status(&id).await);
    }
    assert_eq!(told, ["pending", "provisioning", "running"]);

    ada.delete(&format!("/api/v1/instances/{id}")).await.expect(204);
    let deleted = loop {
        let event = socket.next_event().await;
        if event["event"] == "instance.deleted" {
            break event;
        }
    };
    assert_eq!(deleted["data"]["instance_id"], json!(id));
    assert_eq!(deleted["data"]["position"], deleted["position"]);
    // As on the bus, word for word.
    let on_the_bus = app.stage.tap.until_key(&id, "instance.deleted").await;
    assert_eq!(deleted["data"], on_the_bus.body);
}

#[tokio::test]
async fn nobody_hears_of_anothers_instances_not_even_of_their_end() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let agent = ada.an_agent().await;
    let (mut hers, mut eves) = (ada.socket(None).await, eve.socket(None).await);

    let id = id_of(&ada.create(agent).await);
    while hers.next_status(&id).await != "running" {}
    ada.delete(&format!("/api/v1/instances/{id}")).await.expect(204);
    app.stage.until_purged(&id).await;
    let own = id_of(&eve.create(agent).await);
    // The first that comes to her is of her own, and so is all that follows.
    loop {
        let event = eves.next_event().await;
        assert_eq!(event["data"]["instance_id"], json!(own), "{event}");
        if event["data"]["status"] == "running" {
            break;
        }
    }
}

#[tokio::test]
async fn a_client_hears_of_what_it_has_subscribed_to() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let mut socket = ada.socket(None).await;
    let wanted = id_of(&ada.create(agent).await);
    // On this very socket: the tap may be ahead of it, and what it has not told yet would come before `subscribed`.
    while socket.next_event().await["data"]["status"] != "running" {}
    socket.say(&json!({"type": "subscribe", "channels": [format!("instance:{wanted}")]})).await;
    socket.expect("subscribed").await;

    let other = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&other, "running").await;
    ada.post(&format!("/api/v1/instances/{wanted}/stop"), json!({})).await.expect(202);
    loop {
        let event = socket.next_event().await;
        assert_eq!(event["data"]["instance_id"], json!(wanted), "{event}");
        if event["data"]["status"] == "stopped" {
            break;
        }
    }
    socket.say(&json!({"type": "subscribe", "channels": ["everything"]})).await;
    assert_eq!(socket.closed().await, 1008);
}

#[tokio::test]
async fn nothing_of_another_user_is_found_and_no_activation_code_is_ever_shown() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let agent = ada.an_agent().await;
    let mut socket = ada.socket(None).await;
    let id = id_of(&ada.create(agent).await);
    let path = format!("/api/v1/instances/{id}");
    let mut shown = vec![socket.next_event().await.to_string(), socket.next_event().await.to_string()];

    assert_eq!(eve.get(&path).await.problem(404), "instance_not_found");
    assert_eq!(eve.patch(&path, json!({"title": "Eve's"})).await.problem(404), "instance_not_found");
    assert_eq!(eve.delete(&path).await.problem(404), "instance_not_found");
    for act in ["start", "stop"] {
        let answer = eve.post(&format!("{path}/{act}"), json!({})).await;
        assert_eq!(answer.problem(404), "instance_not_found");
    }
    assert_eq!(eve.get(&format!("{path}/events")).await.problem(404), "instance_not_found");
    assert_eq!(eve.get("/api/v1/instances").await.expect(200)["items"], json!([]));
    assert_eq!(eve.get("/api/v1/instances?status=running").await.expect(200)["items"], json!([]));
    app.stage.tap.until_status(&id, "running").await;
    assert_eq!(ada.instance(&id).await["title"], "Mine");

    let (listed, one) = (ada.get("/api/v1/agents").await, ada.get(&format!("/api/v1/agents/{agent}")).await);
    let (instance, history) = (ada.get(&path).await, ada.get(&format!("{path}/events")).await);
    shown.extend([listed, one, instance, history].map(|answer| answer.expect(200).to_string()));
    shown.extend(app.stage.tap.heard().iter().map(|heard| heard.body.to_string()));
    let sql = app.stage.sql().await;
    for row in sql.query("SELECT activation_code FROM agents", &[]).await.unwrap() {
        let code: String = row.get(0);
        assert!(
            shown.iter().all(|text| !text.contains(&code) && !text.contains("activation_code")),
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_ticket_opens_one_socket_and_an_old_one_none() {
    let app = TestApp::with(&[("websocket.ticket_seconds", 1.into())]).await;
    let ada = app.sign_up("ada").await;
    let ticket = ada.ticket().await;
    let _socket = ada.socket_by_ticket(&ticket).await.unwrap();
    assert_eq!(ada.socket_by_ticket(&ticket).await.err(), Some(401));
    assert_eq!(ada.socket_by_ticket("made-up").await.err(), Some(401));
    assert_eq!(app.stranger().try_socket(None).await.err(), Some(401));

    let late = ada.ticket().await;
    // The heartbeats of the first socket measure the time.
    let mut clock = ada.socket(None).await;
    for _ in 0..3 {
        clock.expect("heartbeat").await;
    }
    assert_eq!(ada.socket_by_ticket(&late).await.err(), Some(401));
}

#[tokio::test]
async fn heartbeats_tell_how_far_the_story_is_also_to_who_is_not_in_it() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let mut socket = eve.socket(None).await;
    let id = id_of(&ada.create(ada.an_agent().await).await);
    let running = app.stage.tap.until_status(&id, "running").await;
    while socket.expect("heartbeat").await["position"].as_i64().unwrap() < running.position {}
    // Who resumes there has nothing to catch up with.
    let position = app.stage.until_told().await;
    let mut again = eve.socket(Some(position)).await;
    let resumed = again.expect("resumed").await;
    assert_eq!((&resumed["to"], &resumed["replayed"]), (&json!(position), &json!(0)));
}
