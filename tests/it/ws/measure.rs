//! How much an idle socket costs, and how long one event takes to a thousand. Run by hand, on a quiet machine:
//! `cargo test --release --test it ws::measure -- --ignored --nocapture`.
#![expect(clippy::print_stderr, reason = "measurements are for reading")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use botberi::actors::ws_sessions::WebsocketSettings;
use botberi::models::UserId;

use super::replica::{Log, Replica, settings};

/// A client without anything to it, so that the process's memory is the server's.
fn connect(address: SocketAddr, user: UserId) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!(
        "GET /ws?user={user} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut have = Vec::new();
    let mut chunk = [0; 512];
    while !have.windows(7).any(|part| part == b"\"hello\"") {
        let count = stream.read(&mut chunk).unwrap();
        assert!(count > 0, "closed: {}", String::from_utf8_lossy(&have));
        have.extend_from_slice(&chunk[..count]);
    }
    stream
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn quiet() -> WebsocketSettings {
    WebsocketSettings { heartbeat_seconds: 300, sessions_per_user_max: 100_000, ..settings() }
}

#[actix::test]
#[ignore = "a measurement"]
async fn memory_of_idle_sockets() {
    let log = Log::new().await;
    let replica = Replica::start(&log, quiet()).await;
    let address = replica.address;
    let open = |count: usize| {
        actix_web::rt::task::spawn_blocking(move || {
            (0..count).map(|_| connect(address, UserId::new())).collect::<Vec<TcpStream>>()
        })
    };
    let warm = open(500).await.unwrap();
    let before = resident_kib();
    let sockets = open(4000).await.unwrap();
    let each = (resident_kib() - before) as f64 / sockets.len() as f64;
    eprintln!("an idle socket: {each:.1} KiB");
    drop((warm, sockets));
    replica.stop().await;
}

#[actix::test]
#[ignore = "a measurement"]
async fn one_event_to_a_thousand_sockets() {
    let log = Log::new().await;
    let replica = Replica::start(&log, quiet()).await;
    let (address, user) = (replica.address, UserId::new());
    let (told, heard) = mpsc::channel();
    let rounds = 30;
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let reader = std::thread::spawn(move || {
        let mut sockets: Vec<TcpStream> = (0..1000).map(|_| connect(address, user)).collect();
        ready.send(()).unwrap();
        let mut chunk = [0; 4096];
        for _ in 0..rounds {
            for socket in &mut sockets {
                assert!(socket.read(&mut chunk).unwrap() > 0);
            }
            told.send(Instant::now()).unwrap();
        }
    });
    is_ready.await.unwrap();
    let mut times = Vec::new();
    for _ in 0..rounds {
        let events = log.write_padded(&[user], 300).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        replica.deliver(&events).await;
        let posted = began.elapsed();
        let done = loop {
            match heard.try_recv() {
                Ok(done) => break done,
                Err(_) => tokio::time::sleep(Duration::from_micros(500)).await,
            }
        };
        times.push((done.duration_since(began), posted));
    }
    times.sort();
    eprintln!(
        "to the last of 1000: median {:?}, worst {:?}; posting {:?}",
        times[15].0, times[29].0, times[15].1
    );
    reader.join().unwrap();
    replica.stop().await;
}

#[actix::test]
#[ignore = "a measurement"]
async fn a_burst_of_ten_thousand_events_to_one_reader() {
    let log = Log::new().await;
    let roomy = WebsocketSettings { session_queue_max: 4096, session_queue_bytes_max: 2 << 20, ..quiet() };
    let replica = Replica::start(&log, roomy).await;
    let (address, user) = (replica.address, UserId::new());
    let connected = actix_web::rt::task::spawn_blocking(move || connect(address, user));
    let mut client = connected.await.unwrap();
    let events = log.write_padded(&vec![user; 10_000], 300).await;
    let reader = std::thread::spawn(move || {
        let (mut last, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
        while !last.windows(11).any(|part| part == b"\"n\" : 10000") {
            let count = client.read(&mut chunk).unwrap();
            let tail = &chunk[..count];
            let is_refused = tail.windows(11).any(|part| part == b"slow_reader");
            assert!(!is_refused, "it was closed as too slow");
            last.drain(..last.len().saturating_sub(100));
            last.extend_from_slice(tail);
        }
        Instant::now()
    });
    let began = Instant::now();
    replica.deliver(&events).await;
    let posted = began.elapsed();
    let read = reader.join().unwrap().duration_since(began);
    eprintln!("10000 events to one reader in {read:?}; posted in {posted:?}");
    replica.stop().await;
}
