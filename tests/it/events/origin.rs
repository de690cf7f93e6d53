//! Which request an event followed from.

use lapin::types::AMQPValue;
use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::{answer, id_of};
use crate::support::tap::Heard;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn header(heard: &Heard, name: &str) -> Option<String> {
    match heard.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        other => panic!("{other:?}"),
    }
}

fn origin(heard: &Heard) -> (Option<String>, Option<String>) {
    (header(heard, "request_id"), header(heard, "traceparent"))
}

#[tokio::test]
async fn every_event_of_an_instance_names_the_request_and_the_trace_that_it_followed_from() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let wish = ada
        .request(Method::POST, "/api/v1/instances")
        .header("x-request-id", "wish-1")
        .header("traceparent", TRACEPARENT)
        .json(&json!({"agent_id": agent, "title": "Mine"}));
    let id = id_of(&answer(wish).await.expect(201));
    let tap = &app.stage.tap;

    // The worker's moves as well: they followed from the same wish.
    tap.until_status(&id, "running").await;
    let told: Vec<Heard> = tap.heard().into_iter().filter(|heard| heard.is_of(&id)).collect();
    assert!(told.len() >= 4, "{told:?}");
    for heard in &told {
        assert_eq!(origin(heard), (Some("wish-1".to_owned()), Some(TRACEPARENT.to_owned())), "{heard:?}");
    }

    // The next wish has no trace, or none that makes sense: then the events have none.
    let path = format!("/api/v1/instances/{id}/stop");
    let stop =
        ada.request(Method::POST, &path).header("x-request-id", "wish-2").header("traceparent", "00-no");
    answer(stop).await.expect(202);
    let stopped = tap.until_status(&id, "stopped").await;
    assert_eq!(origin(&stopped), (Some("wish-2".to_owned()), None));

    // A wish that changes nothing causes nothing.
    let sql = app.stage.sql().await;
    for (verb, body) in [("/stop", json!(null)), ("", json!({"title": "Mine"}))] {
        let method = if verb.is_empty() { Method::PATCH } else { Method::POST };
        let path = format!("/api/v1/instances/{id}{verb}");
        let again = ada.request(method, &path).header("x-request-id", "wish-3").json(&body);
        let status = answer(again).await.status;
        assert!((200..300).contains(&status), "{verb}: {status}");
        let caused_by = "SELECT request_id FROM instances WHERE id::text = $1";
        let caused_by: Option<String> = sql.query_one(caused_by, &[&id]).await.unwrap().get(0);
        assert_eq!(caused_by.as_deref(), Some("wish-2"), "{verb}");
    }

    // What somebody does by plain SQL is no request of ours.
    sql.execute("UPDATE instances SET title = 'by hand' WHERE id::text = $1", &[&id]).await.unwrap();
    let by_hand =
        |all: &[Heard]| all.iter().find(|heard| heard.body["metadata"]["title"] == "by hand").cloned();
    let by_hand = tap.until("a change by hand", by_hand).await;
    assert_eq!(origin(&by_hand), (None, None));
}

#[tokio::test]
async fn what_administrators_do_to_an_agent_is_told_with_their_request() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let draft = json!({"title": "A", "content": {}, "activation_code": "origin_001", "rate": 1});
    let create = admin.request(Method::POST, "/api/v1/agents").header("x-request-id", "agent-1").json(&draft);
    let id = answer(create).await.expect(201)["id"].clone();
    let steps = [(Method::POST, "/publish", 200), (Method::POST, "/retire", 200), (Method::DELETE, "", 204)];
    for (number, (method, verb, status)) in steps.into_iter().enumerate() {
        let request = admin.request(method, &format!("/api/v1/agents/{id}{verb}"));
        answer(request.header("x-request-id", format!("agent-{}", number + 2))).await.expect(status);
    }
    app.stage.until_told().await;
    let heard = app.stage.tap.heard();
    let told: Vec<_> = heard
        .iter()
        .filter(|heard| heard.body["agent_id"] == id && heard.key.starts_with("agent."))
        .collect();
    let names: Vec<_> = told.iter().filter_map(|heard| header(heard, "request_id")).collect();
    assert_eq!(names, ["agent-1", "agent-2", "agent-3", "agent-4"]);
}
