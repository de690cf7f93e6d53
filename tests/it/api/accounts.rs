//! Sign-up, sign-in, and what a token is good for.

use std::time::Instant;

use reqwest::Method;
use serde_json::json;

use super::service::{Answer, PASSWORD, Service, fields};

#[actix::test]
async fn a_name_and_an_address_belong_to_one_person_whatever_their_case() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let ada = json!({"username": " ada@example.org ", "password": PASSWORD, "email": "ada@example.org"});
    let user = nobody.post("/api/v1/auth/register", &ada).await.expect(201);
    assert_eq!((&user["username"], &user["role"]), (&"ada@example.org".into(), &"developer".into()));
    assert_eq!(user.as_object().unwrap().len(), 6, "{user}");

    let same_name = json!({"username": "ADA@example.org", "password": PASSWORD});
    nobody.post("/api/v1/auth/register", &same_name).await.problem(409, "username_taken");
    let same_address = json!({"username": "eve", "password": PASSWORD, "email": "Ada@Example.org"});
    nobody.post("/api/v1/auth/register", &same_address).await.problem(409, "email_taken");

    let signed_in = nobody.sign_in("Ada@example.org").await;
    assert_eq!(signed_in.get("/api/v1/users/me").await.expect(200), user);
    service.stop().await;
}

#[actix::test]
async fn a_registration_is_told_all_of_its_faults_at_once() {
    let service = Service::start().await;
    let body = json!({"username": "a\u{0}b", "password": 12_345_678, "email": "nowhere", "role": "admin"});
    let problem =
        service.nobody().post("/api/v1/auth/register", &body).await.problem(422, "validation_failed");
    assert_eq!(fields(&problem), ["username", "password", "email", "role"]);
    service.stop().await;
}

#[actix::test]
async fn signing_in_gives_tokens_and_tells_nobody_which_part_was_wrong() {
    let service = Service::start().await;
    service.sign_up("ada").await;
    let nobody = service.nobody();
    let answer = nobody.try_sign_in("ada", PASSWORD).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.expect(200);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&"Bearer".into(), &900.into()));
    assert_eq!(tokens["refresh_token"].as_str().unwrap().len(), 43);

    let wrong = nobody.try_sign_in("ada", "battery staple").await.problem(401, "invalid_credentials");
    let unknown = nobody.try_sign_in("eve", PASSWORD).await.problem(401, "invalid_credentials");
    assert_eq!(wrong["detail"], unknown["detail"]);

    let sql = service.databases.plain_user("postgres").await;
    let kept: i64 = sql.query_one("SELECT count(*) FROM refresh_tokens", &[]).await.unwrap().get(0);
    assert_eq!(kept, 2);
    sql.execute("UPDATE users SET disabled_at = now()", &[]).await.unwrap();
    nobody.try_sign_in("ada", PASSWORD).await.problem(401, "invalid_credentials");
    service.stop().await;
}

#[actix::test]
async fn only_administrators_come_in_by_the_administrators_door() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    service.nobody_at_admin().try_sign_in("ada", PASSWORD).await.problem(403, "forbidden");
    service.nobody_at_admin().try_sign_in("ada", "battery staple").await.problem(401, "invalid_credentials");

    let routes = [
        (Method::GET, "/api/v1/agents"),
        (Method::POST, "/api/v1/agents"),
        (Method::GET, "/api/v1/agents/1"),
        (Method::DELETE, "/api/v1/agents/1"),
        (Method::POST, "/api/v1/agents/1/publish"),
        (Method::POST, "/api/v1/agents/1/retire"),
    ];
    for (method, path) in routes {
        let as_ada = ada.at(service.admin).request(method.clone(), path);
        Answer::of(as_ada).await.problem(403, "forbidden");
        let as_nobody = service.nobody_at_admin().request(method, path);
        Answer::of(as_nobody).await.problem(401, "unauthenticated");
    }
    admin.get("/api/v1/agents").await.expect(200);
    service.stop().await;
}

#[actix::test]
async fn nothing_of_the_users_api_is_open_to_nobody() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let routes = [
        (Method::GET, "/api/v1/users/me"),
        (Method::PATCH, "/api/v1/users/me"),
        (Method::DELETE, "/api/v1/users/me"),
        (Method::POST, "/api/v1/users/me/password"),
        (Method::POST, "/api/v1/auth/logout"),
        (Method::POST, "/api/v1/ws/tickets"),
        (Method::GET, "/api/v1/agents"),
        (Method::GET, "/api/v1/agents/1"),
        (Method::GET, "/api/v1/instances"),
        (Method::POST, "/api/v1/instances"),
        (Method::GET, "/api/v1/instances/x"),
        (Method::PATCH, "/api/v1/instances/x"),
        (Method::DELETE, "/api/v1/instances/x"),
        (Method::POST, "/api/v1/instances/x/stop"),
        (Method::POST, "/api/v1/instances/x/start"),
        (Method::GET, "/api/v1/instances/x/events"),
    ];
    for (method, path) in routes {
        for authorization in [None, Some("Bearer x"), Some("Basic x"), Some("Bearer")] {
            let mut request = nobody.request(method.clone(), path);
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let answer = Answer::of(request).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            answer.problem(401, "unauthenticated");
        }
    }
    let twice = nobody.request(Method::GET, "/api/v1/agents").header("authorization", "Bearer a");
    Answer::of(twice.header("authorization", "Bearer b")).await.problem(401, "unauthenticated");
    service.stop().await;
}

#[actix::test]
async fn a_flood_of_logins_is_refused_at_the_door_and_the_others_are_served() {
    let service = Service::start().await;
    service.sign_up("ada").await;
    let nobody = service.nobody();
    let began = Instant::now();
    let logins = (0..64).map(|_| nobody.try_sign_in("ada", PASSWORD));
    let answers = futures_util::future::join_all(logins).await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 503).count();
    assert_eq!(served + refused, 64);
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused in {:?}", began.elapsed());
    let busy = answers.into_iter().find(|answer| answer.status == 503).unwrap();
    assert_eq!(busy.header("retry-after"), "1");
    busy.problem(503, "service_busy");
    service.stop().await;
}

#[actix::test]
async fn a_hash_of_an_older_system_signs_in_once_and_is_one_of_ours_from_then_on() {
    let service = Service::start().await;
    let ada = service.sign_up("ada").await;
    let old = bcrypt::hash_with_salt(PASSWORD, 5, [7; 16]).unwrap().to_string();
    let sql = service.databases.plain_user("postgres").await;
    let hash =
        async || -> String { sql.query_one("SELECT password_hash FROM users", &[]).await.unwrap().get(0) };
    sql.execute("UPDATE users SET password_hash = $1", &[&old]).await.unwrap();
    let before = ada.get("/api/v1/users/me").await.expect(200);

    let nobody = service.nobody();
    nobody.try_sign_in("ada", "battery staple").await.problem(401, "invalid_credentials");
    assert_eq!(hash().await, old);
    // Two at once: each has looked at the old one.
    let both = futures_util::join!(nobody.try_sign_in("ada", PASSWORD), nobody.try_sign_in("ada", PASSWORD));
    assert_eq!((both.0.status, both.1.status), (200, 200));
    let ours = hash().await;
    assert!(ours.starts_with("$argon2id$"), "{ours}");
    nobody.try_sign_in("ada", PASSWORD).await.expect(200);
    assert_eq!(hash().await, ours);
    assert_eq!(
        ada.get("/api/v1/users/me").await.expect(200),
        before,
        "nothing about the account has changed"
    );
    service.stop().await;
}
