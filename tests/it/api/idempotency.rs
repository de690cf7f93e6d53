//! Wishes that are sent again with their key.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Answer, Caller, Service};

const INSTANCES: &str = "/api/v1/instances";

async fn world() -> (Service, Caller, i64) {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let agent = service.published_agent(&admin, "echo_001").await;
    (service, ada, agent)
}

async fn send(caller: &Caller, path: &str, key: &str, body: &Value) -> Answer {
    caller.keyed(path, key, body).await
}

fn wish(agent: i64) -> Value {
    json!({"agent_id": agent, "title": "Mine", "user_config": {"a": 1, "b": 2}})
}

async fn count(caller: &Caller) -> usize {
    caller.get(INSTANCES).await.expect(200)["items"].as_array().unwrap().len()
}

#[actix::test]
async fn the_same_wish_under_the_same_key_is_answered_as_the_first_time() {
    let (service, ada, agent) = world().await;
    let first = send(&ada, INSTANCES, "k", &wish(agent)).await;
    assert_eq!(first.header("idempotency-replayed"), "");
    let location = first.header("location").to_owned();
    let instance = first.expect(201);
    ada.patch(&location, &json!({"title": "Changed"})).await.expect(200);

    // The order of the fields says nothing.
    let body = format!(r#"{{"user_config":{{"b":2,"a":1}}, "title":"Mine", "agent_id":{agent}}}"#);
    let request = ada.request(Method::POST, INSTANCES).header("idempotency-key", "k");
    let second = Answer::of(request.header("content-type", "application/json").body(body)).await;
    assert_eq!(
        (second.header("idempotency-replayed"), second.header("location")),
        ("true", location.as_str())
    );
    assert_eq!(second.expect(201), instance);

    let other = json!({"agent_id": agent, "title": "Another"});
    send(&ada, INSTANCES, "k", &other).await.problem(422, "idempotency_key_reused");
    assert_eq!(count(&ada).await, 1);

    // Somebody else's key of the same name is another key.
    let eve = service.sign_up("eve").await;
    assert_ne!(send(&eve, INSTANCES, "k", &wish(agent)).await.expect(201)["id"], instance["id"]);
    service.stop().await;
}

#[actix::test]
async fn twins_that_come_at_once_make_one_instance() {
    let (service, ada, agent) = world().await;
    for round in 0..20 {
        let key = format!("round-{round}");
        // Among others, which nobody holds up.
        let twins = (0..12).map(|number| {
            let (ada, key) = (ada.clone(), key.clone());
            async move {
                match number % 3 {
                    0 => Err(ada.post(INSTANCES, &wish(agent)).await),
                    _ => Ok(send(&ada, INSTANCES, &key, &wish(agent)).await),
                }
            }
        });
        let answers = join_all(twins).await;
        let replayed: Vec<_> =
            answers.iter().flatten().map(|answer| answer.header("idempotency-replayed")).collect();
        assert_eq!(replayed.iter().filter(|replayed| replayed.is_empty()).count(), 1, "{replayed:?}");
        let mut ids = std::collections::HashSet::new();
        for answer in answers {
            match answer {
                Ok(twin) => assert!(ids.insert(twin.expect(201)["id"].to_string()) || !ids.is_empty()),
                Err(single) => {
                    single.expect(201);
                }
            }
        }
        assert_eq!(ids.len(), 1);
    }
    let sql = service.databases.plain("postgres").await;
    let there: i64 = sql.query_one("SELECT count(*) FROM instances", &[]).await.unwrap().get(0);
    assert_eq!(there, 20 + 20 * 4);
    service.stop().await;
}

#[actix::test]
async fn a_key_of_refused_work_and_one_whose_time_is_over_are_free() {
    let (service, ada, agent) = world().await;
    send(&ada, INSTANCES, "k", &wish(agent + 1)).await.problem(404, "agent_not_found");
    let first = send(&ada, INSTANCES, "k", &wish(agent)).await.expect(201);

    let sql = service.databases.plain("postgres").await;
    let age = "UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'";
    assert_eq!(sql.execute(age, &[]).await.unwrap(), 1);
    let anew = json!({"agent_id": agent, "title": "Another"});
    let second = send(&ada, INSTANCES, "k", &anew).await;
    assert_eq!(second.header("idempotency-replayed"), "");
    assert_ne!(second.expect(201)["id"], first["id"]);
    service.stop().await;
}

#[actix::test]
async fn what_is_no_key_is_named() {
    let (service, ada, agent) = world().await;
    for bad in ["", "tab\tbed", &"x".repeat(256)] {
        let problem = send(&ada, INSTANCES, bad, &wish(agent)).await.problem(400, "bad_request");
        assert!(problem["detail"].as_str().unwrap().contains("Idempotency-Key"));
    }
    assert_eq!(count(&ada).await, 0);
    service.stop().await;
}

#[actix::test]
async fn a_new_agent_is_made_once_however_often_its_wish_is_sent() {
    let (service, _ada, _agent) = world().await;
    let admin = service.admin().await;
    let path = "/api/v1/agents";
    let draft = json!({"title": "A", "content": {}, "activation_code": "once_001", "rate": 1});
    let first = send(&admin, path, "k", &draft).await.expect(201);
    let answers = join_all((0..5).map(|_| send(&admin, path, "k", &draft))).await;
    for answer in answers {
        assert_eq!(answer.header("idempotency-replayed"), "true");
        assert_eq!(answer.expect(201), first);
    }
    admin.post(path, &draft).await.problem(409, "activation_code_taken");
    send(&admin, path, "other", &draft).await.problem(409, "activation_code_taken");
    let other = json!({"title": "B", "content": {}, "activation_code": "once_002", "rate": 1});
    send(&admin, path, "k", &other).await.problem(422, "idempotency_key_reused");
    send(&admin, path, "other", &other).await.expect(201);
    service.stop().await;
}
