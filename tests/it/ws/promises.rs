//! What sessions are promised whatever others do: their history, their end, and their memory.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::replica::{Log, Replica, eventually, settings};
use botberi::actors::ws_sessions::WebsocketSettings;
use botberi::models::UserId;

/// A peer that asks for everything and reads nothing.
async fn sleeper(replica: &Replica, user: UserId, route: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let mut connection = socket.connect(replica.address).await.unwrap();
    let request = format!(
        "GET /{route}?user={user}&since=0 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

#[actix::test]
async fn peers_that_do_not_read_their_history_keep_nobody_from_theirs() {
    let log = Log::new().await;
    let replica = Replica::start(&log, WebsocketSettings { replay_pages_max: 2, ..settings() }).await;
    let (ada, eve) = (UserId::new(), UserId::new());
    // More than all buffers on the way hold.
    for _ in 0..16 {
        replica.deliver(&log.write_padded(&[eve; 40], 30_000).await).await;
    }
    replica.deliver(&log.write(&[ada; 20]).await).await;
    let mut sleepers = Vec::new();
    for route in ["ws", "events"].into_iter().cycle().take(12) {
        sleepers.push(sleeper(&replica, eve, route).await);
    }
    eventually("they have their seats", async || replica.population() == 12).await;
    // Three pages each, one after the other, while all that do not read want theirs.
    for _ in 0..3 {
        let mut socket = replica.client(ada, Some(0)).await;
        socket.expect("hello").await;
        assert_eq!(socket.events(20).await.len(), 20);
        socket.expect("resumed").await;
        let mut stream = replica.stream(ada, Some(0), "").await;
        while stream.next().await.unwrap().name != "resumed" {}
    }
    // And whoever has slept gets all of theirs after all.
    drop(sleepers);
    let mut late = replica.client(eve, Some(0)).await;
    late.expect("hello").await;
    assert_eq!(late.events(640).await, (1..=640).collect::<Vec<i64>>());
    replica.stop().await;
}

#[actix::test]
async fn a_credential_that_expires_before_the_history_has_come_ends_the_session() {
    let log = Log::new().await;
    let replica = Replica::start(&log, settings()).await;
    let ada = UserId::new();
    replica.deliver(&log.write(&[ada; 20]).await).await;
    log.hold().await;
    let mut socket = replica.try_client(ada, Some(0), "&expires_in=1").await.unwrap();
    let mut stream = replica.stream(ada, Some(0), "&expires_in=1").await;
    socket.expect("hello").await;
    assert_eq!(socket.refused().await, ("credential_expired".to_owned(), 4401));
    assert_eq!(stream.ended().await.as_deref(), Some("credential_expired"));
    log.release().await;
    eventually("the seats are given back", async || replica.population() == 0).await;
    replica.stop().await;
}

#[actix::test]
async fn an_event_stream_has_the_sockets_story() {
    let log = Log::new().await;
    let quick = WebsocketSettings { heartbeat_seconds: 1, recent_events_max: 60, ..settings() };
    let replica = Replica::start(&log, quick).await;
    let (ada, eve) = (UserId::new(), UserId::new());
    let owners: Vec<UserId> = (0..100).map(|n| if n % 2 == 0 { ada } else { eve }).collect();
    replica.deliver(&log.write(&owners).await).await;
    // From the log, and then from memory; then live.
    for since in [10, 70] {
        let mut stream = replica.stream(ada, Some(since), "").await;
        let mut positions = Vec::new();
        let resumed = loop {
            let event = stream.next().await.unwrap();
            match event.name.as_str() {
                "resumed" => break event.json(),
                _ => positions.push(event.last_event_id.parse::<i64>().unwrap()),
            }
        };
        assert_eq!(positions, (since + 1..=100).filter(|position| position % 2 == 1).collect::<Vec<i64>>());
        assert_eq!((&resumed["from"], &resumed["to"]), (&since.into(), &100.into()));
        assert_eq!(stream.position(), 100);
    }
    let mut stream = replica.stream(ada, None, "").await;
    replica.deliver(&log.write(&[eve, ada, eve]).await).await;
    assert_eq!(stream.next().await.unwrap().last_event_id, "102");
    stream.until_position(103).await;
    let mut brief = replica.stream(ada, None, "&expires_in=1").await;
    assert_eq!(brief.ended().await.as_deref(), Some("credential_expired"));
    replica.sessions.ask(botberi::actors::ws_sessions::Drain { over: Duration::ZERO }).await.unwrap();
    assert_eq!(stream.ended().await.as_deref(), Some("service_restart"));
    replica.stop().await;
}

#[actix::test]
async fn what_was_told_last_is_told_again_without_the_log() {
    let log = Log::new().await;
    let replica = Replica::start(&log, WebsocketSettings { recent_events_max: 99, ..settings() }).await;
    let (ada, eve) = (UserId::new(), UserId::new());
    let events = log.write(&[ada, eve].repeat(50)).await;
    // A hole that is filled from the log is in memory, too.
    replica.deliver(&events[..10]).await;
    replica.deliver(&events[40..]).await;
    let mut whole = replica.client(ada, None).await;
    eventually("the hole is filled", async || {
        let hello = replica.client(eve, None).await.expect("hello").await;
        hello["position"] == 100
    })
    .await;
    whole.expect("hello").await;
    log.hold().await;
    let mut socket = replica.client(ada, Some(1)).await;
    socket.expect("hello").await;
    assert_eq!(socket.events(49).await, (3..=99).step_by(2).collect::<Vec<i64>>());
    assert_eq!(socket.expect("resumed").await["replayed"], 49);
    // What is not in memory waits for the log.
    let mut older = replica.client(ada, Some(0)).await;
    older.expect("hello").await;
    log.release().await;
    assert_eq!(older.events(50).await.len(), 50);
    replica.stop().await;
}
