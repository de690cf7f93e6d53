//! The catalog, as administrators write it and users read it.

use serde_json::{Value, json};

use super::service::{Service, fields};

#[actix::test]
async fn an_agent_goes_from_draft_to_the_shelf_and_off_it() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let draft =
        json!({"title": "Echo", "content": {"category": "demo"}, "activation_code": "echo_001", "rate": 3});
    let answer = admin.post("/api/v1/agents", &draft).await;
    let location = answer.header("location").to_owned();
    let agent = answer.expect(201);
    let path = format!("/api/v1/agents/{}", agent["id"]);
    assert_eq!((&agent["status"], &agent["version"], location), (&"draft".into(), &1.into(), path.clone()));
    assert_eq!(admin.get(&path).await.expect(200), agent);
    service.agents_changed().await;
    ada.get(&path).await.problem(404, "agent_not_found");

    let published = admin.post(&format!("{path}/publish"), &Value::Null).await.expect(200);
    assert_eq!(published["status"], "published");
    service.agents_changed().await;
    let seen = ada.get(&path).await.expect(200);
    let shown = ["id", "title", "content", "rate", "version", "status", "created_at", "updated_at"];
    assert_eq!(seen.as_object().unwrap().keys().count(), shown.len(), "{seen}");
    for field in shown {
        assert_eq!(seen[field], published[field], "{field}");
    }
    assert_eq!(ada.get("/api/v1/agents").await.expect(200), json!({"items": [seen], "next_cursor": null}));

    admin.post(&format!("{path}/retire"), &Value::Null).await.expect(200);
    service.agents_changed().await;
    ada.get(&path).await.problem(404, "agent_not_found");
    admin.delete(&path).await.expect(204);
    admin.delete(&path).await.problem(404, "agent_not_found");
    service.stop().await;
}

#[actix::test]
async fn pages_of_both_lists_hold_every_agent_once_newest_first() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(service.published_agent(&admin, &format!("agent_{number}")).await);
    }
    made.reverse();
    for caller in [&ada, &admin] {
        let (mut seen, mut path) = (Vec::new(), "/api/v1/agents?limit=2".to_owned());
        loop {
            let page = caller.get(&path).await.expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/agents?limit=2&cursor={cursor}");
        }
        assert_eq!(seen, made);
        for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "colour=red", "limit=1&limit=2"] {
            let problem =
                caller.get(&format!("/api/v1/agents?{query}")).await.problem(422, "validation_failed");
            assert_eq!(fields(&problem), [query.split('=').next().unwrap()]);
        }
    }
    service.stop().await;
}

#[actix::test]
async fn an_agent_with_instances_cannot_be_deleted_and_a_code_is_taken_once() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let id = service.published_agent(&admin, "echo_001").await;
    ada.post("/api/v1/instances", &json!({"agent_id": id, "title": "Mine"})).await.expect(201);
    admin.delete(&format!("/api/v1/agents/{id}")).await.problem(409, "agent_in_use");

    let twin = json!({"title": "Echo", "content": {}, "activation_code": "echo_001", "rate": 1});
    admin.post("/api/v1/agents", &twin).await.problem(409, "activation_code_taken");
    for id in ["0", "x", "99999999999", "-1", "1.5"] {
        admin.get(&format!("/api/v1/agents/{id}")).await.problem(404, "agent_not_found");
        ada.get(&format!("/api/v1/agents/{id}")).await.problem(404, "agent_not_found");
    }
    service.stop().await;
}
