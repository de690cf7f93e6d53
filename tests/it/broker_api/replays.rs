//! Windows of the log that are published once more.

use serde_json::{Value, json};
use toml::Value as Setting;

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::proxy::Cable;
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::tap::Heard;
use crate::support::wait::eventually;

/// So slow that a replay is still under way when it is looked at.
const SLOW: &[(&str, Setting)] =
    &[("replayer.events_per_second_max", Setting::Integer(4)), ("replayer.tick_ms", Setting::Integer(50))];

async fn replay(admin: &Caller, window: Value) -> Value {
    let answer = admin.post("/api/v1/events/replay", window).await;
    let location = answer.headers.get("location").map(|value| value.to_str().unwrap().to_owned());
    let replay = answer.expect(202);
    assert_eq!(location, Some(path_of(&replay)));
    replay
}

fn path_of(replay: &Value) -> String {
    format!("/api/v1/events/replays/{}", replay["replay_id"].as_str().unwrap())
}

async fn until(admin: &Caller, replay: &Value, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || {
        let replay = admin.get(&path_of(replay)).await.expect(200);
        holds(&replay).then_some(replay)
    })
    .await
}

fn is_replayed(heard: &Heard) -> bool {
    let headers = heard.properties.headers().as_ref().expect("headers");
    headers.inner().contains_key("x-replayed")
}

/// Some instances that run, and the position of the last event about them.
async fn history(stage: &Stage, ada: &Caller, instances: usize) -> i64 {
    let agent = ada.an_agent().await;
    let mut ids = Vec::new();
    for _ in 0..instances {
        ids.push(id_of(&ada.create(agent).await));
    }
    stage.until_all(&ids, "running").await;
    stage.until_told().await
}

#[tokio::test]
async fn a_replay_publishes_the_same_messages_again_and_sockets_see_nothing_twice() {
    // The socket is not read while the events come again: it must not be taken for dead.
    let app = TestApp::with(&[("websocket.heartbeat_seconds", 60.into())]).await;
    let admin = app.admin().await.at(&app.replica.broker_api);
    let ada = app.sign_up("ada").await;
    let mut socket = ada.socket(None).await;
    let last = history(&app.stage, &ada, 5).await;
    while socket.position < last {
        socket.next_event().await;
    }
    let before = app.stage.tap.heard();
    let statuses = "SELECT json_agg(json_build_array(id, status, revision) ORDER BY id)::text FROM instances";
    let sql = app.stage.sql().await;
    let rows: String = sql.query_one(statuses, &[]).await.unwrap().get(0);

    let asked = replay(&admin, json!({"from_position": 1})).await;
    assert_eq!((&asked["to_position"], &asked["events"]), (&last.into(), &last.into()));
    let done = until(&admin, &asked, "the replay is done", |replay| replay["status"] == "done").await;
    assert_eq!((&done["position"], &done["events_sent"]), (&last.into(), &last.into()));
    assert!(done["finished_at"].is_string() && done["last_error"].is_null(), "{done}");

    let again = app
        .stage
        .tap
        .until("all has come again", |all| {
            let again: Vec<Heard> = all.iter().filter(|heard| is_replayed(heard)).cloned().collect();
            (again.len() == before.len()).then_some(again)
        })
        .await;
    let document = serde_json::to_value(botberi::http::asyncapi::document().unwrap()).unwrap();
    let described = &document["components"]["schemas"]["headers"]["properties"];
    for (first, second) in before.iter().zip(&again) {
        assert_eq!((first.position, &first.key, &first.body), (second.position, &second.key, &second.body));
        assert_eq!(first.properties.message_id(), second.properties.message_id());
        for name in second.properties.headers().as_ref().unwrap().inner().keys() {
            assert!(described[name.as_str()].is_object(), "the document does not know {name}");
        }
        assert_eq!(first.properties.kind(), second.properties.kind());
    }

    // What comes next on the socket is what happens next: `next_event` fails on a position that does not rise.
    let fresh = id_of(&ada.create(ada.an_agent().await).await);
    let event = socket.next_event().await;
    assert_eq!((event["position"].as_i64(), &event["data"]["instance_id"]), (Some(last + 1), &json!(fresh)));
    while socket.next_status(&fresh).await != "running" {}
    ada.delete(&format!("/api/v1/instances/{fresh}")).await.expect(204);
    app.stage.until_purged(&fresh).await;
    app.stage.until_told().await;
    let rows_after: String = sql.query_one(statuses, &[]).await.unwrap().get(0);
    assert_eq!(rows, rows_after, "a worker did something for an old event");
}

#[tokio::test]
async fn a_pattern_chooses_which_events_come_again() {
    let app = TestApp::start().await;
    let admin = app.admin().await.at(&app.replica.broker_api);
    let last = history(&app.stage, &app.sign_up("ada").await, 3).await;
    let window = json!({"from_position": 2, "to_position": last - 1, "routing_key": "*.created"});
    let asked = replay(&admin, window).await;
    assert_eq!(asked["routing_key"], "*.created");
    let done = until(&admin, &asked, "the replay is done", |replay| replay["status"] == "done").await;
    let expected: Vec<i64> = {
        let mut meant = app.stage.tap.heard();
        meant.retain(|heard| !is_replayed(heard) && heard.key.ends_with(".created"));
        meant.retain(|heard| 2 <= heard.position && heard.position < last);
        meant.retain(|heard| heard.key.split('.').count() == 2);
        meant.iter().map(|heard| heard.position).collect()
    };
    assert_eq!(done["events_sent"], expected.len());
    app.stage
        .tap
        .until("those that were meant", |all| {
            let again: Vec<i64> =
                all.iter().filter(|heard| is_replayed(heard)).map(|heard| heard.position).collect();
            (again == expected).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_window_must_be_within_the_log_and_named_in_full_words() {
    let app = TestApp::start().await;
    let admin = app.admin().await.at(&app.replica.broker_api);
    let last = history(&app.stage, &app.sign_up("ada").await, 1).await;
    let post = async |window: Value| admin.post("/api/v1/events/replay", window).await;
    for (window, field) in [
        (json!({}), "from_position"),
        (json!({"from_position": 0}), "from_position"),
        (json!({"from_position": "1"}), "from_position"),
        (json!({"from_position": 3, "to_position": 2}), "to_position"),
        (json!({"from_position": 1, "routing_key": "Instance.*"}), "routing_key"),
        (json!({"from_position": 1, "speed": 9}), "speed"),
    ] {
        let answer = post(window).await;
        assert_eq!(answer.problem(422), "validation_failed");
        assert_eq!(answer.body["errors"][0]["field"], field);
    }
    let answer = post(json!({"from_position": 1, "to_position": last + 1_000})).await;
    assert_eq!(answer.problem(422), "positions_out_of_range");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("positions 1 to "), "{detail}");
    app.stage.sql().await.execute("DELETE FROM event_outbox WHERE position <= 2", &[]).await.unwrap();
    assert_eq!(post(json!({"from_position": 2})).await.problem(422), "positions_out_of_range");

    for id in ["x", "01981b5e-0000-7000-8000-000000000000"] {
        let path = format!("/api/v1/events/replays/{id}");
        assert_eq!(admin.get(&path).await.problem(404), "replay_not_found");
        assert_eq!(admin.post(&format!("{path}/cancel"), json!({})).await.problem(404), "replay_not_found");
    }
}

#[tokio::test]
async fn there_is_one_replay_at_a_time_and_it_can_be_cancelled() {
    let app = TestApp::with(SLOW).await;
    let admin = app.admin().await.at(&app.replica.broker_api);
    history(&app.stage, &app.sign_up("ada").await, 10).await;
    let first = replay(&admin, json!({"from_position": 1})).await;
    until(&admin, &first, "it gets on", |replay| replay["events_sent"].as_i64() > Some(0)).await;
    let second = admin.post("/api/v1/events/replay", json!({"from_position": 1})).await;
    assert_eq!(second.problem(409), "replay_under_way");
    assert_eq!(second.body["replay_id"], first["replay_id"]);

    let ended = admin.post(&format!("{}/cancel", path_of(&first)), json!({})).await.expect(200);
    assert_eq!(ended["status"], "cancelled");
    assert!(ended["position"].as_i64() < ended["to_position"].as_i64(), "{ended}");
    assert_eq!(
        admin.post(&format!("{}/cancel", path_of(&first)), json!({})).await.expect(200),
        ended,
        "to cancel twice changes nothing"
    );

    let next = replay(&admin, json!({"from_position": 1, "to_position": 1})).await;
    until(&admin, &next, "the next is done", |replay| replay["status"] == "done").await;
    assert_eq!(admin.get(&path_of(&first)).await.expect(200)["position"], ended["position"]);
}

#[tokio::test]
async fn a_replay_waits_for_rabbitmq_and_says_so() {
    let app = TestApp::on_cables(SLOW).await;
    let admin = app.admin().await.at(&app.replica.broker_api);
    history(&app.stage, &app.sign_up("ada").await, 5).await;
    let asked = replay(&admin, json!({"from_position": 1, "to_position": 12})).await;
    until(&admin, &asked, "it gets on", |replay| replay["events_sent"].as_i64() > Some(0)).await;
    let rabbitmq = &app.replica.cables.as_ref().unwrap().rabbitmq;
    rabbitmq.set(Cable::Cut);
    let says_so =
        |replay: &Value| replay["last_error"].as_str().is_some_and(|why| why.starts_with("rabbitmq"));
    until(&admin, &asked, "it says what it waits for", says_so).await;
    app.replica.until_impaired("/broker/replayer").await;
    rabbitmq.set(Cable::Sound);
    let done = until(&admin, &asked, "the replay is done", |replay| replay["status"] == "done").await;
    assert!(done["events_sent"].as_i64() >= Some(12) && done["last_error"].is_null(), "{done}");
    app.replica.until_well().await;
}

#[tokio::test]
async fn when_a_replica_leaves_another_one_goes_on_with_its_replay() {
    let stage = Stage::set().await;
    let first = Replica::start(&stage, false, SLOW).await;
    let second = Replica::start(&stage, false, SLOW).await;
    let ada = Caller::stranger(&first.user_api).sign_up("ada").await;
    let last = history(&stage, &ada, 6).await;
    let admin = Caller::stranger(&first.admin_api);
    let admin = admin.sign_in("admin", crate::support::replica::ADMIN_PASSWORD).await;
    let asked = replay(&admin.at(&first.broker_api), json!({"from_position": 1})).await;
    let admin = admin.at(&second.broker_api);
    until(&admin, &asked, "it gets on", |replay| replay["events_sent"].as_i64() > Some(0)).await;
    first.stop();
    let done = until(&admin, &asked, "the replay is done", |replay| replay["status"] == "done").await;
    assert_eq!(done["position"], last);
    stage.until_told().await;
}

#[tokio::test]
async fn a_replay_finds_the_durable_queues_even_if_rabbitmq_has_lost_them() {
    // Without a worker nobody reads it, so nobody else misses it.
    let roles = ["user", "admin", "broker"].map(Setting::from).to_vec();
    let app = TestApp::with(&[("service.roles", roles.into())]).await;
    let admin = app.admin().await.at(&app.replica.broker_api);
    let ada = app.sign_up("ada").await;
    let _pending = ada.create(ada.an_agent().await).await;
    app.stage.until_told().await;
    let lost = "agents_worker.instance";
    let is_there = async || app.stage.bus.list("queues").await.iter().any(|queue| queue["name"] == lost);
    app.stage.bus.delete_queue(lost).await;
    assert!(!is_there().await);

    let asked = replay(&admin, json!({"from_position": 1})).await;
    until(&admin, &asked, "the replay is done", |replay| replay["status"] == "done").await;
    eventually("the queue is there again", async || is_there().await.then_some(())).await;
}
