//! What anybody can send who can reach the port: connections that say nothing, heads and documents of the worst kinds, frames that
//! are too large. The process refuses it, within its memory, and others are served meanwhile.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::Scene;
use super::watch::Watch;
use crate::support::client::answer;
use crate::support::wait::within;

/// Connections that say nothing.
const IDLE: usize = 2_000;
/// Connections that say a byte now and then.
const SLOW: usize = 200;

/// How long anybody else may wait meanwhile, on a machine that is busy.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Somebody who uses the service all the time, and how long that took at most.
struct Neighbour(JoinHandle<()>, tokio::sync::oneshot::Sender<()>);

impl Neighbour {
    fn of(scene: &Scene) -> Self {
        let (ada, agent) = (scene.ada.clone(), scene.agent);
        let (leave, mut left) = tokio::sync::oneshot::channel();
        let using = tokio::spawn(async move {
            let (mut longest, mut times) = (Duration::ZERO, 0);
            while left.try_recv().is_err() || times == 0 {
                let begun = Instant::now();
                let id = crate::support::client::id_of(&ada.create(agent).await);
                ada.instance(&id).await;
                ada.get("/api/v1/agents").await.expect(200);
                longest = longest.max(begun.elapsed());
                times += 1;
            }
            eprintln!("meanwhile {times} rounds of three requests, the longest in {longest:?}");
            assert!(longest < SERVED_WITHIN, "somebody else waited for {longest:?}");
        });
        Self(using, leave)
    }

    async fn was_served(self) {
        let _still_there = self.1.send(());
        within("somebody else is served", self.0).await.unwrap();
    }
}

fn address(scene: &Scene) -> String {
    scene.program.user_api.trim_start_matches("http://").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_connections_that_say_nothing_or_little_keep_nobody_from_being_served() {
    let scene = Scene::set(&[("http.header_timeout_ms", 2_000.into())]).await;
    let address = address(&scene);
    let watch = Watch::of(&scene.program);
    let neighbour = Neighbour::of(&scene);

    let mut idle = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        idle.push(within("a connection", TcpStream::connect(&address)).await.unwrap());
    }
    let mut slow = JoinSet::new();
    for _ in 0..SLOW {
        let address = address.clone();
        slow.spawn(async move { byte_by_byte(&address).await });
    }
    let mut longest = Duration::ZERO;
    while let Some(cut_after) = within("a slow head is cut", slow.join_next()).await {
        longest = longest.max(cut_after.unwrap());
    }
    eprintln!("heads that came byte by byte were cut after {longest:?} at most");
    // Those that never said anything were waited for as long as a head may take, and not longer.
    let mut ended = 0;
    for stream in &mut idle {
        ended += usize::from(within("an idle one is cut", to_the_end(stream)).await);
    }
    assert_eq!(ended, IDLE);
    neighbour.was_served().await;
    watch.assert_grew_by_less_than(150);
    scene.until_well().await;
}

/// Says a byte of a head each 50 ms, and tells when that was cut.
async fn byte_by_byte(address: &str) -> Duration {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let begun = Instant::now();
    let mut answer = [0; 1_024];
    for byte in b"GET /healthz HTTP/1.1\r\nx-slow: ".iter().chain(std::iter::repeat(&b'a')) {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        if timeout(Duration::from_millis(50), stream.read(&mut answer)).await.is_ok() {
            break;
        }
    }
    begun.elapsed()
}

/// Whether the other side ended it.
async fn to_the_end(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 1_024];
    loop {
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
    }
}

/// Bodies that are as bad as a megabyte can be, and what may be answered.
fn bad_documents() -> Vec<(&'static str, String, &'static [u16])> {
    let digits = "9".repeat(100_000);
    let fields = |field: &dyn Fn(usize) -> String| {
        let fields: Vec<String> = (0..60_000).map(field).collect();
        format!("{{{}}}", fields.join(","))
    };
    vec![
        ("lists in lists", "[".repeat(10_000), &[400]),
        ("lists that end", format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), &[400]),
        ("objects in objects", format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000)), &[400]),
        ("half a megabyte of lists", "[".repeat(500_000), &[400, 503]),
        ("a number that is none", r#"{"agent_id": 1e400}"#.to_owned(), &[400]),
        ("a number with many digits", format!(r#"{{"agent_id": {digits}}}"#), &[400]),
        ("a fraction with many digits", format!(r#"{{"agent_id": 0.5{digits}, "title": "x"}}"#), &[422]),
        ("a power with many digits", format!(r#"{{"agent_id": 1e-{digits}, "title": "x"}}"#), &[404, 422]),
        ("one field again and again", fields(&|_| r#""agent_id":1"#.to_owned()), &[422, 503]),
        ("fields that nobody knows", fields(&|number| format!(r#""f{number}":1"#)), &[422, 503]),
        ("empty objects", format!("[{}{{}}]", "{},".repeat(300_000)), &[422, 503]),
        ("half of a letter", r#"{"title": "\ud800"}"#.to_owned(), &[400]),
        (
            "letters that are long when written",
            format!(r#"{{"title": "{}"}}"#, r"\u0001".repeat(150_000)),
            &[422],
        ),
        (
            "a deep configuration",
            format!(
                r#"{{"agent_id":1,"title":"x","user_config":{{"a":{}1{}}}}}"#,
                "[".repeat(100),
                "]".repeat(100)
            ),
            &[422],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_the_worst_kinds_are_refused_in_time_and_bounded() {
    let scene = Scene::set(&[]).await;
    let watch = Watch::of(&scene.program);
    let neighbour = Neighbour::of(&scene);
    let mut senders = JoinSet::new();
    for (what, body, statuses) in bad_documents() {
        for path in ["/api/v1/instances", "/api/v1/auth/login", "/api/v1/auth/register"] {
            let (ada, body) = (scene.ada.clone(), body.clone());
            senders.spawn(async move {
                for _ in 0..5 {
                    let request = ada.request(Method::POST, path).header("content-type", "application/json");
                    let begun = Instant::now();
                    let answer = answer(request.body(body.clone())).await;
                    assert!(
                        statuses.contains(&answer.status),
                        "{what} to {path}: {} {}",
                        answer.status,
                        answer.body
                    );
                    answer.problem(answer.status);
                    let told = answer.body.to_string().len();
                    assert!(told < 200_000, "{what} to {path}: {told} bytes are told");
                    assert!(begun.elapsed() < SERVED_WITHIN, "{what} to {path}: {:?}", begun.elapsed());
                }
            });
        }
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }
    neighbour.was_served().await;
    watch.assert_grew_by_less_than(250);
    scene.until_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_without_an_end_or_with_too_many_lines_are_refused_and_bounded() {
    const SENDERS: usize = 200;
    let scene = Scene::set(&[]).await;
    let address = address(&scene);
    let watch = Watch::of(&scene.program);
    let neighbour = Neighbour::of(&scene);
    let mut senders = JoinSet::new();
    let long = format!("x-long: {}\r\n", "a".repeat(30_000));
    for line in [
        "x: y\r\n".to_owned(),
        long,
        "x-endless: aaaaaaaa".repeat(100),
        format!("cookie: {}\r\n", "a=b; ".repeat(200)),
    ] {
        for _ in 0..SENDERS / 4 {
            let (address, line) = (address.clone(), line.clone());
            senders.spawn(async move { flood_of_lines(&address, &line).await });
        }
    }
    let mut told = 0;
    while let Some(sent) = within("a head is refused", senders.join_next()).await {
        let answer = sent.unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        told += usize::from(!answer.is_empty());
    }
    eprintln!("{told} of {SENDERS} were told why, the others cut");
    neighbour.was_served().await;
    watch.assert_grew_by_less_than(150);
    scene.until_well().await;
}

/// Sends up to eight megabytes of a head; answers with what came back, if that could still be read.
async fn flood_of_lines(address: &str, line: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let piece = line.repeat(1 + 16_384 / line.len());
    let mut sent = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").await;
    let mut bytes = 0;
    while sent.is_ok() && bytes < 8_000_000 {
        sent = stream.write_all(piece.as_bytes()).await;
        bytes += piece.len();
    }
    assert!(sent.is_err(), "all of it was taken in");
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_a_megabyte_end_their_own_sockets_only_and_are_not_kept() {
    const SOCKETS: usize = 50;
    let scene = Scene::set(&[("websocket.heartbeat_seconds", 30.into())]).await;
    let mut listener = scene.ada.socket(None).await;
    let watch = Watch::of(&scene.program);
    let neighbour = Neighbour::of(&scene);
    let mut senders = JoinSet::new();
    for _ in 0..SOCKETS {
        let ada = scene.ada.clone();
        senders.spawn(async move {
            let mut socket = ada.socket(None).await;
            let frame = json!({"type": "subscribe", "channels": ["x".repeat(1_000_000)]});
            let _refused_before_its_end = socket.try_say(&frame).await;
            socket.closed().await
        });
    }
    while let Some(closed) = within("a socket is closed", senders.join_next()).await {
        // Who still writes when the other side closes may not get to see why.
        let code = closed.unwrap();
        assert!(matches!(code, 1009 | 1006), "{code}");
    }
    scene.ada.create(scene.agent).await;
    listener.next_event().await;
    neighbour.was_served().await;
    watch.assert_grew_by_less_than(150);
    scene.until_well().await;
}
