//! What browsers are told, and what a head may be like.

use reqwest::Method;
use serde_json::json;

use super::service::{Answer, Service};

const APP: &str = "https://app.example.com";

#[actix::test]
async fn a_page_of_the_list_may_ask_and_read_and_any_other_may_not() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let from =
        |method: Method, path: &str, origin: &str| nobody.request(method, path).header("origin", origin);
    let asking = |origin: &str| {
        from(Method::OPTIONS, "/api/v1/instances", origin).header("access-control-request-method", "POST")
    };

    for allowed in [APP, "http://localhost:5173"] {
        let preflight = Answer::of(asking(allowed)).await;
        assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, allowed));
        assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
        assert!(preflight.header("access-control-allow-headers").contains("idempotency-key"));
        assert_eq!(preflight.header("access-control-max-age"), "600");
        assert!(preflight.headers.get("access-control-allow-credentials").is_none());
        // Also what went wrong is for the page to read.
        let refused = Answer::of(from(Method::GET, "/api/v1/users/me", allowed)).await;
        assert_eq!(refused.header("access-control-allow-origin"), allowed);
        assert!(refused.header("access-control-expose-headers").contains("etag"));
        assert!(refused.header("vary").contains("Origin"));
        refused.problem(401, "unauthenticated");
    }
    for foreign in ["https://evil.example.com", "http://app.example.com", "null"] {
        let preflight = Answer::of(asking(foreign)).await;
        assert!(preflight.headers.get("access-control-allow-origin").is_none());
        preflight.problem(405, "method_not_allowed");
        let answer = Answer::of(from(Method::GET, "/healthz", foreign)).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none());
        answer.expect(200);
    }
    // Without a page that asks, OPTIONS is a method like any other.
    Answer::of(nobody.request(Method::OPTIONS, "/healthz")).await.problem(405, "method_not_allowed");
    service.stop().await;
}

#[actix::test]
async fn every_answer_tells_browsers_to_be_careful_with_it() {
    let service = Service::start().await;
    let ada = service.sign_up("ada").await;
    let tokens = ada.try_sign_in("ada", super::service::PASSWORD).await;
    let cases = [
        (tokens, "no-store"),
        (ada.get("/api/v1/users/me").await, "private, no-cache"),
        (ada.get("/api/v1/instances").await, "no-store"),
        (ada.get("/api/v1/nope").await, "no-store"),
        (ada.get("/healthz").await, "no-store"),
        (ada.post("/api/v1/instances", &json!({})).await, "no-store"),
    ];
    for (answer, caching) in cases {
        assert_eq!(answer.header("cache-control"), caching, "{}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert!(answer.header("vary").contains("Authorization"));
    }
    service.stop().await;
}

#[actix::test]
async fn a_head_that_is_too_large_is_told_which_part_of_it() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let long = format!("/api/v1/agents?q={}", "x".repeat(3_000));
    Answer::of(nobody.request(Method::GET, &long)).await.problem(414, "uri_too_long");
    let large = nobody.request(Method::GET, "/healthz").header("x-large", "x".repeat(9_000));
    Answer::of(large).await.problem(431, "headers_too_large");
    service.stop().await;
}
