//! Definitions of agents through the admin API.

use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Answer, Caller, Service, fields};

const PATH: &str = "/api/v1/agents/import";

/// A definition as a file in JSON holds it.
pub(crate) fn leads() -> Value {
    json!({
        "id": "sales_leadgen_agent_001", "name": "Lead Generation Agent", "description": "Finds leads", "category": "sales",
        "version": "1.0.0", "url": "http://lead-scoring-agent:5002", "capabilities": ["lead_scoring"],
        "system_prompt": "You know all about leads.", "model": "claude-3-5-sonnet-20241022", "temperature": 0.7,
        "max_tokens": 4096,
    })
}

const PRICES: &str = "
name: Dynamic Pricing Engine
category: hospitality_tourism
description: Sets prices of rooms
version: 1.0.0
model: claude-3-5-sonnet-20241022
temperature: 0.70
max_tokens: 4096
system_prompt: |
  You know all about prices.
capabilities: [demand_forecasting, price_optimization]
";

async fn send(caller: &Caller, query: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    let request = caller.request(Method::POST, &format!("{PATH}{query}"));
    Answer::of(request.header("content-type", media_type).body(body.into())).await
}

async fn import(admin: &Caller, query: &str, definitions: &Value) -> Value {
    admin.post(&format!("{PATH}{query}"), definitions).await.expect(200)
}

fn counts(report: &Value) -> [i64; 3] {
    ["created", "updated", "unchanged"].map(|name| report[name].as_i64().unwrap())
}

#[actix::test]
async fn definitions_become_agents_and_the_same_again_changes_nothing() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let first = import(&admin, "", &leads()).await;
    assert_eq!(counts(&first), [1, 0, 0]);
    let id = first["items"][0]["id"].clone();
    let expected = json!({
        "id": id, "activation_code": "sales_leadgen_agent_001", "version": 1, "status": "draft", "outcome": "created",
    });
    assert_eq!(first["items"], json!([expected]));
    let agent = admin.get(&format!("/api/v1/agents/{id}")).await.expect(200);
    assert_eq!((&agent["title"], &agent["rate"]), (&"Lead Generation Agent".into(), &0.into()));
    let mut others = leads();
    for field in ["id", "name"] {
        others.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(agent["content"], others);

    let prices = send(&admin, "?publish=true", "application/yaml; charset=utf-8", PRICES).await.expect(200);
    assert_eq!(counts(&prices), [1, 0, 0]);
    assert_eq!(prices["items"][0]["activation_code"], "hospitality_tourism_dynamic_pricing_engine");
    assert_eq!(prices["items"][0]["status"], "published");
    service.agents_changed().await;
    let shown = ada.get("/api/v1/agents").await.expect(200);
    assert_eq!(shown["items"].as_array().unwrap().len(), 1, "a draft is not on offer");

    for media_type in ["text/yaml", "application/x-yaml"] {
        let again = send(&admin, "?publish=true", media_type, PRICES).await.expect(200);
        assert_eq!(counts(&again), [0, 0, 1]);
    }
    assert_eq!(counts(&import(&admin, "", &json!([leads()])).await), [0, 0, 1]);
    let offered = import(&admin, "?publish=true", &leads()).await;
    assert_eq!((counts(&offered), &offered["items"][0]["status"]), ([0, 1, 0], &"published".into()));
    assert_eq!(admin.get(&format!("/api/v1/agents/{id}")).await.expect(200)["revision"], 2);
    service.stop().await;
}

#[actix::test]
async fn a_changed_definition_is_the_next_version_and_what_is_not_defined_stays() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let id = import(&admin, "?publish=true", &leads()).await["items"][0]["id"].clone();
    let path = format!("/api/v1/agents/{id}");
    admin.patch(&path, &json!({"rate": 7})).await.expect(200);

    let mut changed = leads();
    changed["temperature"] = json!(1);
    let report = import(&admin, "", &json!([changed])).await;
    assert_eq!(counts(&report), [0, 1, 0]);
    let agent = admin.get(&path).await.expect(200);
    assert_eq!((&agent["version"], &agent["rate"]), (&3.into(), &7.into()));
    assert_eq!(
        (&agent["status"], agent["content"]["temperature"].as_f64()),
        (&"published".into(), Some(1.0))
    );
    changed["temperature"] = json!(1.0);
    changed["rate"] = json!(7);
    assert_eq!(counts(&import(&admin, "", &changed).await), [0, 0, 1]);

    admin.post(&format!("{path}/retire"), &Value::Null).await.expect(200);
    let report = import(&admin, "?publish=true", &leads()).await;
    assert_eq!((counts(&report), &report["items"][0]["status"]), ([0, 1, 0], &"retired".into()));
    service.stop().await;
}

#[actix::test]
async fn an_import_with_any_fault_names_all_of_them_and_writes_nothing() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let with = |field: &str, value: Value| {
        let mut definition = leads();
        definition[field] = value;
        definition
    };
    let list = json!([leads(), with("temperature", json!(3)), leads(), with("nick", json!("x")), []]);
    let problem = admin.post(PATH, &list).await.problem(422, "validation_failed");
    let expected = ["[1].temperature", "[1].id", "[2].id", "[3].id", "[3].nick", "[4]"];
    assert_eq!(fields(&problem), expected);
    let problem = admin.post(PATH, &with("max_tokens", json!(0))).await.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["max_tokens"]);
    let problem = admin.post(&format!("{PATH}?publish=yes&draft=1"), &leads()).await;
    assert_eq!(fields(&problem.problem(422, "validation_failed")), ["publish", "draft"]);
    admin.post(PATH, &json!([])).await.problem(422, "validation_failed");

    send(&admin, "", "application/yaml", "a: [1").await.problem(400, "malformed_yaml");
    send(&admin, "", "application/yaml", b"a: \xff".to_vec()).await.problem(400, "malformed_yaml");
    send(&admin, "", "application/json", PRICES).await.problem(400, "malformed_json");
    let twice = r#"{"id": "a", "id": "b"}"#;
    send(&admin, "", "application/json", twice).await.problem(400, "malformed_json");
    send(&admin, "", "text/plain", PRICES).await.problem(415, "unsupported_media_type");
    send(&admin, "", "application/yaml", vec![b' '; 2 << 20]).await.problem(413, "payload_too_large");
    let ada = service.sign_up("ada").await.at(service.admin);
    ada.post(PATH, &leads()).await.problem(403, "forbidden");
    service.nobody_at_admin().post(PATH, &leads()).await.problem(401, "unauthenticated");

    let agents = admin.get("/api/v1/agents").await.expect(200);
    assert_eq!(agents["items"], json!([]));
    service.stop().await;
}

#[actix::test]
async fn imports_at_the_same_moment_write_each_agent_once() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let definitions = |reversed: bool, model: &str| {
        let mut list: Vec<Value> = (0..20)
            .map(|number| {
                let mut definition = leads();
                definition["id"] = json!(format!("agent_{number}"));
                definition["model"] = json!(model);
                definition
            })
            .collect();
        if reversed {
            list.reverse();
        }
        Value::Array(list)
    };
    let wishes = (0..6).map(|turn| definitions(turn % 2 == 1, "same"));
    let imports = wishes.map(|wish| async { import(&admin, "", &{ wish }).await });
    let reports = futures_util::future::join_all(imports).await;
    let created: i64 = reports.iter().map(|report| counts(report)[0]).sum();
    let unchanged: i64 = reports.iter().map(|report| counts(report)[2]).sum();
    assert_eq!((created, unchanged), (20, 100));
    let agents = admin.get("/api/v1/agents").await.expect(200);
    assert_eq!(agents["items"].as_array().unwrap().len(), 20);
    service.stop().await;
}
