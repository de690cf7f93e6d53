//! The catalog: edited, versioned, searched and paged.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Answer, Caller, Service, fields};

fn draft(title: &str, code: &str, content: Value) -> Value {
    json!({"title": title, "content": content, "activation_code": code, "rate": 1})
}

async fn made(service: &Service, admin: &Caller, draft: &Value) -> i64 {
    let id = admin.post("/api/v1/agents", draft).await.expect(201)["id"].as_i64().unwrap();
    admin.post(&format!("/api/v1/agents/{id}/publish"), &Value::Null).await.expect(200);
    service.agents_changed().await;
    id
}

async fn put(caller: &Caller, path: &str, body: &Value) -> Answer {
    Answer::of(caller.request(Method::PUT, path).json(body)).await
}

/// Every item of a list, page by page; `between` happens after each.
async fn all_pages(caller: &Caller, query: &str, mut between: impl AsyncFnMut()) -> Vec<Value> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/api/v1/agents?{query}{cursor}")).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return seen };
        cursor = format!("&cursor={next}");
        between().await;
    }
}

async fn found(caller: &Caller, query: &str) -> Vec<i64> {
    let items = all_pages(caller, query, async || {}).await;
    items.iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[actix::test]
async fn an_edit_of_a_published_agent_is_its_next_version_and_older_ones_stay_as_they_were() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let path = format!("/api/v1/agents/{}", made(&service, &admin, &draft("One", "one", json!({}))).await);

    let whole = draft("Two", "one", json!({"category": "demo"}));
    let second = put(&admin, &path, &whole).await.expect(200);
    assert_eq!((&second["version"], &second["revision"]), (&2.into(), &3.into()));
    let third = admin.patch(&path, &json!({"rate": 5})).await.expect(200);
    assert_eq!((&third["version"], &third["title"], &third["rate"]), (&3.into(), &"Two".into(), &5.into()));
    let recoded = admin.patch(&path, &json!({"activation_code": "two"})).await.expect(200);
    assert_eq!(
        (&recoded["version"], &recoded["revision"]),
        (&3.into(), &5.into()),
        "the code is not offered"
    );
    let same = admin.patch(&path, &json!({"title": "Two"})).await.expect(200);
    assert_eq!(same["revision"], 5, "nothing has changed");
    assert_eq!(admin.patch(&path, &json!({})).await.expect(200), same);

    service.agents_changed().await;
    assert_eq!(ada.get(&path).await.expect(200)["version"], 3);
    let versions = admin.get(&format!("{path}/versions?limit=2")).await.expect(200);
    let shown = |page: &Value| -> Vec<(Value, Value, Value)> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| (item["version"].clone(), item["title"].clone(), item["rate"].clone())).collect()
    };
    assert_eq!(shown(&versions), [(3.into(), "Two".into(), 5.into()), (2.into(), "Two".into(), 1.into())]);
    let cursor = versions["next_cursor"].as_str().unwrap();
    let rest = admin.get(&format!("{path}/versions?cursor={cursor}")).await.expect(200);
    assert_eq!(shown(&rest), [(1.into(), "One".into(), 1.into())]);
    assert_eq!(rest["next_cursor"], Value::Null);
    service.stop().await;
}

#[actix::test]
async fn a_retired_agent_may_be_edited_and_offered_again_in_its_next_version() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let path = format!("/api/v1/agents/{}", made(&service, &admin, &draft("One", "one", json!({}))).await);
    admin.post(&format!("{path}/retire"), &Value::Null).await.expect(200);

    let edited = admin.patch(&path, &json!({"title": "Again"})).await.expect(200);
    assert_eq!((&edited["status"], &edited["version"]), (&"retired".into(), &2.into()));
    service.agents_changed().await;
    ada.get(&path).await.problem(404, "agent_not_found");
    let versions = admin.get(&format!("{path}/versions")).await.expect(200);
    assert_eq!(versions["items"].as_array().unwrap().len(), 1, "what was never offered is no version");

    admin.post(&format!("{path}/publish"), &Value::Null).await.expect(200);
    service.agents_changed().await;
    let offered = ada.get(&path).await.expect(200);
    assert_eq!((&offered["title"], &offered["version"]), (&"Again".into(), &2.into()));
    service.stop().await;
}

#[actix::test]
async fn an_edit_that_cannot_be_names_all_its_faults_and_changes_nothing() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    made(&service, &admin, &draft("One", "one", json!({}))).await;
    let path = format!("/api/v1/agents/{}", made(&service, &admin, &draft("Two", "two", json!({}))).await);
    let before = admin.get(&path).await.expect(200);

    let problem = put(&admin, &path, &json!({"title": " ", "rate": 1.5, "status": "draft"})).await;
    let problem = problem.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["title", "content", "activation_code", "rate", "status"]);
    let problem = admin.patch(&path, &json!({"content": [], "version": 9})).await;
    assert_eq!(fields(&problem.problem(422, "validation_failed")), ["content", "version"]);
    admin.patch(&path, &json!({"activation_code": "one"})).await.problem(409, "activation_code_taken");
    admin.patch("/api/v1/agents/999999", &json!({"rate": 1})).await.problem(404, "agent_not_found");
    admin.get("/api/v1/agents/999999/versions").await.problem(404, "agent_not_found");
    let stranger = ada.at(service.admin);
    stranger.patch(&path, &json!({"rate": 9})).await.problem(403, "forbidden");
    stranger.get(&format!("{path}/versions")).await.problem(403, "forbidden");
    assert_eq!(admin.get(&path).await.expect(200), before);
    service.stop().await;
}

#[actix::test]
async fn both_lists_find_words_categories_capabilities_and_states() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let cafe = json!({"category": "Café", "capabilities": ["brew_tea"], "description": "Sirve té, Señor"});
    let cafe = made(&service, &admin, &draft("Kellner", "waiter_001", cafe)).await;
    let odd = json!({"category": 7, "capabilities": "brew_tea", "description": ["x"]});
    let odd = made(&service, &admin, &draft("Σίσυφος ΔΡΌΜΟΣ", "odd_001", odd)).await;
    let sales = json!({"category": "sales", "capabilities": ["lead_scoring", "brew_tea"]});
    let sales = made(&service, &admin, &draft("Ａgent 100%_\\", "sales_001", sales)).await;

    for (query, expected) in [
        ("q=", vec![sales, odd, cafe]),
        ("q=SENOR%20te", vec![cafe]),
        ("q=kellner+CAF%C3%89", vec![cafe]),
        ("q=agent", vec![sales]),
        ("q=%25_%5C", vec![sales]),
        ("q=%25%25", vec![]),
        ("q=%CE%94%CE%A1%CE%9F%CE%9C%CE%9F%CF%83", vec![odd]),
        ("q=brew_tea&limit=1", vec![sales, cafe]),
        ("q=kellner+sales", vec![]),
        ("category=CAFE", vec![cafe]),
        ("category=caf", vec![]),
        ("q=lead&category=sales", vec![sales]),
    ] {
        assert_eq!(found(&ada, query).await, expected, "users: {query}");
        assert_eq!(found(&admin, query).await, expected, "administrators: {query}");
    }
    assert_eq!(found(&ada, "capability=Brew_Tea").await, [sales, cafe]);
    assert_eq!(found(&ada, "capability=brew_tea&category=sales&q=agent").await, [sales]);
    assert!(found(&ada, "q=waiter_001").await.is_empty(), "users do not see codes");
    assert_eq!(found(&admin, "q=waiter_001").await, [cafe]);

    admin.post(&format!("/api/v1/agents/{odd}/retire"), &Value::Null).await.expect(200);
    let written = admin.post("/api/v1/agents", &draft("D", "d", json!({}))).await.expect(201);
    assert_eq!(found(&admin, "status=retired").await, [odd]);
    assert_eq!(found(&admin, "status=draft").await, [written["id"].as_i64().unwrap()]);
    assert_eq!(found(&admin, "status=published&q=tea").await, [sales, cafe]);

    let long = "x".repeat(201);
    for (caller, query, field) in [
        (&ada, format!("q={long}"), "q"),
        (&ada, "q=a%00b".to_owned(), "q"),
        (&ada, format!("q={}", "a+".repeat(17)), "q"),
        (&ada, "category=".to_owned(), "category"),
        (&ada, format!("capability={long}"), "capability"),
        (&ada, "status=draft".to_owned(), "status"),
        (&admin, "status=gone".to_owned(), "status"),
        (&admin, "capability=x".to_owned(), "capability"),
        (&admin, format!("category={long}"), "category"),
    ] {
        let problem = caller.get(&format!("/api/v1/agents?{query}")).await.problem(422, "validation_failed");
        assert_eq!(fields(&problem), [field], "{query}");
    }
    service.stop().await;
}

#[actix::test]
async fn pages_that_are_read_while_agents_come_and_change_show_all_that_stayed_and_none_twice() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let mut stayed = Vec::new();
    for number in 0..7 {
        let content = json!({"category": "stays"});
        stayed.push(made(&service, &admin, &draft("Stays", &format!("stays_{number}"), content)).await);
    }
    let hidden = draft("Late", "late", json!({"category": "stays"}));
    let hidden = admin.post("/api/v1/agents", &hidden).await.expect(201)["id"].as_i64().unwrap();
    stayed.push(made(&service, &admin, &draft("Stays", "last", json!({"category": "stays"}))).await);
    stayed.reverse();

    for (round, caller) in [&ada, &admin].into_iter().enumerate() {
        let mut step = 0;
        let items = all_pages(caller, "limit=2&category=stays", async || {
            step += 1;
            let new = draft("New", &format!("new_{round}_{step}"), json!({"category": "stays"}));
            made(&service, &admin, &new).await;
            let path = format!("/api/v1/agents/{}", stayed[step]);
            admin.patch(&path, &json!({"title": format!("Stays {round} {step}")})).await.expect(200);
            let turn = if step % 2 == 1 { "publish" } else { "retire" };
            admin.post(&format!("/api/v1/agents/{hidden}/{turn}"), &Value::Null).await.expect(200);
            service.agents_changed().await;
        })
        .await;
        let ids: Vec<i64> = items.iter().map(|item| item["id"].as_i64().unwrap()).collect();
        let distinct: HashSet<i64> = ids.iter().copied().collect();
        assert_eq!(distinct.len(), ids.len(), "{ids:?}");
        assert!(stayed.iter().all(|id| distinct.contains(id)), "{ids:?} lacks some of {stayed:?}");
        assert!(ids.is_sorted_by(|one, next| one > next), "{ids:?}");
    }
    service.stop().await;
}
