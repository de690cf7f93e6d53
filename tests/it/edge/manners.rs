//! What the edge answers itself, what it sends on and how often.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::upstream::{Conduct, Upstream, nobody};
use crate::support::client::{Answer, answer};
use crate::support::edge::{Edge, Upstreams};
use crate::support::wait::within;

const WRITES: [Method; 4] = [Method::POST, Method::PATCH, Method::PUT, Method::DELETE];

fn users(addresses: &[&str]) -> Upstreams {
    Upstreams::of_users(addresses)
}

async fn ask(edge: &Edge, method: Method, path: &str) -> Answer {
    answer(Client::new().request(method, format!("{}{path}", edge.url)).body("{}")).await
}

#[tokio::test]
async fn whatever_a_replica_does_a_change_reaches_one_of_them_once() {
    let (sound, broken) = (Upstream::that(Conduct::Answers).await, Upstream::that(Conduct::Breaks).await);
    let nobody = nobody().await;
    let edge = Edge::before(&users(&[&nobody, &broken.address, &sound.address])).await;
    let (mut unknown, mut not_sent) = (0, 0);
    for number in 0..15 {
        for method in WRITES {
            let path = format!("/api/v1/{method}/{number}");
            let answer = ask(&edge, method.clone(), &path).await;
            let times = |upstream: &Upstream| upstream.counts().get(&path).copied().unwrap_or(0);
            match answer.status {
                200 => assert_eq!((times(&sound), times(&broken)), (1, 0), "{path}"),
                _ if answer.problem(503) == "outcome_unknown" => {
                    assert_eq!((times(&sound), times(&broken)), (0, 1), "{path}");
                    unknown += 1;
                }
                _ => {
                    assert_eq!(answer.problem(503), "dependency_unavailable");
                    assert_eq!((times(&sound), times(&broken)), (0, 0), "{path} may be repeated");
                    assert!(
                        [Method::PUT, Method::DELETE].contains(&method),
                        "{path} could have gone elsewhere"
                    );
                    not_sent += 1;
                }
            }
            if answer.status == 503 {
                assert_eq!(answer.headers["retry-after"], "1");
            }
        }
        // What changes nothing is asked of another one until there is an answer.
        assert_eq!(ask(&edge, Method::GET, &format!("/api/v1/read/{number}")).await.status, 200);
    }
    // Three failures in three seconds, and a replica is left alone for the next three.
    assert!(unknown >= 1, "the broken one was never asked");
    assert!(unknown + not_sent < 30, "{unknown} broke off and {not_sent} were not sent: nothing was learned");
}

#[tokio::test]
async fn what_is_asked_of_a_silent_replica_is_asked_elsewhere_only_if_it_changes_nothing() {
    let (sound, silent) = (Upstream::that(Conduct::Answers).await, Upstream::that(Conduct::IsSilent).await);
    let short = [("proxy_read_timeout 35s", "proxy_read_timeout 300ms")];
    let edge = Edge::with(&users(&[&silent.address, &sound.address]), &short).await;
    for number in 0..6 {
        assert_eq!(ask(&edge, Method::GET, &format!("/api/v1/read/{number}")).await.status, 200);
    }
    let alone = Edge::with(&users(&[&silent.address]), &short).await;
    assert_eq!(ask(&alone, Method::DELETE, "/api/v1/gone").await.problem(503), "outcome_unknown");
    assert_eq!(silent.counts()["/api/v1/gone"], 1);
    assert_eq!(ask(&alone, Method::GET, "/api/v1/read").await.problem(503), "dependency_unavailable");
}

#[tokio::test]
async fn what_the_edge_refuses_is_a_problem_and_reaches_no_replica() {
    let replica = Upstream::that(Conduct::Answers).await;
    let edge = Edge::before(&users(&[&replica.address])).await;
    let http = Client::new();
    let url = |path: &str| format!("{}{path}", edge.url);

    let large = http.post(url("/api/v1/instances")).body(vec![b' '; 1_048_577]);
    assert_eq!(answer(large).await.problem(413), "payload_too_large");
    let long = http.get(url(&format!("/api/v1/{}", "a".repeat(9_000))));
    assert_eq!(answer(long).await.problem(414), "uri_too_long");
    let wide = http.get(url("/api/v1/agents")).header("x-wide", "a".repeat(9_000));
    assert_eq!(answer(wide).await.problem(431), "headers_too_large");
    let strange = http.request(Method::TRACE, url("/api/v1/agents"));
    assert_eq!(answer(strange).await.problem(405), "method_not_allowed");
    for path in [
        "/",
        "/metrics",
        "/readyz",
        "/admin/metrics",
        "/admin/readyz",
        "/broker/metrics",
        "/broker/readyz",
        "/admin",
        "/-/internal",
        "/admin/api/../metrics",
        "/.env",
    ] {
        assert_eq!(answer(http.get(url(path))).await.problem(404), "not_found", "{path}");
    }
    assert_eq!(replica.requests(), Vec::<String>::new());

    assert_eq!(answer(http.get(url("/admin/api/v1/agents"))).await.problem(503), "dependency_unavailable");
    let largest = http.post(url("/api/v1/instances")).body(vec![b' '; 1_048_576]);
    assert_eq!(answer(largest).await.status, 200);
    let longest = http.get(url(&format!("/api/v1/{}", "a".repeat(8_180))));
    assert_eq!(answer(longest).await.status, 200);
}

#[tokio::test]
async fn replicas_are_told_who_asks_and_under_which_name_and_a_ticket_is_written_nowhere() {
    let replica = Upstream::that(Conduct::Answers).await;
    let edge = Edge::before(&users(&[&replica.address, &nobody().await])).await;
    let http = Client::new();
    for id in ["a-name.of:mine", "not\tsane", "\"quoted\""] {
        let request = http.get(format!("{}/api/v1/ws?ticket=s3cret&since=4", edge.url));
        answer(request.header("x-request-id", id).header("x-forwarded-for", "6.6.6.6")).await;
    }
    let requests = replica.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].contains("X-Request-Id: a-name.of:mine\r\n"), "{}", requests[0]);
    for request in &requests {
        assert!(request.starts_with("GET /api/v1/ws?ticket=s3cret&since=4 HTTP/1.1"), "{request}");
        assert!(
            request.contains("X-Forwarded-For: 127.0.0.1\r\n") && !request.contains("6.6.6.6"),
            "{request}"
        );
        assert!(
            request.contains(&format!("Host: {}\r\n", edge.url.trim_start_matches("http://"))),
            "{request}"
        );
        let name = request.lines().find_map(|line| line.strip_prefix("X-Request-Id: ")).unwrap();
        assert!(name == "a-name.of:mine" || name.len() == 32, "{name}");
    }
    // A request that breaks is written down, too.
    edge.reload(&users(&[&Upstream::that(Conduct::Breaks).await.address])).await;
    let broken = answer(http.get(format!("{}/api/v1/ws?ticket=s3cret", edge.url))).await;
    assert_eq!(broken.problem(503), "dependency_unavailable");
    assert!(!broken.headers["server"].to_str().unwrap().contains('/'), "its version is nobody's business");
    let log = within("the request is in the log", async {
        loop {
            let log = edge.access_log();
            if log.lines().count() >= 4 {
                return log;
            }
            tokio::task::yield_now().await;
        }
    });
    let log = log.await;
    assert!(log.contains("\"path\":\"/api/v1/ws\""), "{log}");
    assert!(!log.contains("s3cret") && !edge.error_log().contains("s3cret"), "{log}{}", edge.error_log());
}

#[tokio::test]
async fn a_client_that_dawdles_is_disconnected_and_costs_no_replica_anything() {
    let replica = Upstream::that(Conduct::Answers).await;
    let short = [
        ("client_header_timeout 5s", "client_header_timeout 1s"),
        ("client_body_timeout 10s", "client_body_timeout 1s"),
    ];
    let edge = Edge::with(&users(&[&replica.address]), &short).await;
    for beginning in [
        "GET /api/v1/agents HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        "POST /api/v1/instances HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let began = Instant::now();
        let mut slow = TcpStream::connect(edge.url.trim_start_matches("http://")).await.unwrap();
        slow.write_all(beginning.as_bytes()).await.unwrap();
        let mut end = Vec::new();
        // A reset is an end, too.
        let _how_it_ended = within("it is disconnected", slow.read_to_end(&mut end)).await;
        assert!(began.elapsed() > Duration::from_millis(900), "too soon");
    }
    assert_eq!(replica.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_stream_of_events_is_passed_on_as_it_comes() {
    let replica = Upstream::that(Conduct::Streams).await;
    let edge = Edge::before(&users(&[&replica.address])).await;
    let mut stream =
        within("an answer", Client::new().get(format!("{}/api/v1/events", edge.url)).send()).await.unwrap();
    let first = within("the first event", stream.chunk()).await.unwrap().unwrap();
    assert_eq!(&first[..], b"data: 1\n\n");
}
