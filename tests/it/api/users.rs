//! What administrators decide about accounts, and what becomes of their owners.

use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Answer, Caller, PASSWORD, Service};

const ME: &str = "/api/v1/users/me";
const RESET: &str = "/api/v1/auth/password-reset";

async fn id_of(caller: &Caller) -> String {
    caller.get(ME).await.expect(200)["id"].as_str().unwrap().to_owned()
}

async fn patch(admin: &Caller, id: &str, change: Value) -> Answer {
    Answer::of(admin.request(Method::PATCH, &format!("/api/v1/users/{id}")).json(&change)).await
}

async fn reset_token(admin: &Caller, id: &str) -> String {
    let answer = admin.post(&format!("/api/v1/users/{id}/password-reset"), &Value::Null).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let reset = answer.expect(201);
    assert_eq!(reset["expires_in"], 3600);
    reset["token"].as_str().unwrap().to_owned()
}

async fn reset(nobody: &Caller, token: &str, password: &str) -> Answer {
    nobody.post(RESET, &json!({"token": token, "new_password": password})).await
}

#[actix::test]
async fn whoever_is_disabled_or_gets_another_role_is_signed_out_at_once() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let id = id_of(&ada).await;

    let disabled = patch(&admin, &id, json!({"disabled": true})).await.expect(200);
    assert!(disabled["disabled_at"].is_string(), "{disabled}");
    ada.get(ME).await.problem(401, "unauthenticated");
    service.nobody().try_sign_in("ada", PASSWORD).await.problem(401, "invalid_credentials");
    let again = patch(&admin, &id, json!({"disabled": true})).await.expect(200);
    assert_eq!(again["disabled_at"], disabled["disabled_at"]);

    let opened = patch(&admin, &id, json!({"disabled": false})).await.expect(200);
    assert_eq!(opened["disabled_at"], Value::Null);
    let ada = service.nobody().sign_in("ada").await;
    patch(&admin, &id, json!({"role": "viewer"})).await.expect(200);
    ada.get(ME).await.problem(401, "unauthenticated");
    let ada = service.nobody().sign_in("ada").await;
    assert_eq!(ada.get(ME).await.expect(200)["role"], "viewer");
    // What changes nothing ends nothing.
    patch(&admin, &id, json!({"role": "viewer", "disabled": false})).await.expect(200);
    ada.get(ME).await.expect(200);
    patch(&ada.at(service.admin), &id, json!({"role": "admin"})).await.problem(403, "forbidden");
    service.stop().await;
}

#[actix::test]
async fn administration_cannot_be_taken_from_oneself() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let id = id_of(&admin.at(service.user)).await;
    for change in [json!({"role": "developer"}), json!({"disabled": true})] {
        patch(&admin, &id, change).await.problem(403, "forbidden");
    }
    patch(&admin, &id, json!({"quotas": {"instances_max": 7}})).await.expect(200);
    admin.get("/api/v1/users").await.expect(200);
    service.stop().await;
}

#[actix::test]
async fn limits_are_a_users_own_until_they_are_taken_away() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let id = id_of(&ada).await;
    let limit = async || {
        let usage = ada.get("/api/v1/usage").await.expect(200);
        usage["quotas"][0]["limit"].as_i64().unwrap()
    };
    let everybodys = limit().await;
    let limited = patch(&admin, &id, json!({"quotas": {"instances_max": 2}})).await.expect(200);
    assert_eq!((&limited["quotas"]["instances_max"], limit().await), (&json!(2), 2));
    patch(&admin, &id, json!({"quotas": {}})).await.expect(200);
    assert_eq!(limit().await, 2);
    patch(&admin, &id, json!({"quotas": {"instances_max": null}})).await.expect(200);
    assert_eq!(limit().await, everybodys);
    for (wrong, field) in [
        (json!({"quotas": 7}), "quotas"),
        (json!({"quotas": {"instances_max": -1}}), "quotas"),
        (json!({"quotas": {"instances_max": 1.5}}), "quotas"),
        (json!({"quotas": {"other": 1}}), "quotas"),
        (json!({"role": "king"}), "role"),
        (json!({"disabled": "yes"}), "disabled"),
    ] {
        let problem = patch(&admin, &id, wrong).await.problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    service.stop().await;
}

#[actix::test]
async fn a_decision_about_a_state_that_is_over_is_refused() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let id = id_of(&ada).await;
    let path = format!("/api/v1/users/{id}");
    let seen = admin.get(&path).await;
    let tag = seen.header("etag").to_owned();
    seen.expect(200);
    let when = async |change: Value| {
        Answer::of(admin.request(Method::PATCH, &path).header("If-Match", &tag).json(&change)).await
    };
    // A limit is part of what was seen.
    when(json!({"quotas": {"instances_max": 2}})).await.expect(200);
    when(json!({"disabled": true})).await.problem(412, "precondition_failed");
    ada.get(ME).await.expect(200);
    let unchanged = Answer::of(admin.request(Method::GET, &path).header("If-None-Match", &tag)).await;
    assert_eq!(unchanged.expect(200)["quotas"]["instances_max"], 2);
    service.stop().await;
}

#[actix::test]
async fn accounts_are_listed_by_role_and_state_and_page_by_page() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let mut ids = Vec::new();
    for name in ["ada", "bea", "eve"] {
        ids.push(id_of(&service.sign_up(name).await).await);
    }
    patch(&admin, &ids[1], json!({"disabled": true})).await.expect(200);
    patch(&admin, &ids[2], json!({"role": "viewer"})).await.expect(200);
    let names = async |query: &str| -> Vec<String> {
        let page = admin.get(&format!("/api/v1/users{query}")).await.expect(200);
        let items = page["items"].as_array().unwrap().iter();
        items.map(|user| user["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await[..3], ["eve", "bea", "ada"]);
    assert_eq!(names("?role=developer&disabled=false").await, ["ada"]);
    assert_eq!(names("?disabled=true").await, ["bea"]);
    assert_eq!(names("?role=viewer").await, ["eve"]);
    let first = admin.get("/api/v1/users?limit=1&role=developer").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(names(&format!("?limit=1&role=developer&cursor={cursor}")).await, ["ada"]);
    admin.get("/api/v1/users?role=king").await.problem(422, "validation_failed");
    let nobody = uuid::Uuid::now_v7();
    admin.get(&format!("/api/v1/users/{nobody}")).await.problem(404, "user_not_found");
    patch(&admin, &nobody.to_string(), json!({"disabled": true})).await.problem(404, "user_not_found");
    patch(&admin, &nobody.to_string(), json!({"quotas": {}})).await.problem(404, "user_not_found");
    service.stop().await;
}

#[actix::test]
async fn a_lost_password_is_replaced_once_by_a_token_and_every_session_ends() {
    let service = Service::start().await;
    let (ada, admin, nobody) = (service.sign_up("ada").await, service.admin().await, service.nobody());
    let id = id_of(&ada).await;
    let overtaken = reset_token(&admin, &id).await;
    let token = reset_token(&admin, &id).await;
    // Until it is used everything goes on as it was.
    ada.get(ME).await.expect(200);
    for worthless in [overtaken.as_str(), "", "x", &"A".repeat(43)] {
        reset(&nobody, worthless, "staple correct").await.problem(401, "invalid_reset_token");
    }
    reset(&nobody, &token, "short").await.problem(422, "validation_failed");

    reset(&nobody, &token, "staple correct").await.expect(204);
    ada.get(ME).await.problem(401, "unauthenticated");
    nobody.try_sign_in("ada", PASSWORD).await.problem(401, "invalid_credentials");
    nobody.try_sign_in("ada", "staple correct").await.expect(200);
    reset(&nobody, &token, "another one").await.problem(401, "invalid_reset_token");

    let token = reset_token(&admin, &id).await;
    let late = "UPDATE password_resets SET expires_at = now() WHERE spent_at IS NULL";
    assert_eq!(service.databases.plain_user("postgres").await.execute(late, &[]).await.unwrap(), 1);
    reset(&nobody, &token, "too late for it").await.problem(401, "invalid_reset_token");
    let token = reset_token(&admin, &id).await;
    patch(&admin, &id, json!({"disabled": true})).await.expect(200);
    reset(&nobody, &token, "not for the disabled").await.problem(401, "invalid_reset_token");
    admin
        .post(&format!("/api/v1/users/{id}/password-reset"), &Value::Null)
        .await
        .problem(404, "user_not_found");
    ada.at(service.admin)
        .post(&format!("/api/v1/users/{id}/password-reset"), &Value::Null)
        .await
        .problem(401, "unauthenticated");
    service.stop().await;
}

#[actix::test]
async fn of_tokens_that_are_made_at_once_one_is_good() {
    let service = Service::start().await;
    let (ada, admin, nobody) = (service.sign_up("ada").await, service.admin().await, service.nobody());
    let id = id_of(&ada).await;
    let tokens = futures_util::future::join_all((0..6).map(|_| reset_token(&admin, &id))).await;
    let mut good = 0;
    for token in &tokens {
        good += usize::from(reset(&nobody, token, "staple correct").await.status == 204);
    }
    assert_eq!(good, 1);
    service.stop().await;
}

#[actix::test]
async fn of_many_who_come_with_one_token_one_sets_the_password() {
    let service = Service::start().await;
    let (ada, admin, nobody) = (service.sign_up("ada").await, service.admin().await, service.nobody());
    let token = reset_token(&admin, &id_of(&ada).await).await;
    let passwords: Vec<String> = (0..6).map(|number| format!("password number {number}")).collect();
    let all = passwords.iter().map(|password| reset(&nobody, &token, password));
    let answers = futures_util::future::join_all(all).await;
    let taken: Vec<usize> = (0..6).filter(|number| answers[*number].status == 204).collect();
    assert_eq!(taken.len(), 1, "{taken:?}");
    for (number, password) in passwords.iter().enumerate() {
        let is_it = nobody.try_sign_in("ada", password).await.status == 200;
        assert_eq!(is_it, number == taken[0]);
    }
    service.stop().await;
}

#[actix::test]
async fn a_viewer_looks_and_changes_nothing() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let agent = service.published_agent(&admin, "looked-at").await;
    let ada = service.sign_up("ada").await;
    let wish = json!({"agent_id": agent, "title": "Mine"});
    let id = ada.post("/api/v1/instances", &wish).await.expect(201)["id"].as_str().unwrap().to_owned();
    patch(&admin, &id_of(&ada).await, json!({"role": "viewer"})).await.expect(200);

    let ada = service.nobody().sign_in("ada").await;
    let path = format!("/api/v1/instances/{id}");
    for read in [
        "/api/v1/agents",
        "/api/v1/instances",
        "/api/v1/usage",
        &path,
        &format!("{path}/explain"),
        &format!("{path}/events"),
    ] {
        ada.get(read).await.expect(200);
    }
    ada.post("/api/v1/instances", &wish).await.problem(403, "forbidden");
    ada.patch(&path, &json!({"title": "Other"})).await.problem(403, "forbidden");
    ada.delete(&path).await.problem(403, "forbidden");
    ada.post(&format!("{path}/stop"), &Value::Null).await.problem(403, "forbidden");
    ada.post(&format!("{path}/start"), &Value::Null).await.problem(403, "forbidden");
    let seen = ada.get(&path).await.expect(200);
    assert_eq!((&seen["title"], &seen["revision"]), (&json!("Mine"), &json!(1)));
    // Their own account stays their own.
    ada.patch(ME, &json!({"email": "ada@example.org"})).await.expect(200);
    service.stop().await;
}
