//! A user's instances, and nobody else's.

use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Answer, Caller, Service, fields};

async fn world() -> (Service, Caller, Caller, i64) {
    let service = Service::start().await;
    let (ada, eve, admin) =
        (service.sign_up("ada").await, service.sign_up("eve").await, service.admin().await);
    let agent = service.published_agent(&admin, "echo_001").await;
    (service, ada, eve, agent)
}

async fn create(caller: &Caller, agent: i64) -> Value {
    caller.post("/api/v1/instances", &json!({"agent_id": agent, "title": "Mine"})).await.expect(201)
}

fn path(instance: &Value) -> String {
    format!("/api/v1/instances/{}", instance["id"].as_str().unwrap())
}

#[actix::test]
async fn an_instance_begins_pending_and_is_found_where_its_location_says() {
    let (service, ada, _, agent) = world().await;
    let wish = json!({"agent_id": agent, "title": " Mine ", "user_config": {"a": [1, 2.5, null]}});
    let answer = ada.post("/api/v1/instances", &wish).await;
    let location = answer.header("location").to_owned();
    let instance = answer.expect(201);
    assert_eq!(location, path(&instance));
    assert_eq!((&instance["status"], &instance["revision"]), (&"pending".into(), &1.into()));
    assert_eq!((&instance["title"], &instance["user_config"]), (&"Mine".into(), &wish["user_config"]));
    assert_eq!((&instance["pipeline_config"], &instance["team_id"]), (&json!({}), &Value::Null));
    assert_eq!(instance.as_object().unwrap().len(), 13, "{instance}");
    assert_eq!(ada.get(&location).await.expect(200), instance);
    service.stop().await;
}

#[actix::test]
async fn every_number_that_is_taken_in_comes_out_again_as_it_was() {
    let (service, ada, _, agent) = world().await;
    let numbers =
        json!([f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 0.1, 1e22, u64::MAX, i64::MIN, 33_909.062_5]);
    let wish = json!({"agent_id": agent, "title": "Numbers", "user_config": {"numbers": numbers}});
    let made = ada.post("/api/v1/instances", &wish).await.expect(201);
    let kept = ada.get(&path(&made)).await.expect(200);
    for (index, number) in numbers.as_array().unwrap().iter().enumerate() {
        assert_eq!(kept["user_config"]["numbers"][index].as_f64(), number.as_f64());
    }
    service.stop().await;
}

#[actix::test]
async fn a_user_sees_and_touches_nothing_of_anothers() {
    let (service, ada, eve, agent) = world().await;
    let instance = create(&ada, agent).await;
    let path = path(&instance);
    let attempts = [
        (Method::GET, path.clone()),
        (Method::PATCH, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::POST, format!("{path}/stop")),
        (Method::POST, format!("{path}/start")),
        (Method::GET, format!("{path}/events")),
    ];
    for (method, path) in attempts {
        let attempt = eve.request(method, &path).json(&json!({"title": "Eve's"}));
        Answer::of(attempt).await.problem(404, "instance_not_found");
    }
    assert_eq!(eve.get("/api/v1/instances").await.expect(200)["items"], json!([]));
    assert_eq!(ada.get(&path).await.expect(200), instance);
    service.stop().await;
}

#[actix::test]
async fn a_change_raises_the_revision_and_a_change_of_nothing_does_not() {
    let (service, ada, _, agent) = world().await;
    let instance = create(&ada, agent).await;
    let path = path(&instance);
    let renamed = ada.patch(&path, &json!({"title": "Yours"})).await.expect(200);
    assert_eq!((&renamed["title"], &renamed["revision"]), (&"Yours".into(), &2.into()));
    assert_eq!(ada.patch(&path, &json!({})).await.expect(200), renamed);
    assert_eq!(ada.patch(&path, &json!({"title": "Yours"})).await.expect(200), renamed);

    let nonsense = json!({"title": "", "user_config": null, "pipeline_config": [], "status": "running"});
    let problem = ada.patch(&path, &nonsense).await.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["title", "user_config", "pipeline_config", "status"]);
    service.stop().await;
}

#[actix::test]
async fn what_is_deleted_is_gone_at_once() {
    let (service, ada, _, agent) = world().await;
    let instance = create(&ada, agent).await;
    let path = path(&instance);
    ada.delete(&path).await.expect(204);
    ada.delete(&path).await.problem(404, "instance_not_found");
    ada.get(&path).await.problem(404, "instance_not_found");
    ada.get(&format!("{path}/events")).await.problem(404, "instance_not_found");
    assert_eq!(ada.get("/api/v1/instances").await.expect(200)["items"], json!([]));
    service.stop().await;
}

#[actix::test]
async fn stopping_and_starting_are_wishes_that_may_be_repeated() {
    let (service, ada, _, agent) = world().await;
    let path = path(&create(&ada, agent).await);
    for order in ["stop", "stop", "start", "start"] {
        let instance = ada.post(&format!("{path}/{order}"), &Value::Null).await.expect(202);
        assert_eq!(instance["status"], "pending");
    }
    service.stop().await;
}

#[actix::test]
async fn only_an_agent_on_offer_can_be_used_whatever_the_catalog_says() {
    let (service, ada, _, agent) = world().await;
    // Behind the back of the catalog.
    let sql = service.databases.plain("postgres").await;
    sql.batch_execute("UPDATE agents SET status = 'retired'").await.unwrap();
    ada.get(&format!("/api/v1/agents/{agent}")).await.expect(200);
    let wish = |agent: i64| json!({"agent_id": agent, "title": "Mine"});
    ada.post("/api/v1/instances", &wish(agent)).await.problem(409, "agent_retired");
    ada.post("/api/v1/instances", &wish(agent + 1)).await.problem(404, "agent_not_found");
    service.stop().await;
}

#[actix::test]
async fn wishes_that_share_a_commit_are_granted_and_refused_each_for_itself() {
    let (service, ada, _, agent) = world().await;
    let wishes = (0..100).map(|number| {
        let (ada, agent) = (ada.clone(), if number % 5 == 0 { agent + 1 } else { agent });
        async move { ada.post("/api/v1/instances", &json!({"agent_id": agent, "title": "Mine"})).await }
    });
    let answers = futures_util::future::join_all(wishes).await;
    for (number, answer) in answers.into_iter().enumerate() {
        if number % 5 == 0 {
            answer.problem(404, "agent_not_found");
        } else {
            answer.expect(201);
        }
    }
    let page = ada.get("/api/v1/instances?limit=100").await.expect(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 80);
    service.stop().await;
}

#[actix::test]
async fn a_list_is_narrowed_and_cut_into_pages() {
    let (service, ada, _, agent) = world().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(create(&ada, agent).await);
    }
    made.reverse();
    let first = ada.get("/api/v1/instances?limit=3").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = ada.get(&format!("/api/v1/instances?limit=3&cursor={cursor}")).await.expect(200);
    let items = [&first, &second].map(|page| page["items"].as_array().unwrap().clone()).concat();
    assert_eq!(items, made);
    assert_eq!(second["next_cursor"], Value::Null);

    let count = async |query: &str| {
        let page = ada.get(&format!("/api/v1/instances?{query}")).await.expect(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count(&format!("status=pending&agent_id={agent}")).await, 5);
    assert_eq!(count("status=running").await, 0);
    assert_eq!(count(&format!("agent_id={}", agent + 1)).await, 0);
    let foreign = "AAAAAAAAAAE";
    let query = format!("/api/v1/instances?status=dead&agent_id=x&cursor={foreign}&limit=0");
    let problem = ada.get(&query).await.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["limit", "cursor", "status", "agent_id"]);
    service.stop().await;
}

#[actix::test]
async fn a_history_is_told_oldest_first_from_where_one_likes() {
    let (service, ada, _, agent) = world().await;
    let path = path(&create(&ada, agent).await);
    for title in ["b", "c", "d"] {
        ada.patch(&path, &json!({"title": title})).await.expect(200);
    }
    // The publisher's part: places in the order of the log.
    let sql = service.databases.plain("postgres").await;
    sql.batch_execute("UPDATE event_outbox SET position = id + 1000").await.unwrap();

    let all = ada.get(&format!("{path}/events")).await.expect(200);
    let items = all["items"].as_array().unwrap();
    let revisions: Vec<i64> = items.iter().map(|event| event["revision"].as_i64().unwrap()).collect();
    assert_eq!(revisions, [1, 2, 3, 4]);
    assert_eq!(items[0]["event_type"], "instance.created");
    assert_eq!(all["next_cursor"], Value::Null);

    let first = ada.get(&format!("{path}/events?limit=2")).await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = ada.get(&format!("{path}/events?cursor={cursor}")).await.expect(200);
    let second_place = &items[1]["position"];
    assert_eq!(ada.get(&format!("{path}/events?after={second_place}")).await.expect(200), rest);
    assert_eq!(rest["items"], json!(items[2..]));
    service.stop().await;
}
