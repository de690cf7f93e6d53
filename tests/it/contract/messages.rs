//! What is on the bus and on a socket, held against the schemas.

use std::collections::BTreeSet;

use botberi::models::event::{CATALOGUE, Standing};
use lapin::types::AMQPValue;
use serde_json::{Map, Value, json};
use tokio_postgres::Client;

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::schemas::{MessageSchemas, unnamed};
use crate::support::socket::Socket;
use crate::support::tap::Heard;

#[tokio::test]
async fn all_that_is_told_on_the_bus_fits_its_schema_and_nothing_that_is_promised_is_missing() {
    let app = TestApp::start().await;
    let sql = app.stage.sql().await;
    live_through_instances(&app, &sql).await;
    live_through_agents(&app).await;
    live_through_work(&sql).await;
    live_through_a_team(&app).await;
    live_through_an_account(&app).await;
    app.stage.until_told().await;

    let schemas = MessageSchemas::of_the_program();
    let heard = app.stage.tap.heard();
    for heard in &heard {
        assert_fits(&schemas, heard);
    }
    let seen: BTreeSet<&str> = heard.iter().map(|heard| heard.key.as_str()).collect();
    let told = CATALOGUE.iter().filter(|fact| fact.standing == Standing::Told);
    let promised: BTreeSet<&str> = told.map(|fact| fact.key.as_str()).collect();
    assert_eq!(seen, promised);
}

#[tokio::test]
async fn all_that_is_said_on_a_socket_fits_its_schema() {
    let app = TestApp::with(&[("websocket.heartbeat_seconds", 1.into())]).await;
    let ada = app.sign_up("ada").await;
    let mut socket = ada.socket(None).await;
    let mut frames = vec![socket.hello.clone()];
    frames.extend(hear(&mut socket, |frame| frame["type"] == "heartbeat").await);
    for (wish, answer) in [
        (json!({"type": "ping"}), "pong"),
        (json!({"type": "unsubscribe", "channels": ["all"]}), "subscribed"),
        (json!({"type": "subscribe", "channels": ["instances", "knowledge_bases"]}), "subscribed"),
    ] {
        socket.say(&wish).await;
        frames.extend(hear(&mut socket, |frame| frame["type"] == answer).await);
    }
    let began = frames[0]["position"].as_i64().unwrap();
    let id = id_of(&ada.create(ada.an_agent().await).await);
    frames.extend(hear(&mut socket, |frame| frame["data"]["status"] == "running").await);
    socket.say(&json!({"type": "sing"})).await;
    frames.extend(hear(&mut socket, |frame| frame["type"] == "error").await);

    let mut resumed = ada.socket(Some(began)).await;
    frames.extend(hear(&mut resumed, |frame| frame["type"] == "resumed").await);
    ada.delete(&format!("/api/v1/instances/{id}")).await.expect(204);
    frames.extend(hear(&mut resumed, |frame| frame["event"] == "instance.deleted").await);
    let mut ahead = ada.socket(Some(1_000_000)).await;
    frames.extend(hear(&mut ahead, |frame| frame["type"] == "gap").await);

    let schemas = MessageSchemas::of_the_program();
    let mut seen = BTreeSet::new();
    for frame in &frames {
        let name = format!("websocket.{}", frame["type"].as_str().unwrap());
        schemas.assert_fits(&name, frame);
        if frame["type"] == "event" {
            schemas.assert_fits(frame["event"].as_str().unwrap(), &frame["data"]);
        }
        seen.insert(name);
    }
    let of_clients = ["websocket.ping", "websocket.subscribe", "websocket.unsubscribe"];
    let promised =
        schemas.names().filter(|name| name.starts_with("websocket.") && !of_clients.contains(name));
    assert_eq!(seen, promised.map(str::to_owned).collect());
}

#[tokio::test]
async fn the_brokers_listener_gives_the_document_to_everybody() {
    let app = TestApp::start().await;
    let described = Caller::stranger(&app.replica.broker_api).get("/api/v1/events/schema").await;
    assert_eq!(described.headers["content-type"], "application/json");
    let document = serde_json::to_value(botberi::http::asyncapi::document().unwrap()).unwrap();
    assert_eq!(described.expect(200), document);
}

#[test]
fn a_field_that_no_schema_names_is_noticed_however_deep_it_is() {
    let schemas = MessageSchemas::of_the_program();
    let schema = schemas.schema("instance.updated");
    let mut message = schema["examples"][0].clone();
    message["metadata"]["shoe_size"] = json!(44);
    message["mood"] = json!("fair");
    assert_eq!(unnamed(&message, schema, ""), ["/metadata/shoe_size", "/mood"]);
    let made = schemas.schema("instance.created");
    assert!(unnamed(&made["examples"][0], made, "").is_empty(), "what users choose may have any name");
}

#[tokio::test]
async fn what_the_document_lets_a_client_say_is_understood() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let schemas = MessageSchemas::of_the_program();
    let mut socket = ada.socket(None).await;
    for (name, answer) in [("subscribe", "subscribed"), ("unsubscribe", "subscribed"), ("ping", "pong")] {
        let example = schemas.schema(&format!("websocket.{name}"))["examples"][0].clone();
        socket.say(&example).await;
        let _answer = socket.expect(answer).await;
    }
}

async fn live_through_a_team(app: &TestApp) {
    let (owner, other) = (app.sign_up("owner").await, app.sign_up("other").await);
    let team = id_of(&owner.post("/api/v1/teams", json!({"name": "Ours"})).await.expect(201));
    let member = format!("/api/v1/teams/{team}/members/{}", other.user_id().await);
    for role in ["viewer", "developer"] {
        owner.put(&member, json!({"role": role})).await.expect(200);
    }
    owner.delete(&member).await.expect(204);
}

/// All frames up to the first that is wanted.
async fn hear(socket: &mut Socket, is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut frames = Vec::new();
    loop {
        let frame =
            socket.frame().await.unwrap_or_else(|close| panic!("closed with {close} after {frames:?}"));
        let is_last = is_wanted(&frame);
        frames.push(frame);
        if is_last {
            return frames;
        }
    }
}

fn assert_fits(schemas: &MessageSchemas, heard: &Heard) {
    let Heard { key, body, properties, .. } = heard;
    schemas.assert_fits(key, body);

    let fact = CATALOGUE.iter().find(|fact| fact.key.as_str() == key.as_str()).unwrap();
    let read = fact.read(&body.to_string()).unwrap_or_else(|error| panic!("{key}: {error}: {body}"));
    let own = fields(body).into_iter().filter(|name| !is_of_envelope(name)).collect::<BTreeSet<_>>();
    assert_eq!(fields(&read), own, "the type of {key} does not read all of it");

    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string);
    assert_eq!(text(properties.message_id()), body["event_id"].as_str().map(str::to_owned), "{key}");
    assert_eq!(text(properties.kind()).as_ref(), Some(key));
    assert_eq!(text(properties.content_type()).as_deref(), Some("application/json"));
    assert_eq!(*properties.delivery_mode(), Some(2), "{key} is not persistent");
    assert_headers_fit(heard);
}

/// The headers have no file of their own; the document has their schema.
fn assert_headers_fit(heard: &Heard) {
    let mut headers = Map::new();
    for (name, value) in heard.properties.headers().as_ref().unwrap().inner() {
        let value = match value {
            AMQPValue::LongInt(number) => json!(number),
            AMQPValue::LongLongInt(number) => json!(number),
            AMQPValue::LongString(text) => json!(text.to_string()),
            other => panic!("{name} is {other:?}"),
        };
        headers.insert(name.to_string(), value);
    }
    for name in ["schema_version", "position"] {
        assert_eq!(headers[name], heard.body[name], "{}", heard.key);
    }
    let headers = Value::Object(headers);
    let document = serde_json::to_value(botberi::http::asyncapi::document().unwrap()).unwrap();
    let schema = &document["components"]["schemas"]["headers"];
    assert!(unnamed(&headers, schema, "").is_empty(), "the document does not know {headers}");
    serde_json::from_value::<botberi::models::event::Headers>(headers).unwrap();
}

fn fields(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn is_of_envelope(name: &str) -> bool {
    ["event_id", "event_type", "schema_version", "position", "occurred_at"].contains(&name)
}

/// Made, run, changed, stopped, started, failed and mended, deleted; with a knowledge base that is filled.
async fn live_through_instances(app: &TestApp, sql: &Client) {
    let (ada, tap) = (app.sign_up("ada").await, &app.stage.tap);
    let id = id_of(&ada.create(ada.an_agent().await).await);
    let path = format!("/api/v1/instances/{id}");
    tap.until_status(&id, "running").await;
    ada.patch(&path, json!({"title": "Ours", "user_config": {"tone": "dry"}})).await.expect(200);
    ada.post(&format!("{path}/stop"), json!({})).await.expect(202);
    tap.until_status(&id, "stopped").await;
    ada.post(&format!("{path}/start"), json!({})).await.expect(202);
    // The platform keeps every instance's knowledge base, and does not look after an instance without one.
    live_through_a_knowledge_base(sql, &broken_instance(app, &ada).await).await;
    ada.delete(&path).await.expect(204);
    app.stage.until_purged(&id).await;
}

async fn broken_instance(app: &TestApp, ada: &Caller) -> String {
    let agent_id = ada.an_agent().await;
    let wish = json!({"agent_id": agent_id, "title": "Broken", "pipeline_config": {"steps": "none"}});
    let id = id_of(&ada.post("/api/v1/instances", wish).await.expect(201));
    app.stage.tap.until_status(&id, "failed").await;
    id
}

async fn live_through_a_knowledge_base(sql: &Client, instance: &str) {
    let base = format!("(SELECT id FROM knowledge_bases WHERE instance_id = '{instance}')");
    let life = format!(
        "INSERT INTO knowledge_base_entries (knowledge_base_id, content, data_type, lang_hint)
             VALUES ({base}, 'x', 'video', 'es');
         UPDATE knowledge_base_entries SET status = 'failed', status_reason = 'mute' WHERE knowledge_base_id = {base};
         DELETE FROM knowledge_base_entries WHERE knowledge_base_id = {base};
         DELETE FROM knowledge_bases WHERE instance_id = '{instance}'"
    );
    sql.batch_execute(&life).await.unwrap();
}

/// Its events come from the other database, by way of the relay.
async fn live_through_an_account(app: &TestApp) {
    let closed = app.sign_up("eve").await.delete("/api/v1/users/me").await;
    let request_id = closed.headers["x-request-id"].to_str().unwrap().to_owned();
    closed.expect(204);
    for key in ["auth.revoked", "user.deleted"] {
        let find = |all: &[Heard]| all.iter().find(|heard| heard.key == key).cloned();
        let told = app.stage.tap.until(key, find).await;
        let headers = told.properties.headers().as_ref().unwrap().inner().clone();
        assert_eq!(headers["request_id"], AMQPValue::LongString(request_id.as_str().into()), "{key}");
    }
}

/// With capabilities and without, and past the API, where they can be anything.
async fn live_through_agents(app: &TestApp) {
    let admin = app.admin().await;
    for (code, content) in [
        ("echo_1", json!({"capabilities": ["echo", "repeat"]})),
        ("echo_2", json!({})),
        ("echo_3", json!({"capabilities": null})),
    ] {
        let wish = json!({"title": "Echo", "content": content, "activation_code": code, "rate": 1});
        let agent = admin.post("/api/v1/agents", wish).await.expect(201);
        let path = format!("/api/v1/agents/{}", agent["id"]);
        for step in ["publish", "retire"] {
            admin.post(&format!("{path}/{step}"), json!({})).await.expect(200);
        }
        admin.delete(&path).await.expect(204);
    }
}

/// Nothing of the platform fills these tables yet.
async fn live_through_work(sql: &Client) {
    let life = "
        INSERT INTO workflows (user_id, team_id, name, tasks) VALUES (uuid_v7(), uuid_v7(), 'w', '[]');
        UPDATE workflows SET status = 'running', started_at = now();
        UPDATE workflows SET results = '[1]';
        UPDATE workflows SET status = 'completed', finished_at = now();
        INSERT INTO agent_executions (agent_id, user_id, workflow_id) SELECT 1, user_id, id FROM workflows;
        UPDATE agent_executions SET status = 'running', started_at = now();
        UPDATE agent_executions SET status = 'succeeded', finished_at = now(), processing_time_ms = 2.5;
        DELETE FROM agent_executions;
        DELETE FROM workflows";
    sql.batch_execute(life).await.unwrap();
}
