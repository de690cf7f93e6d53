//! Sockets over a real listener and a real log; the bus is played by hand.

mod measure;
mod promises;
pub(crate) mod replica;
mod soak;

use std::time::Duration;

use futures_util::SinkExt;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

use botberi::actors::system::inject_panic;
use botberi::actors::ws_sessions::{Drain, WebsocketSettings};
use botberi::models::{RoutingKey, SessionId, UserId};
use replica::{Client, Log, Replica, eventually, settings};

/// What a client may send: bytes in one frame, frames at once.
const CLIENT_BYTES_MAX: usize = 8 * 1024;
const BURST: u32 = 60;

async fn world() -> (Log, Replica, UserId, UserId) {
    let log = Log::new().await;
    let replica = Replica::start(&log, settings()).await;
    (log, replica, UserId::new(), UserId::new())
}

#[actix::test]
async fn hello_comes_first_and_then_the_owners_events_only() {
    let (log, replica, ada, eve) = world().await;
    let mut socket = replica.client(ada, None).await;
    let hello = socket.expect("hello").await;
    assert_eq!((&hello["position"], &hello["heartbeat_seconds"]), (&0.into(), &60.into()));
    replica.deliver(&log.write(&[eve, ada, eve, ada]).await).await;
    let event = socket.expect("event").await;
    assert_eq!((&event["position"], &event["event"]), (&2.into(), &"instance.updated".into()));
    assert_eq!((&event["data"]["position"], &event["data"]["n"]), (&2.into(), &2.into()));
    assert_eq!(socket.events(1).await, [4]);
    socket.say(r#"{"type":"ping"}"#).await;
    assert_eq!(socket.expect("pong").await["position"], 4);
    replica.stop().await;
}

#[actix::test]
async fn a_resume_sends_the_log_and_then_what_came_meanwhile() {
    let (log, replica, ada, eve) = world().await;
    let owners: Vec<UserId> = (0..100).map(|n| if n % 2 == 0 { ada } else { eve }).collect();
    replica.deliver(&log.write(&owners).await).await;
    let mut socket = replica.client(ada, Some(10)).await;
    replica.deliver(&log.write(&owners).await).await;
    assert_eq!(socket.expect("hello").await["position"], 100);
    assert_eq!(socket.events(45).await, (11..=99).step_by(2).collect::<Vec<i64>>());
    let resumed = socket.expect("resumed").await;
    assert_eq!(
        (&resumed["from"], &resumed["to"], &resumed["replayed"]),
        (&10.into(), &100.into(), &45.into())
    );
    assert_eq!(socket.events(50).await, (101..=199).step_by(2).collect::<Vec<i64>>());
    replica.stop().await;
}

#[actix::test]
async fn a_resume_from_before_the_log_is_a_gap_and_goes_on_live() {
    let (log, replica, ada, _) = world().await;
    replica.deliver(&log.write(&[ada; 50]).await).await;
    log.run("DELETE FROM event_outbox WHERE position <= 20").await;
    let mut socket = replica.client(ada, Some(19)).await;
    socket.expect("hello").await;
    let gap = socket.expect("gap").await;
    assert_eq!((&gap["from"], &gap["to"]), (&19.into(), &50.into()));
    let mut other = replica.client(ada, Some(20)).await;
    other.expect("hello").await;
    assert_eq!(other.events(30).await, (21..=50).collect::<Vec<i64>>());
    other.expect("resumed").await;
    replica.deliver(&log.write(&[ada]).await).await;
    assert_eq!((socket.events(1).await, other.events(1).await), (vec![51], vec![51]));
    replica.stop().await;
}

#[actix::test]
async fn a_client_ahead_of_its_replica_gets_nothing_twice_and_one_of_another_world_a_gap() {
    let (log, replica, ada, _) = world().await;
    let events = log.write(&[ada; 6]).await;
    replica.deliver(&events[..3]).await;
    let mut ahead = replica.client(ada, Some(5)).await;
    let mut stranger = replica.client(ada, Some(500)).await;
    assert_eq!(ahead.expect("hello").await["position"], 3);
    let resumed = ahead.expect("resumed").await;
    assert_eq!((&resumed["from"], &resumed["to"]), (&5.into(), &5.into()));
    stranger.expect("hello").await;
    let gap = stranger.expect("gap").await;
    assert_eq!((&gap["from"], &gap["to"]), (&500.into(), &3.into()));
    replica.deliver(&events).await;
    assert_eq!(ahead.events(1).await, [6]);
    assert_eq!(stranger.events(3).await, [4, 5, 6]);
    replica.stop().await;
}

#[actix::test]
async fn holes_of_the_queue_are_filled_from_the_log_in_order() {
    let (log, replica, ada, eve) = world().await;
    let mut socket = replica.client(ada, None).await;
    socket.expect("hello").await;
    let events = log.write(&vec![ada; 2000]).await;
    replica.deliver(&events[..10]).await;
    // Lost, repeated, out of order, and more than is held back.
    replica.deliver(&events[1200..]).await;
    replica.deliver(&events[5..30]).await;
    let mut told = socket.events(1500).await;
    replica.deliver(&log.write(&[eve; 40]).await).await;
    told.extend(socket.events(500).await);
    assert_eq!(told, (1..=2000).collect::<Vec<i64>>());
    // What was lost while nothing was bound shows with the binding.
    log.write(&[ada; 20]).await;
    replica.bind().await;
    assert_eq!(socket.events(20).await, (2041..=2060).collect::<Vec<i64>>());
    replica.stop().await;
}

#[actix::test]
async fn what_the_log_lost_before_it_was_told_sends_every_session_to_its_gap() {
    let (log, replica, ada, _) = world().await;
    let mut socket = replica.client(ada, None).await;
    socket.expect("hello").await;
    let events = log.write(&[ada; 10]).await;
    log.run("DELETE FROM event_outbox WHERE position <= 5").await;
    replica.deliver(&events[9..]).await;
    assert_eq!(socket.refused().await, ("service_restart".to_owned(), 1012));
    let mut socket = replica.client(ada, Some(0)).await;
    socket.expect("hello").await;
    assert_eq!(socket.expect("gap").await["from"], 0);
    replica.stop().await;
}

#[actix::test]
async fn a_reader_that_cannot_keep_up_is_closed_with_1013_and_resumes_without_a_loss() {
    let (log, replica, ada, eve) = world().await;
    let mut socket = replica.client(ada, None).await;
    let mut quick = replica.client(eve, None).await;
    quick.expect("hello").await;
    socket.expect("hello").await;
    replica.deliver(&log.write_padded(&[ada; 10], 20_000).await).await;
    // It is written as far as it goes while nobody reads; then more comes than the kernel and the letterbox take.
    let mut peeked = [0];
    let MaybeTlsStream::Plain(stream) = socket.socket.get_ref() else { panic!("no TLS here") };
    assert_eq!(stream.peek(&mut peeked).await.unwrap(), 1);
    let mut total = 10;
    for _ in 0..20 {
        replica.deliver(&log.write_padded(&[ada; 64], 20_000).await).await;
        total += 64;
    }
    replica.deliver(&log.write(&[eve]).await).await;
    assert_eq!(quick.events(1).await, [total + 1]);
    let mut seen = Vec::new();
    let code = loop {
        match socket.next().await {
            Ok(frame) if frame["type"] == "event" => seen.push(frame["position"].as_i64().unwrap()),
            Ok(frame) if frame["type"] == "heartbeat" => {}
            Ok(frame) => assert_eq!(frame["code"], "slow_reader"),
            Err(code) => break code,
        }
    };
    assert_eq!(code, 1013);
    assert!(!seen.is_empty() && seen.len() < 1290, "{} were sent", seen.len());
    eventually("the seat is given back", async || replica.population() == 1).await;
    let mut socket = replica.client(ada, seen.last().copied()).await;
    socket.expect("hello").await;
    seen.extend(socket.events(1290 - seen.len()).await);
    assert_eq!(seen, (1..=total).collect::<Vec<i64>>());
    socket.expect("resumed").await;
    replica.stop().await;
}

#[actix::test]
async fn heartbeats_carry_the_position_also_to_who_has_no_events_and_a_silent_peer_goes() {
    let log = Log::new().await;
    let quick = WebsocketSettings { heartbeat_seconds: 1, ..settings() };
    let replica = Replica::start(&log, quick).await;
    let (ada, eve) = (UserId::new(), UserId::new());
    let mut socket = replica.client(ada, None).await;
    socket.expect("hello").await;
    let silent = replica.client(ada, None).await;
    replica.deliver(&log.write(&[eve; 9]).await).await;
    loop {
        // It is read, and so answered, all the time: each beat comes, and the session lives.
        let position = socket.expect("heartbeat").await["position"].as_i64().unwrap();
        if position == 9 && replica.population() == 1 {
            break;
        }
    }
    drop(silent);
    replica.stop().await;
}

#[actix::test]
async fn a_credential_that_expires_or_is_revoked_closes_with_4401() {
    let (log, replica, ada, eve) = world().await;
    let mut brief = replica.try_client(ada, None, "&expires_in=1").await.unwrap();
    let sign_in = SessionId::new();
    let mut revoked = replica.try_client(ada, None, &format!("&sign_in={sign_in}")).await.unwrap();
    let mut kept = replica.client(ada, None).await;
    let mut deleted = replica.client(eve, None).await;
    for socket in [&mut brief, &mut revoked, &mut kept, &mut deleted] {
        socket.expect("hello").await;
    }
    let mut events = log.write(&[ada, eve, ada]).await;
    events[0].routing_key = RoutingKey::AUTH_REVOKED;
    events[0].body = format!(r#"{{"user_id":"{ada}","session_id":"{sign_in}"}}"#).into();
    events[1].routing_key = RoutingKey::USER_DELETED;
    replica.deliver(&events).await;
    for socket in [&mut brief, &mut revoked, &mut deleted] {
        let (code, close) = loop {
            match socket.next().await.unwrap() {
                frame if frame["type"] == "error" => break (frame["code"].clone(), socket.closed().await),
                frame if frame["type"] == "heartbeat" => {}
                frame => assert_eq!(frame["type"], "event"),
            }
        };
        assert_eq!((code, close), ("credential_expired".into(), 4401));
    }
    assert_eq!(kept.events(1).await, [3]);
    replica.stop().await;
}

#[actix::test]
async fn a_drain_closes_all_with_1012_over_its_time_and_lets_nobody_in() {
    let (_log, replica, ada, _) = world().await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        let mut socket = replica.client(ada, None).await;
        socket.expect("hello").await;
        sockets.push(socket);
    }
    let began = tokio::time::Instant::now();
    let readers = futures_util::future::join_all(sockets.iter_mut().map(Client::closed));
    let drain = replica.sessions.ask(Drain { over: Duration::from_millis(500) });
    let (codes, drained) = tokio::join!(readers, drain);
    drained.unwrap();
    assert_eq!(codes, [1012; 10]);
    assert!(began.elapsed() >= Duration::from_millis(450));
    assert_eq!(replica.try_client(ada, None, "").await.err(), Some(503));
    replica.stop().await;
}

#[actix::test]
async fn a_subscription_narrows_what_comes() {
    let (log, replica, ada, _) = world().await;
    let mut socket = replica.client(ada, None).await;
    socket.expect("hello").await;
    socket.say(r#"{"type":"subscribe","channels":["executions"]}"#).await;
    assert_eq!(socket.expect("subscribed").await["channels"], serde_json::json!(["executions"]));
    replica.deliver(&log.write(&[ada; 9]).await).await;
    assert_eq!(socket.events(3).await, [3, 6, 9]);
    socket.say(r#"{"type":"unsubscribe","channels":["all"]}"#).await;
    assert_eq!(socket.expect("subscribed").await["channels"], serde_json::json!([]));
    replica.deliver(&log.write(&[ada; 9]).await).await;
    socket.say(r#"{"type":"ping"}"#).await;
    assert_eq!(socket.expect("pong").await["position"], log.end());
    replica.stop().await;
}

#[actix::test]
async fn what_a_client_must_not_say_is_named_and_closes() {
    let (_log, replica, ada, _) = world().await;
    let too_large = format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(CLIENT_BYTES_MAX));
    let cases = [
        (Message::text("nonsense"), "malformed_frame", 1008),
        (Message::text(r#"{"type":"sing"}"#), "malformed_frame", 1008),
        (Message::text(r#"{"type":"subscribe","channels":["agents"]}"#), "unknown_channel", 1008),
        (Message::binary(vec![1, 2, 3]), "binary_frame", 1003),
        (Message::text(too_large), "frame_too_large", 1009),
    ];
    for (message, code, close) in cases {
        let mut socket = replica.client(ada, None).await;
        socket.expect("hello").await;
        socket.socket.send(message).await.unwrap();
        assert_eq!(socket.refused().await, (code.to_owned(), close));
    }
    let mut flood = replica.client(ada, None).await;
    flood.expect("hello").await;
    for _ in 0..BURST * 2 {
        flood.socket.feed(Message::text(r#"{"type":"ping"}"#)).await.unwrap();
    }
    flood.socket.flush().await.unwrap();
    assert_eq!(flood.closed().await, 1008);
    let mut polite = replica.client(ada, None).await;
    polite.expect("hello").await;
    polite.socket.close(None).await.unwrap();
    assert_eq!(polite.closed().await, 1000);
    eventually("all seats are given back", async || replica.population() == 0).await;
    replica.stop().await;
}

#[actix::test]
async fn sockets_are_bounded_for_each_user_and_for_the_replica() {
    let log = Log::new().await;
    let few = WebsocketSettings { sessions_max: 3, sessions_per_user_max: 2, ..settings() };
    let replica = Replica::start(&log, few).await;
    let (ada, eve) = (UserId::new(), UserId::new());
    let first = replica.client(ada, None).await;
    let _second = replica.client(ada, None).await;
    assert_eq!(replica.try_client(ada, None, "").await.err(), Some(429));
    let _third = replica.client(eve, None).await;
    assert_eq!(replica.try_client(eve, None, "").await.err(), Some(503));
    drop(first);
    eventually("there is room again", async || replica.try_client(ada, None, "").await.is_ok()).await;
    replica.stop().await;
}

#[actix::test]
async fn a_panic_of_the_register_costs_a_reconnect_and_no_event() {
    let (log, replica, ada, _) = world().await;
    let mut socket = replica.client(ada, None).await;
    socket.expect("hello").await;
    replica.deliver(&log.write(&[ada; 3]).await).await;
    assert_eq!(socket.events(3).await, [1, 2, 3]);
    assert!(inject_panic(&replica.tree, "/ws_sessions"));
    replica.deliver(&log.write(&[ada; 3]).await).await;
    assert_eq!(socket.refused().await, ("service_restart".to_owned(), 1012));
    eventually("it knows where it stands", async || replica.probe().await).await;
    let mut socket = replica.client(ada, Some(3)).await;
    socket.expect("hello").await;
    let mut positions = Vec::new();
    while positions.len() < 3 {
        let frame = socket.next().await.unwrap();
        positions.extend(frame["position"].as_i64().filter(|_| frame["type"] == "event"));
    }
    assert_eq!(positions, [4, 5, 6]);
    replica.stop().await;
}
