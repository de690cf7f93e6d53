//! What every request is held to, whatever it is for.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::service::{Answer, Service, fields};

#[actix::test]
async fn bodies_that_cannot_be_read_are_told_why() {
    let service = Service::start().await;
    let login = || service.nobody().request(Method::POST, "/api/v1/auth/login");
    let json = |body: &'static str| login().header(CONTENT_TYPE, "application/json").body(body);
    Answer::of(json("{oops")).await.problem(400, "malformed_json");
    Answer::of(json("")).await.problem(400, "malformed_json");
    Answer::of(json("{} {}")).await.problem(400, "malformed_json");
    assert_eq!(fields(&Answer::of(json("[]")).await.problem(422, "validation_failed")), [""]);
    Answer::of(login().body("{}")).await.problem(415, "unsupported_media_type");
    Answer::of(login().header(CONTENT_TYPE, "text/plain").body("{}"))
        .await
        .problem(415, "unsupported_media_type");
    Answer::of(json("{}").header("content-encoding", "gzip")).await.problem(415, "unsupported_media_type");
    let with_charset = login().header(CONTENT_TYPE, "Application/JSON; charset=utf-8").body("{}");
    Answer::of(with_charset).await.problem(422, "validation_failed");
    service.stop().await;
}

#[actix::test]
async fn a_body_that_is_too_large_is_refused_announced_or_not() {
    let service = Service::start().await;
    let large = json!({"username": "x".repeat(200_000)}).to_string();
    let login = || {
        service.nobody().request(Method::POST, "/api/v1/auth/login").header(CONTENT_TYPE, "application/json")
    };
    Answer::of(login().body(large.clone())).await.problem(413, "payload_too_large");

    let mut stream = TcpStream::connect(service.user).await.unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    stream.write_all(chunk.as_bytes()).await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 413 "));
    service.stop().await;
}

#[actix::test]
async fn a_client_that_dawdles_over_its_head_or_its_body_is_not_waited_for() {
    let service = Service::start().await;
    for begun in [
        "GET /healthz HTTP/1.1\r\nhos",
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut stream = TcpStream::connect(service.user).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 408 "), "{begun}");
    }
    service.stop().await;
}

#[actix::test]
async fn a_request_keeps_its_name_and_gets_one_if_it_has_none() {
    let service = Service::start().await;
    let health = || service.nobody().request(Method::GET, "/healthz");
    let kept = Answer::of(health().header("x-request-id", "my-id:1")).await;
    assert_eq!(kept.header("x-request-id"), "my-id:1");
    let long = "x".repeat(129);
    for insane in ["a b", "a\"b", long.as_str()] {
        let made = Answer::of(health().header("x-request-id", insane)).await;
        assert!(uuid::Uuid::parse_str(made.header("x-request-id")).is_ok());
    }
    service.stop().await;
}

#[actix::test]
async fn routes_and_methods_that_are_not_there_say_so() {
    let service = Service::start().await;
    for caller in [service.nobody(), service.nobody_at_admin()] {
        for path in ["/", "/nope", "/api/v1", "/api/v1/nope", "/api/v1/agents/1/nope", "/healthz/x"] {
            caller.get(path).await.problem(404, "not_found");
        }
        let answer = Answer::of(caller.request(Method::PUT, "/api/v1/agents")).await;
        assert!(answer.header("allow").starts_with("GET, HEAD"));
        answer.problem(405, "method_not_allowed");
        let head = Answer::of(caller.request(Method::HEAD, "/healthz")).await;
        assert_eq!((head.status, head.body), (200, serde_json::Value::Null));
    }
    service.stop().await;
}

#[actix::test]
async fn measurements_name_routes_and_not_paths() {
    let service = Service::start().await;
    let nobody = service.nobody();
    nobody.get("/api/v1/instances/some-id").await.expect(401);
    nobody.get("/api/v1/made/up").await.expect(404);
    let text = nobody.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let has = |line: &str| text.lines().any(|found| found.contains(line));
    let of_route = r#"{listener="user",method="GET",route="/api/v1/instances/{id}",status="4xx"}"#;
    assert!(has(&format!("botberi_http_requests_total{of_route}")), "{text}");
    assert!(has(r#"route="unknown",status="4xx""#));
    assert!(has(
        r#"botberi_http_request_duration_seconds_bucket{listener="user",method="GET",route="unknown",le="0.001"}"#
    ));
    assert!(!text.contains("some-id") && !text.contains("made/up"));
    service.stop().await;
}

pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let length = stream.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}
