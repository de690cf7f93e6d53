//! Whoever asks too often is told so, and when to come back; whoever does not never notices.

use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::requests::read_head;
use super::service::{Answer, Caller, PASSWORD, Service, unlimited};
use botberi::actors::rate_limits::RateLimitsSettings;

fn number(answer: &Answer, header: &str) -> u64 {
    answer.header(header).parse().unwrap_or_else(|_| panic!("{header}: {:?}", answer.headers))
}

async fn from(caller: &Caller, address: &str, path: &str) -> Answer {
    Answer::of(caller.request(Method::GET, path).header("x-forwarded-for", address)).await
}

#[actix::test]
async fn a_user_who_asks_too_often_is_refused_and_nobody_else_is() {
    let limits = RateLimitsSettings { read_max: 5, write_max: 3, user_max: 7, ..unlimited() };
    let service = Service::limited(limits).await;
    let (ada, bob) = (service.sign_up("ada").await, service.sign_up("bob").await);

    for left in (0..5).rev() {
        let answer = ada.get("/api/v1/users/me").await;
        assert_eq!((number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")), (5, left));
        assert!((1..=60).contains(&number(&answer, "ratelimit-reset")));
        answer.expect(200);
    }
    let refused = ada.get("/api/v1/users/me").await;
    assert_eq!(number(&refused, "ratelimit-remaining"), 0);
    let wait = number(&refused, "retry-after");
    assert!((1..=60).contains(&wait) && wait == number(&refused, "ratelimit-reset"));
    refused.problem(429, "rate_limited");
    // Of the seven of any kind, two are left; the third write would still have been one of three.
    for _write in 0..2 {
        ada.post("/api/v1/instances", &json!({})).await.expect(422);
    }
    let refused = ada.post("/api/v1/instances", &json!({})).await;
    assert_eq!(number(&refused, "ratelimit-limit"), 7);
    refused.problem(429, "rate_limited");

    bob.get("/api/v1/users/me").await.expect(200);
    // The operators' routes are not counted, and say nothing of it.
    let health = ada.get("/healthz").await;
    assert_eq!(health.header("ratelimit-limit"), "");
    health.expect(200);
    service.stop().await;
}

#[actix::test]
async fn who_is_not_signed_in_is_counted_by_address_as_the_proxy_names_it() {
    let service = Service::limited(RateLimitsSettings { read_max: 2, address_max: 4, ..unlimited() }).await;
    let nobody = service.nobody();
    for _look in 0..2 {
        from(&nobody, "192.0.2.1", "/api/v1/agents").await.problem(401, "unauthenticated");
    }
    from(&nobody, "192.0.2.1", "/api/v1/agents").await.problem(429, "rate_limited");
    from(&nobody, "192.0.2.2", "/api/v1/agents").await.problem(401, "unauthenticated");
    // What a client writes before our proxy does is not believed.
    from(&nobody, "198.51.100.9, 192.0.2.1", "/api/v1/agents").await.problem(429, "rate_limited");
    // A bad token is nobody's, and no way round.
    let forged = nobody.request(Method::GET, "/api/v1/agents").bearer_auth("x.y.z");
    Answer::of(forged.header("x-forwarded-for", "192.0.2.1")).await.problem(429, "rate_limited");
    // Nor is another spelling of the path, which the router takes for the same.
    from(&nobody, "192.0.2.1", "/api/v1/%61gents").await.problem(429, "rate_limited");
    service.stop().await;
}

#[actix::test]
async fn guessing_passwords_is_slow_by_address_and_by_name_and_locks_nobody_else_out() {
    let limits = RateLimitsSettings { auth_max: 6, account_max: 3, account_everywhere_max: 5, ..unlimited() };
    let service = Service::limited(limits).await;
    let ada = json!({"username": "ada", "password": PASSWORD});
    let nobody = service.nobody();
    nobody.post("/api/v1/auth/register", &ada).await.expect(201);
    for name in ["ada", "ADA"] {
        nobody.try_sign_in(name, "wrong password").await.problem(401, "invalid_credentials");
    }
    nobody.try_sign_in("ada", PASSWORD).await.expect(200);
    let by_name = nobody.try_sign_in("ada", PASSWORD).await;
    assert!(number(&by_name, "retry-after") >= 1);
    by_name.problem(429, "rate_limited");
    // Its owner is somewhere else; but many places together are stopped, too.
    for (address, status) in [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.3", 429)] {
        let attempt = nobody.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", address);
        Answer::of(attempt.json(&ada)).await.expect(status);
    }
    nobody.try_sign_in("bob", PASSWORD).await.problem(401, "invalid_credentials");
    let by_address = nobody.try_sign_in("carol", PASSWORD).await;
    assert_eq!((number(&by_address, "ratelimit-limit"), number(&by_address, "ratelimit-remaining")), (6, 0));
    by_address.problem(429, "rate_limited");
    service.stop().await;
}

#[actix::test]
async fn a_stolen_token_guesses_its_users_password_slowly_from_everywhere() {
    let service = Service::limited(RateLimitsSettings { auth_max: 2, ..unlimited() }).await;
    let (ada, bob) = (service.sign_up("ada").await, service.nobody());
    let guess = async |address: &str| {
        let request = ada.request(Method::POST, "/api/v1/users/me/password");
        let body = json!({"current_password": "a wrong one", "new_password": "battery staple"});
        Answer::of(request.header("x-forwarded-for", address).json(&body)).await
    };
    for address in ["192.0.2.1", "192.0.2.2"] {
        guess(address).await.problem(422, "wrong_password");
    }
    guess("192.0.2.3").await.problem(429, "rate_limited");
    // Signing in is nobody's yet, whatever token comes along.
    let request = ada.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", "192.0.2.4");
    Answer::of(request.json(&json!({"username": "ada", "password": PASSWORD}))).await.expect(200);
    from(&bob, "192.0.2.4", "/api/v1/agents").await.expect(401);
    service.stop().await;
}

#[actix::test]
async fn a_session_that_is_over_spends_nothing_of_its_users() {
    let service = Service::limited(RateLimitsSettings { read_max: 3, ..unlimited() }).await;
    let (ada, over) = (service.sign_up("ada").await, service.nobody().sign_in("ada").await);
    over.post("/api/v1/auth/logout", &json!({})).await.expect(204);
    for left in (0..3).rev() {
        let answer = over.get("/api/v1/users/me").await;
        assert_eq!(number(&answer, "ratelimit-remaining"), left);
        answer.problem(401, "unauthenticated");
    }
    over.get("/api/v1/users/me").await.problem(429, "rate_limited");
    assert_eq!(number(&ada.get("/api/v1/users/me").await, "ratelimit-remaining"), 2);
    service.stop().await;
}

#[actix::test]
async fn a_refusal_does_not_wait_for_the_body() {
    let service = Service::limited(RateLimitsSettings { auth_max: 1, ..unlimited() }).await;
    service.nobody().try_sign_in("ada", PASSWORD).await.expect(401);
    let mut stream = TcpStream::connect(service.user).await.unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 100000\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 429 "));
    service.stop().await;
}
