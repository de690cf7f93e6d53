//! Why streams end, and that their seats are given back.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::app::TestApp;
use crate::support::client::{Caller, PASSWORD, id_of};
use crate::support::event_stream::{EventStream, StreamParser};
use crate::support::load::flood;
use crate::support::wait::{eventually, within};

fn population(app: &TestApp) -> usize {
    app.replica.part("/user/ws_sessions").population.unwrap_or_default()
}

#[tokio::test]
async fn the_end_of_a_sign_in_ends_its_streams_and_their_clients_are_told_401() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let other = ada.sign_in("ada", PASSWORD).await;
    let (mut revoked, mut kept) = (ada.stream("").await, other.stream("").await);
    ada.post("/api/v1/auth/logout", Value::Null).await.expect(204);
    assert_eq!(revoked.ended().await.as_deref(), Some("credential_expired"));
    let (status, problem) = ada.try_stream("", Some(revoked.last_event_id())).await.err().unwrap();
    assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")));
    let id = id_of(&other.create(other.an_agent().await).await);
    assert_eq!(kept.next_status(&id).await, "pending");
    assert_eq!(population(&app), 1);
}

#[tokio::test]
async fn sockets_and_streams_are_counted_together_and_one_that_is_dropped_gives_its_seat_back() {
    let few = [("websocket.sessions_max", 3.into()), ("websocket.sessions_per_user_max", 2.into())];
    let app = TestApp::with(&few).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let stream = ada.stream("").await;
    let mut socket = ada.socket(None).await;
    // It answers pings, or it would be taken for gone.
    let _it_stays = tokio::spawn(async move { while socket.try_event().await.is_ok() {} });
    let refused = |refusal: Result<EventStream, (u16, Value)>| refusal.err().map(|(status, _)| status);
    assert_eq!(refused(ada.try_stream("", None).await), Some(429));
    assert_eq!(ada.try_socket(None).await.err(), Some(429));
    let _third = eve.stream("").await;
    assert_eq!(refused(eve.try_stream("", None).await), Some(503));
    drop(stream);
    // A heartbeat finds out.
    let again = async || ada.try_stream("", None).await.ok();
    let _stream = eventually("there is room again", again).await;
    assert_eq!(population(&app), 3);
}

/// A reader that takes little into its own buffers.
async fn lazy_reader(caller: &Caller, query: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let address = caller.url().trim_start_matches("http://").parse().unwrap();
    let mut connection = socket.connect(address).await.unwrap();
    let token = caller.token();
    let request = format!("GET /api/v1/events{query} HTTP/1.0\r\nauthorization: Bearer {token}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_told_so_and_resumes_without_a_loss() {
    let impatient =
        [("websocket.heartbeat_seconds", 60.into()), ("websocket.session_queue_bytes_max", 262_144.into())];
    let app = TestApp::with(&impatient).await;
    let ada = app.sign_up("ada").await;
    let me = ada.user_id().await;
    let id = id_of(&ada.create(ada.an_agent().await).await);
    app.stage.tap.until_status(&id, "running").await;
    let begin = app.stage.until_told().await;
    let connection = lazy_reader(&ada, "").await;
    eventually("it has its seat", async || (population(&app) == 1).then_some(())).await;

    // Eight megabytes are more than all buffers on the way hold.
    let sql = app.stage.sql().await;
    flood(&sql, &id, 400).await;
    let end = app.stage.until_told().await;

    let (mut parser, mut seen, mut last) = (StreamParser::default(), Vec::new(), Value::Null);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        within("more of the stream", connection.readable()).await.unwrap();
        let count = match connection.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => panic!("{error}"),
        };
        for event in parser.read(&buffer[..count]) {
            last = event.json();
            if event.name.contains('.') {
                seen.push(event.last_event_id.parse::<i64>().unwrap());
            }
        }
    }
    assert_eq!((&last["type"], &last["code"]), (&json!("error"), &json!("slow_reader")));
    assert!(seen.len() < 400, "all was read");
    let at = seen.last().copied().unwrap_or(begin);
    let mut stream = ada.try_stream("", Some(&at.to_string())).await.unwrap();
    while seen.last().is_none_or(|last| *last < end) {
        let event = stream.next().await.unwrap();
        if event.name.contains('.') {
            seen.push(event.last_event_id.parse().unwrap());
        }
    }
    let query = "SELECT position FROM event_outbox WHERE user_id::text = $1 AND position BETWEEN $2 AND $3 ORDER BY 1";
    let rows = sql.query(query, &[&me, &(begin + 1), &end]).await.unwrap();
    assert_eq!(seen, rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>());
}

/// Takes as long as a peer is borne that does not read:
/// `cargo nextest run --locked --run-ignored only --no-capture sse::ends`.
#[tokio::test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "measurements are for reading")]
async fn how_long_a_reader_that_never_reads_keeps_its_seat() {
    let app = TestApp::with(&[("websocket.heartbeat_seconds", 5.into())]).await;
    let ada = app.sign_up("ada").await;
    let id = id_of(&ada.create(ada.an_agent().await).await);
    app.stage.tap.until_status(&id, "running").await;
    let _connection = lazy_reader(&ada, "").await;
    eventually("it has its seat", async || (population(&app) == 1).then_some(())).await;
    let sql = app.stage.sql().await;
    flood(&sql, &id, 400).await;
    let began = std::time::Instant::now();
    while population(&app) > 0 {
        assert!(began.elapsed().as_secs() < 180, "it is borne for ever");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    eprintln!("a reader that does not read kept its seat for {:?}", began.elapsed());
}
