//! Clients who send slowly, and clients who do not read.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Scene;
use super::watch::Watch;
use crate::support::wait::within;

/// Bodies of a megabyte each, of which far fewer fit into what all requests together may hold.
const BODIES: usize = 300;
const BODY_BYTES: usize = 1_000_000;
const ROOM_BYTES: i64 = 32 * 1024 * 1024;

/// What became of a body that comes piece by piece.
enum Sent {
    /// It was answered before it was whole.
    Answered(String),
    /// The connection was closed; who still writes at that moment does not get to see the answer.
    Cut,
}

async fn send_slowly(address: &str) -> Sent {
    try_to_send(address).await.unwrap_or(Sent::Cut)
}

async fn try_to_send(address: &str) -> Option<Sent> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {BODY_BYTES}\r\n\r\n{{\"username\": \""
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let piece = vec![b'x'; BODY_BYTES / 20];
    let mut answer = vec![0; 4_096];
    let mut sent = 0;
    loop {
        if sent + piece.len() < BODY_BYTES {
            stream.write_all(&piece).await.ok()?;
            sent += piece.len();
        }
        if let Ok(read) = timeout(Duration::from_millis(100), stream.read(&mut answer)).await {
            let read = read.ok().filter(|read| *read > 0)?;
            return Some(Sent::Answered(String::from_utf8_lossy(&answer[..read]).into_owned()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_come_slowly_take_no_more_memory_than_all_requests_may_hold() {
    let settings =
        [("http.bytes_in_flight_max", ROOM_BYTES.into()), ("http.body_timeout_ms", 120_000.into())];
    let scene = Scene::set(&settings).await;
    let address = scene.program.user_api.trim_start_matches("http://").to_owned();
    let watch = Watch::of(&scene.program);

    let mut senders = JoinSet::new();
    for _ in 0..BODIES {
        let address = address.clone();
        senders.spawn(async move { send_slowly(&address).await });
    }
    let (mut refused, mut cut) = (0, 0);
    while refused + cut < BODIES / 2 {
        match within("a body has no room", senders.join_next()).await.unwrap().unwrap() {
            Sent::Answered(answer) => {
                let lower = answer.to_ascii_lowercase();
                assert!(lower.starts_with("http/1.1 503"), "{answer}");
                assert!(lower.contains("retry-after: 1") && lower.contains("service_busy"), "{answer}");
                refused += 1;
            }
            Sent::Cut => cut += 1,
        }
    }
    eprintln!("{refused} were refused, {cut} closed, {} are still being read", senders.len());
    assert!(refused > 0, "nobody was told why");
    // What needs no body, and what tells how things are, is served meanwhile.
    assert_eq!(scene.ada.get("/healthz").await.status, 200);
    scene.ada.get("/api/v1/instances").await.expect(200);
    senders.shutdown().await;
    // All that they held came back.
    scene.until_well().await;
    watch.assert_grew_by_less_than(120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_nobody_reads_hold_no_more_than_their_queues() {
    let settings =
        [("websocket.session_queue_bytes_max", 262_144.into()), ("websocket.heartbeat_seconds", 30.into())];
    let scene = Scene::set(&settings).await;
    let mut sockets = Vec::new();
    for _ in 0..40 {
        sockets.push(scene.ada.socket(None).await);
    }
    let watch = Watch::of(&scene.program);

    // Twelve megabytes for each of them: more than the kernel takes in on both sides.
    let wish = json!({"agent_id": scene.agent, "title": "Mine", "user_config": {"text": "x".repeat(60_000)}});
    let mut makers = JoinSet::new();
    for _ in 0..8 {
        let (ada, wish) = (scene.ada.clone(), wish.clone());
        makers.spawn(async move {
            let mut made = 0;
            while made < 25 {
                made += usize::from(ada.post("/api/v1/instances", wish.clone()).await.status == 201);
            }
        });
    }
    while let Some(made) = makers.join_next().await {
        made.unwrap();
    }
    scene.stage.until_told().await;
    // Somebody who reads gets everything meanwhile.
    let mut reader = scene.ada.socket(None).await;
    scene.ada.create(scene.agent).await;
    reader.expect("event").await;
    watch.assert_grew_by_less_than(150);
    drop(sockets);
    scene.until_well().await;
}
