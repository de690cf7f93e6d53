//! What a client has seen has a name, by which it is spared what it knows and kept from writing over what it does not.

use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Answer, Caller, Service};

async fn with(caller: &Caller, method: Method, path: &str, condition: (&str, &str), body: &Value) -> Answer {
    let request = caller.request(method.clone(), path).header(condition.0, condition.1);
    Answer::of(if method == Method::GET || method == Method::HEAD { request } else { request.json(body) })
        .await
}

async fn knowing(caller: &Caller, path: &str, tag: &str) -> Answer {
    with(caller, Method::GET, path, ("if-none-match", tag), &Value::Null).await
}

#[actix::test]
async fn what_a_client_has_is_not_sent_again_until_it_has_changed() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let ada = service.sign_up("ada").await;
    let agent = service.published_agent(&admin, "echo_agent_001").await;
    let wish = json!({"agent_id": agent, "title": "Mine"});
    let created = ada.post("/api/v1/instances", &wish).await;
    let instance = format!("/api/v1/instances/{}", created.body["id"].as_str().unwrap());
    let agent = format!("/api/v1/agents/{agent}");

    for (caller, path) in [
        (&ada, "/api/v1/users/me"),
        (&ada, &*instance),
        (&ada, &*agent),
        (&ada, "/api/v1/agents"),
        (&admin, &*agent),
    ] {
        let whole = caller.get(path).await;
        let tag = whole.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{path}: {tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let answer = knowing(caller, path, &known).await;
            assert_eq!((answer.status, answer.header("etag"), &answer.body), (304, &*tag, &Value::Null));
        }
        let head = with(caller, Method::HEAD, path, ("if-none-match", &tag), &Value::Null).await;
        assert_eq!(head.status, 304);
        assert_eq!(knowing(caller, path, "\"other\"").await.expect(200), whole.body);
    }

    let seen = ada.get("/api/v1/agents").await;
    service.published_agent(&admin, "echo_agent_002").await;
    let changed = knowing(&ada, "/api/v1/agents", seen.header("etag")).await.expect(200);
    assert_eq!(changed["items"].as_array().unwrap().len(), 2);
    let seen = created.header("etag").to_owned();
    let patched = ada.patch(&instance, &json!({"title": "Ours"})).await;
    assert_ne!(patched.header("etag"), seen);
    assert_eq!(knowing(&ada, &instance, &seen).await.expect(200)["title"], "Ours");
    assert_eq!(knowing(&ada, &instance, patched.header("etag")).await.status, 304);
    service.stop().await;
}

#[actix::test]
async fn of_two_who_change_what_they_saw_one_is_told_that_it_was_late() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let ada = service.sign_up("ada").await;
    let agent = service.published_agent(&admin, "echo_agent_001").await;
    let created = ada.post("/api/v1/instances", &json!({"agent_id": agent, "title": "Mine"})).await;
    let path = format!("/api/v1/instances/{}", created.body["id"].as_str().unwrap());
    let first = created.header("etag").to_owned();
    let title = json!({"title": "Ours"});
    let patch = async |tag: &str| with(&ada, Method::PATCH, &path, ("if-match", tag), &title).await;

    let patched = patch(&first).await;
    let second = patched.header("etag").to_owned();
    patched.expect(200);
    let late = json!({"title": "Theirs"});
    let refused = with(&ada, Method::PATCH, &path, ("if-match", &first), &late).await;
    refused.problem(412, "precondition_failed");
    with(&ada, Method::DELETE, &path, ("if-match", &first), &Value::Null)
        .await
        .problem(412, "precondition_failed");
    patch(&format!("W/{second}")).await.problem(412, "precondition_failed");
    let malformed = patch("7").await.problem(400, "bad_request");
    assert!(malformed["detail"].as_str().unwrap().contains("If-Match"));
    assert_eq!(patch("*").await.expect(200)["title"], "Ours");
    patch(&format!("{first}, {second}")).await.expect(200);
    let gone = "/api/v1/instances/01890000-0000-7000-8000-000000000000";
    with(&ada, Method::PATCH, gone, ("if-match", &first), &title).await.problem(404, "instance_not_found");
    with(&ada, Method::PATCH, gone, ("if-match", "*"), &title).await.problem(404, "instance_not_found");
    assert_eq!(with(&ada, Method::DELETE, &path, ("if-match", &second), &Value::Null).await.status, 204);
    service.stop().await;
}

#[actix::test]
async fn administrators_do_not_write_over_each_other() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let draft = json!({"title": "Echo", "content": {}, "activation_code": "echo_agent_001", "rate": 1});
    let created = admin.post("/api/v1/agents", &draft).await;
    let path = format!("/api/v1/agents/{}", created.body["id"]);
    let first = created.header("etag").to_owned();
    let edited = with(&admin, Method::PATCH, &path, ("if-match", &first), &json!({"rate": 2})).await;
    let second = edited.header("etag").to_owned();
    edited.expect(200);

    for (method, path, body) in [
        (Method::PUT, path.clone(), &draft),
        (Method::PATCH, path.clone(), &json!({"rate": 3})),
        (Method::POST, format!("{path}/publish"), &Value::Null),
        (Method::POST, format!("{path}/retire"), &Value::Null),
        (Method::DELETE, path.clone(), &Value::Null),
    ] {
        let late = with(&admin, method, &path, ("if-match", &first), body).await;
        late.problem(412, "precondition_failed");
    }
    assert_eq!(admin.get(&path).await.header("etag"), second);
    let published =
        with(&admin, Method::POST, &format!("{path}/publish"), ("if-match", &second), &Value::Null).await;
    let third = published.header("etag").to_owned();
    published.expect(200);
    let several = format!("{first}, {third}");
    assert_eq!(with(&admin, Method::DELETE, &path, ("if-match", &several), &Value::Null).await.status, 204);
    with(&admin, Method::DELETE, &path, ("if-match", &third), &Value::Null)
        .await
        .problem(404, "agent_not_found");
    service.stop().await;
}
