//! What people do with their own accounts.

use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Answer, Caller, PASSWORD, Service, fields};

const ME: &str = "/api/v1/users/me";
const CHANGE: &str = "/api/v1/users/me/password";
const OTHER: &str = "battery staple";

async fn change_password(caller: &Caller, current: &str, new: &str) -> Answer {
    caller.post(CHANGE, &json!({"current_password": current, "new_password": new})).await
}

#[actix::test]
async fn a_name_and_an_address_can_be_changed_and_only_the_address_taken_away() {
    let service = Service::start().await;
    let (ada, _eve) = (service.sign_up("ada").await, service.sign_up("eve").await);
    let before = ada.get(ME).await.expect(200);
    assert_eq!(ada.patch(ME, &json!({})).await.expect(200), before);

    let changed = ada.patch(ME, &json!({"username": " Ada2 ", "email": "ada@example.org"})).await.expect(200);
    assert_eq!((&changed["username"], &changed["email"]), (&"Ada2".into(), &"ada@example.org".into()));
    assert_eq!(ada.get(ME).await.expect(200), changed);
    assert_eq!(ada.patch(ME, &json!({"email": null})).await.expect(200)["email"], Value::Null);
    service.nobody().try_sign_in("ada2", PASSWORD).await.expect(200);
    service.nobody().try_sign_in("ada", PASSWORD).await.problem(401, "invalid_credentials");

    ada.patch(ME, &json!({"username": "EVE"})).await.problem(409, "username_taken");
    ada.patch(ME, &json!({"username": "Admin"})).await.problem(409, "username_taken");
    ada.patch(ME, &json!({"username": "ADA2"})).await.expect(200);
    let problem = ada
        .patch(ME, &json!({"username": null, "email": "nowhere", "role": "admin"}))
        .await
        .problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["username", "email", "role"]);
    service.stop().await;
}

#[actix::test]
async fn names_that_commands_give_power_to_cannot_be_registered() {
    let service = Service::start().await;
    for name in ["admin", "ADMIN", " Admin "] {
        let body = json!({"username": name, "password": PASSWORD});
        service.nobody().post("/api/v1/auth/register", &body).await.problem(409, "username_taken");
    }
    let body = json!({"username": "ADM\u{130}N", "password": PASSWORD});
    let problem =
        service.nobody().post("/api/v1/auth/register", &body).await.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["username"]);
    service.stop().await;
}

#[actix::test]
async fn another_password_ends_every_other_session() {
    let service = Service::start().await;
    let (nobody, ada) = (service.nobody(), service.sign_up("ada").await);
    let elsewhere = nobody.try_sign_in("ada", PASSWORD).await.expect(200);
    let other = nobody.with_token(elsewhere["access_token"].as_str().unwrap());

    change_password(&ada, "wrong", OTHER).await.problem(422, "wrong_password");
    let problem = change_password(&ada, PASSWORD, "short").await.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["new_password"]);
    other.get(ME).await.expect(200);

    change_password(&ada, PASSWORD, OTHER).await.expect(204);
    ada.get(ME).await.expect(200);
    other.get(ME).await.problem(401, "unauthenticated");
    let spent = json!({"refresh_token": elsewhere["refresh_token"]});
    nobody.post("/api/v1/auth/refresh", &spent).await.problem(401, "invalid_refresh_token");
    nobody.try_sign_in("ada", PASSWORD).await.problem(401, "invalid_credentials");
    nobody.try_sign_in("ada", OTHER).await.expect(200);
    change_password(&ada, PASSWORD, OTHER).await.problem(422, "wrong_password");
    service.stop().await;
}

#[actix::test]
async fn a_closed_account_is_over_everywhere_and_its_name_stays_taken() {
    let service = Service::start().await;
    let (nobody, ada) = (service.nobody(), service.sign_up("ada").await);
    ada.patch(ME, &json!({"email": "ada@example.org"})).await.expect(200);
    let id = ada.get(ME).await.expect(200)["id"].as_str().unwrap().to_owned();
    let elsewhere = nobody.try_sign_in("ada", PASSWORD).await.expect(200);

    Answer::of(ada.request(Method::DELETE, ME)).await.expect(204);
    ada.get(ME).await.problem(401, "unauthenticated");
    nobody
        .with_token(elsewhere["access_token"].as_str().unwrap())
        .get(ME)
        .await
        .problem(401, "unauthenticated");
    let token = json!({"refresh_token": elsewhere["refresh_token"]});
    nobody.post("/api/v1/auth/refresh", &token).await.problem(401, "invalid_refresh_token");
    nobody.try_sign_in("ada", PASSWORD).await.problem(401, "invalid_credentials");
    nobody.try_sign_in("ada", "").await.problem(401, "invalid_credentials");

    let again = json!({"username": "Ada", "password": PASSWORD});
    nobody.post("/api/v1/auth/register", &again).await.problem(409, "username_taken");
    let same_address = json!({"username": "ada2", "password": PASSWORD, "email": "ada@example.org"});
    nobody.post("/api/v1/auth/register", &same_address).await.expect(201);

    let sql = service.databases.plain_user("postgres").await;
    let query = "SELECT routing_key FROM event_outbox WHERE user_id::text = $1 ORDER BY id";
    let told: Vec<String> = sql.query(query, &[&id]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(told, ["auth.revoked", "auth.revoked", "user.deleted"]);
    service.stop().await;
}

#[actix::test]
async fn an_administrator_cannot_leave() {
    let service = Service::start().await;
    let admin = service.admin().await.at(service.user);
    admin.delete(ME).await.problem(403, "forbidden");
    admin.get(ME).await.expect(200);
    service.stop().await;
}
