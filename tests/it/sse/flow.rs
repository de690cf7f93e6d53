//! What a reader is told, and nobody else.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::TestApp;
use crate::support::client::{answer, id_of};
use crate::support::event_stream::{StreamEvent, StreamParser};
use crate::support::wait::within;

#[test]
fn a_stream_is_read_as_the_whatwg_says() {
    let event = |id: &str, name: &str, data: &str| StreamEvent {
        last_event_id: id.to_owned(),
        name: name.to_owned(),
        data: data.to_owned(),
    };
    let text = "\u{feff}: a comment\r\nretry: 10\nid: 1\nevent:  add\ndata:a\rdata\ndata: b\n\nid: 2\n\ndata: c\n\nid\ndata:\n\nevent: x\n\ndata: lost";
    let mut whole = StreamParser::default();
    let events = whole.read(text.as_bytes());
    assert_eq!(events, [event("1", " add", "a\n\nb"), event("2", "message", "c"), event("", "message", "")]);
    assert_eq!(whole.retry_ms, Some(10));
    let mut bytewise = StreamParser::default();
    let one_by_one: Vec<StreamEvent> = text.bytes().flat_map(|byte| bytewise.read(&[byte])).collect();
    assert_eq!(one_by_one, events);
}

#[tokio::test]
async fn a_reader_watches_an_instance_come_up_and_go_away() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let mut stream = ada.stream("").await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert_eq!(stream.headers["cache-control"], "no-store");
    assert_eq!(stream.headers["x-accel-buffering"], "no");
    assert!(stream.headers.get("content-encoding").is_none());
    assert_eq!((&stream.hello["type"], &stream.hello["heartbeat_seconds"]), (&json!("hello"), &json!(1)));
    assert!(stream.hello["session_id"].is_string());
    assert_eq!(stream.hello["position"], stream.begin);
    assert!((500..3_000).contains(&stream.retry_ms().unwrap()));

    let id = id_of(&ada.create(ada.an_agent().await).await);
    let mut told = Vec::new();
    while told.last().map(String::as_str) != Some("running") {
        told.push(stream.next_status(&id).await);
    }
    assert_eq!(told, ["pending", "provisioning", "running"]);
    ada.delete(&format!("/api/v1/instances/{id}")).await.expect(204);
    let deleted = loop {
        let event = stream.next().await.unwrap();
        if event.name == "instance.deleted" {
            break event;
        }
    };
    // As on the bus, word for word.
    let on_the_bus = app.stage.tap.until_key(&id, "instance.deleted").await;
    assert_eq!(deleted.json(), on_the_bus.body);
    assert_eq!(deleted.last_event_id, on_the_bus.position.to_string());
}

#[tokio::test]
async fn nobody_reads_of_anothers_instances_and_of_channels_only_what_was_asked_for() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let agent = ada.an_agent().await;
    let (mut eves, mut hers) = (eve.stream("").await, ada.stream("").await);
    let mut none_of_hers = ada.stream("?channels=executions,teams").await;
    let id = id_of(&ada.create(agent).await);
    while hers.next_status(&id).await != "running" {}
    let mut only_this = ada.stream(&format!("?since=0&channels=instance:{id}")).await;
    let other = id_of(&ada.create(agent).await);
    while hers.next_status(&other).await != "running" {}
    ada.post(&format!("/api/v1/instances/{id}/stop"), json!({})).await.expect(202);
    let end = app.stage.until_told().await;

    let own = id_of(&eve.create(agent).await);
    // The first that comes to her is of her own, and so is all that follows.
    loop {
        let data = eves.next().await.expect("an event of hers").json();
        assert_eq!(data["instance_id"], json!(own), "{data}");
        if data["status"] == "running" {
            break;
        }
    }
    loop {
        let event = only_this.next().await.unwrap();
        if event.name != "resumed" {
            assert_eq!(event.json()["instance_id"], json!(id), "{event:?}");
            if event.json()["status"] == "stopped" {
                break;
            }
        }
    }
    none_of_hers.until_position(end).await;
    ada.get("/api/v1/users/me").await.expect(200);
    let logout = ada.post("/api/v1/auth/logout", Value::Null).await;
    logout.expect(204);
    assert_eq!(none_of_hers.next().await.map(|event| event.name).as_deref(), Some("error"));
}

#[tokio::test]
async fn heartbeats_move_the_last_event_id_also_of_who_has_no_events() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let mut stream = eve.stream("").await;
    let id = id_of(&ada.create(ada.an_agent().await).await);
    let running = app.stage.tap.until_status(&id, "running").await;
    stream.until_position(running.position).await;
    // Who resumes there has nothing to catch up with.
    let position = app.stage.until_told().await;
    let mut again = eve.try_stream("", Some(&position.to_string())).await.unwrap();
    let resumed = again.expect("resumed").await;
    assert_eq!((&resumed["to"], &resumed["replayed"]), (&json!(position), &json!(0)));
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_before_a_seat_is_taken() {
    let app = TestApp::with(&[("websocket.allowed_origins", vec!["https://app.example.com"].into())]).await;
    let ada = app.sign_up("ada").await;
    for id in ["x", "-1", "1.5", "9223372036854775808", "1, 2"] {
        let (status, problem) = ada.try_stream("", Some(id)).await.err().unwrap();
        assert_eq!((status, &problem["code"]), (422, &json!("validation_failed")), "{id}");
        assert_eq!(problem["errors"][0]["field"], "Last-Event-ID");
    }
    for query in ["?since=x", "?channels=agents", "?channels=", "?chanels=all", "?since=1&since=2"] {
        assert_eq!(ada.try_stream(query, None).await.err().unwrap().0, 422, "{query}");
    }
    let (status, problem) = app.stranger().try_stream("", None).await.err().unwrap();
    assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")));
    let path = "/api/v1/events";
    let of_a_page = ada.request(Method::GET, path).header("origin", "https://evil.example.com");
    assert_eq!(answer(of_a_page).await.problem(403), "forbidden");
    let head = answer(ada.request(Method::HEAD, path)).await;
    assert_eq!((head.status, &head.headers["allow"]), (405, &"GET".parse().unwrap()));

    // None of these has used it up.
    let ticket = ada.ticket().await;
    let with_ticket = format!("?ticket={ticket}");
    assert_eq!(app.stranger().try_stream(&with_ticket, Some("x")).await.err().unwrap().0, 422);
    app.stranger().stream(&with_ticket).await;
    assert_eq!(app.stranger().try_stream(&with_ticket, None).await.err().unwrap().0, 401);
}

#[tokio::test]
async fn a_client_that_knows_no_chunks_gets_the_bare_stream_until_the_connection_ends() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let mut connection = TcpStream::connect(ada.url().trim_start_matches("http://")).await.unwrap();
    let request = format!("GET /api/v1/events HTTP/1.0\r\nauthorization: Bearer {}\r\n\r\n", ada.token());
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut buffer = vec![0; 4096];
    while !text.contains("event: hello") || !text.ends_with("\n\n") {
        let count = within("the greeting", connection.read(&mut buffer)).await.unwrap();
        assert!(count > 0, "it ended with {text}");
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("http/1.0 200") && !head.contains("keep-alive"), "{head}");
    assert!(!head.contains("transfer-encoding") && !head.contains("content-length"), "{head}");
    assert!(body.starts_with("retry: "), "{body}");
    ada.post("/api/v1/auth/logout", Value::Null).await.expect(204);
    let mut rest = Vec::new();
    within("the end of the connection", connection.read_to_end(&mut rest)).await.unwrap();
    assert!(String::from_utf8(rest).unwrap().contains("credential_expired"));
}
