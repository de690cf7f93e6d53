//! How a session goes on, and how it ends.

use botberi::actors::system::inject_panic;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::service::{Answer, Caller, PASSWORD, Service, fields};

const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const ME: &str = "/api/v1/users/me";

/// The tokens of one session.
struct Tokens {
    access: Caller,
    refresh: String,
}

impl Tokens {
    fn of(nobody: &Caller, answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self { access: nobody.with_token(&text("access_token")), refresh: text("refresh_token") }
    }
}

async fn sign_up(service: &Service, name: &str) -> Tokens {
    service.sign_up(name).await;
    sign_in(&service.nobody(), name).await
}

async fn sign_in(nobody: &Caller, name: &str) -> Tokens {
    Tokens::of(nobody, &nobody.try_sign_in(name, PASSWORD).await.expect(200))
}

async fn refresh(nobody: &Caller, token: &str) -> Answer {
    nobody.post(REFRESH, &json!({"refresh_token": token})).await
}

async fn logout(caller: &Caller) -> Answer {
    Answer::of(caller.request(Method::POST, LOGOUT)).await
}

/// What a token of an ended session is told.
fn is_over(answer: Answer) {
    let problem = answer.problem(401, "unauthenticated");
    assert!(problem["detail"].as_str().unwrap().contains("has been ended"), "{problem}");
}

#[actix::test]
async fn a_refresh_gives_new_tokens_of_the_same_session_and_the_old_access_token_goes_on() {
    let service = Service::start().await;
    let (nobody, first) = (service.nobody(), sign_up(&service, "ada").await);
    let answer = refresh(&nobody, &first.refresh).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.expect(200);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &900.into()));
    let second = Tokens::of(&nobody, &body);
    assert_ne!(first.refresh, second.refresh);
    for access in [&first.access, &second.access] {
        assert_eq!(access.get(ME).await.expect(200)["username"], "ada");
    }
    let third = Tokens::of(&nobody, &refresh(&nobody, &second.refresh).await.expect(200));
    logout(&third.access).await.expect(204);
    is_over(first.access.get(ME).await);
    service.stop().await;
}

#[actix::test]
async fn a_spent_token_that_comes_again_ends_its_family_and_no_other() {
    let service = Service::start().await;
    let (nobody, first) = (service.nobody(), sign_up(&service, "ada").await);
    let elsewhere = sign_in(&nobody, "ada").await;
    let second = Tokens::of(&nobody, &refresh(&nobody, &first.refresh).await.expect(200));

    refresh(&nobody, &first.refresh).await.problem(401, "refresh_token_reused");
    is_over(second.access.get(ME).await);
    is_over(first.access.get(ME).await);
    refresh(&nobody, &second.refresh).await.problem(401, "invalid_refresh_token");
    refresh(&nobody, &first.refresh).await.problem(401, "refresh_token_reused");
    elsewhere.access.get(ME).await.expect(200);
    refresh(&nobody, &elsewhere.refresh).await.expect(200);
    service.stop().await;
}

#[actix::test]
async fn of_many_who_come_with_one_token_one_wins_and_nobody_of_the_family_lives_on() {
    let service = Service::start().await;
    let nobody = service.nobody();
    service.sign_up("ada").await;
    let sql = service.databases.plain_user("postgres").await;
    for _ in 0..10 {
        let first = sign_in(&nobody, "ada").await;
        let answers = join_all((0..12).map(|_| refresh(&nobody, &first.refresh))).await;
        let (won, lost): (Vec<Answer>, Vec<Answer>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        for answer in lost {
            answer.problem(401, "refresh_token_reused");
        }
        let winner = Tokens::of(&nobody, &won[0].body);
        is_over(winner.access.get(ME).await);
        refresh(&nobody, &winner.refresh).await.problem(401, "invalid_refresh_token");
    }
    // Only the session of the sign-up is left.
    let alive = "SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL AND spent_at IS NULL";
    assert_eq!(sql.query_one(alive, &[]).await.unwrap().get::<_, i64>(0), 1);
    service.stop().await;
}

#[actix::test]
async fn descendants_that_are_born_while_their_family_is_ended_do_not_outlive_it() {
    let service = Service::start().await;
    let nobody = service.nobody();
    service.sign_up("ada").await;
    for _ in 0..10 {
        let first = sign_in(&nobody, "ada").await;
        let second = Tokens::of(&nobody, &refresh(&nobody, &first.refresh).await.expect(200));
        // One goes on as long as it can, while another brings the spent one.
        let descend = async {
            let mut last = second;
            loop {
                let answer = refresh(&nobody, &last.refresh).await;
                if answer.status != 200 {
                    answer.problem(401, "invalid_refresh_token");
                    return last;
                }
                last = Tokens::of(&nobody, &answer.body);
            }
        };
        let (last, reused) = tokio::join!(descend, refresh(&nobody, &first.refresh));
        reused.problem(401, "refresh_token_reused");
        is_over(last.access.get(ME).await);
    }
    service.stop().await;
}

#[actix::test]
async fn a_refresh_token_that_is_none_or_of_a_closed_account_is_not_valid() {
    let service = Service::start().await;
    let (nobody, ada) = (service.nobody(), sign_up(&service, "ada").await);
    for none in ["", "x", &"A".repeat(43), ada.refresh.to_lowercase().as_str()] {
        refresh(&nobody, none).await.problem(401, "invalid_refresh_token");
    }
    let problem = nobody.post(REFRESH, &json!({"token": "x"})).await.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["refresh_token", "token"]);

    let sql = service.databases.plain_user("postgres").await;
    sql.batch_execute("UPDATE refresh_tokens SET expires_at = now()").await.unwrap();
    refresh(&nobody, &ada.refresh).await.problem(401, "invalid_refresh_token");
    let ada = sign_in(&nobody, "ada").await;
    sql.batch_execute("UPDATE users SET disabled_at = now() WHERE username = 'ada'").await.unwrap();
    refresh(&nobody, &ada.refresh).await.problem(401, "invalid_refresh_token");
    service.stop().await;
}

#[actix::test]
async fn administrators_refresh_and_leave_by_their_own_door_and_users_do_not() {
    let service = Service::start().await;
    service.admin().await;
    let (nobody, at_admin) = (service.nobody(), service.nobody_at_admin());
    let admin = sign_in(&at_admin, "root").await;
    let admin = Tokens::of(&at_admin, &refresh(&at_admin, &admin.refresh).await.expect(200));
    admin.access.get("/api/v1/agents").await.expect(200);
    logout(&admin.access).await.expect(204);
    is_over(admin.access.get("/api/v1/agents").await);

    let ada = sign_up(&service, "ada").await;
    refresh(&at_admin, &ada.refresh).await.problem(403, "forbidden");
    // It was not spent by that.
    refresh(&nobody, &ada.refresh).await.expect(200);
    service.stop().await;
}

#[actix::test]
async fn a_log_out_ends_the_session_however_often_it_is_said_and_is_on_the_list_in_redis() {
    let service = Service::start().await;
    let (nobody, ada) = (service.nobody(), sign_up(&service, "ada").await);
    let elsewhere = sign_in(&nobody, "ada").await;
    let ticket = ada.access.post("/api/v1/ws/tickets", &Value::Null).await.expect(201);
    for _ in 0..2 {
        let answer = logout(&ada.access).await;
        assert_eq!(answer.body, Value::Null);
        answer.expect(204);
    }
    is_over(ada.access.get(ME).await);
    is_over(ada.access.post("/api/v1/ws/tickets", &Value::Null).await);
    refresh(&nobody, &ada.refresh).await.problem(401, "invalid_refresh_token");
    elsewhere.access.get(ME).await.expect(200);
    nobody.with_token("x").post(LOGOUT, &Value::Null).await.problem(401, "unauthenticated");

    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    let redeemed = service.accounts.ask(botberi::actors::accounts::RedeemTicket { ticket }).await;
    assert!(redeemed.unwrap_err().to_string().contains("has been ended"));

    let sql = service.databases.plain_user("postgres").await;
    let query = "SELECT aggregate_id FROM event_outbox WHERE routing_key = 'auth.revoked'";
    let ended: String = sql.query_one(query, &[]).await.unwrap().get(0);
    let token = token_id(&ada.access);
    for key in [format!("blacklist:{token}"), format!("blacklist:{ended}")] {
        let (value, seconds) = service.in_redis(&key).await;
        assert_eq!(value.as_deref(), Some("1"), "{key}");
        assert!((800..=920).contains(&seconds), "{key} for {seconds} s");
    }
    service.stop().await;
}

/// The `jti` of a caller's token.
fn token_id(caller: &Caller) -> String {
    use base64::Engine as _;
    let token = caller.token().unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

#[actix::test]
async fn what_is_over_stays_over_when_the_actor_that_knows_is_built_again() {
    let service = Service::start().await;
    let ada = sign_up(&service, "ada").await;
    logout(&ada.access).await.expect(204);
    assert!(inject_panic(&service.tree, "/revocations"));
    let rebuilt = service.tree.wait_until(|report| {
        report.iter().any(|part| part.path == "/revocations" && part.restarts == 1 && part.is_well())
    });
    crate::support::wait::within("it is built again", rebuilt).await;
    is_over(ada.access.get(ME).await);
    sign_in(&service.nobody(), "ada").await.access.get(ME).await.expect(200);
    service.stop().await;
}

#[actix::test]
async fn a_sign_in_too_many_ends_the_session_that_was_not_used_for_longest() {
    let service = Service::start().await;
    // As many as may be: that of the sign-up is the first, and is over at once.
    let (nobody, second) = (service.nobody(), sign_up(&service, "ada").await);
    let third = sign_in(&nobody, "ada").await;
    let second = Tokens::of(&nobody, &refresh(&nobody, &second.refresh).await.expect(200));
    for _ in 0..18 {
        sign_in(&nobody, "ada").await;
    }
    third.access.get(ME).await.expect(200);
    sign_in(&nobody, "ada").await;
    is_over(third.access.get(ME).await);
    second.access.get(ME).await.expect(200);
    service.stop().await;
}

#[actix::test]
async fn a_log_out_that_postgres_cannot_hear_is_in_redis_and_has_to_be_said_again() {
    let service = Service::start().await;
    let ada = sign_up(&service, "ada").await;
    let sql = service.databases.plain_user("postgres").await;
    sql.batch_execute("REVOKE UPDATE ON sessions FROM botberi").await.unwrap();
    logout(&ada.access).await;
    let query = "SELECT id::text FROM sessions ORDER BY created_at DESC LIMIT 1";
    let session: String = sql.query_one(query, &[]).await.unwrap().get(0);
    for key in [format!("blacklist:{}", token_id(&ada.access)), format!("blacklist:{session}")] {
        assert_eq!(service.in_redis(&key).await.0.as_deref(), Some("1"), "{key}");
    }
    ada.access.get(ME).await.expect(200);
    sql.batch_execute("GRANT UPDATE ON sessions TO botberi").await.unwrap();
    logout(&ada.access).await.expect(204);
    is_over(ada.access.get(ME).await);
    service.stop().await;
}
