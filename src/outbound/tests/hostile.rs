//! Sizes and times, against servers that respect neither.

use std::time::Duration;

use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::stand::{Names, OPENED, Server, client, client_of, get, head, request, settings};
use crate::outbound::{Outbound, OutboundError, OutboundSettings, Phase};

/// A server that answers every request with these bytes and then keeps the connection.
async fn saying(answer: &'static str) -> Server {
    Server::start((OPENED, 0).into(), move |mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        std::future::pending::<()>().await;
    })
    .await
}

async fn flood(mut stream: TcpStream, head: &str, piece: &[u8]) {
    super::stand::head(&mut stream).await;
    if stream.write_all(head.as_bytes()).await.is_ok() {
        while stream.write_all(piece).await.is_ok() {}
    }
}

/// A client for which the server is one of the internet.
fn client_for(server: &Server, change: impl FnOnce(&mut OutboundSettings)) -> Outbound {
    let mut settings = OutboundSettings { allow: vec![server.address.to_string()], ..settings() };
    change(&mut settings);
    client(&settings)
}

fn url(server: &Server) -> String {
    format!("http://{}/hook?x=1", server.address)
}

#[tokio::test]
async fn a_request_comes_as_it_was_meant_with_no_line_that_is_ours_to_write() {
    let server = Server::start((OPENED, 0).into(), |mut stream| async move {
        let head = head(&mut stream).await;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let client = client_for(&server, |_| {});
    let mut request = request(&client, &url(&server));
    request.method = hyper::Method::POST;
    request.body = Bytes::from_static(b"hello");
    for (name, value) in [
        ("host", "evil.example"),
        ("content-length", "0"),
        ("transfer-encoding", "chunked"),
        ("connection", "keep-alive"),
        ("accept-encoding", "gzip"),
        ("x-signature", "abc"),
    ] {
        request.headers.insert(name, value.parse().unwrap());
    }
    let sent = String::from_utf8(client.send(request).await.unwrap().whole().await.unwrap()).unwrap();
    let address = server.address;
    assert!(sent.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{sent}");
    for line in [
        &format!("host: {address}"),
        "content-length: 5",
        "connection: close",
        "accept-encoding: identity",
        "x-signature: abc",
    ] {
        assert_eq!(sent.matches(line).count(), 1, "{line}: {sent}");
    }
    assert!(!sent.contains("evil") && !sent.contains("chunked") && !sent.contains("gzip"), "{sent}");
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_at_its_bound_and_is_not_unpacked() {
    let endless = Server::start((OPENED, 0).into(), |stream| async move {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
        flood(stream, head, &[0x1f; 1_000]).await;
    })
    .await;
    let client = client_for(&endless, |_| {});
    let mut answer = get(&client, &url(&endless)).await.unwrap();
    let mut bytes = 0;
    let error = loop {
        match answer.next_piece().await {
            Ok(piece) => bytes += piece.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, OutboundError::AnswerTooLarge { bytes_max: 10_000 }), "{error:?}");
    assert!(bytes <= 10_000, "{bytes}");
}

#[tokio::test]
async fn an_answer_that_says_that_it_is_too_large_is_not_waited_for() {
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n").await;
    let error = get(&client_for(&server, |_| {}), &url(&server)).await.unwrap_err();
    assert!(matches!(error, OutboundError::AnswerTooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn heads_without_end_are_no_answers() {
    for line in
        ["X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    {
        let server = Server::start((OPENED, 0).into(), move |stream| async move {
            flood(stream, "HTTP/1.1 200 OK\r\n", line.repeat(100).as_bytes()).await;
        })
        .await;
        let error = get(&client_for(&server, |_| {}), &url(&server)).await.unwrap_err();
        assert!(matches!(error, OutboundError::Broken), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_no_http_or_ends_too_early_is_broken() {
    for answer in [
        "+PONG\r\n",
        "220 mail ready\r\n\r\n",
        "HTTP/1.1 99 x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ] {
        let server = saying(answer).await;
        let error = get(&client_for(&server, |_| {}), &url(&server)).await.unwrap_err();
        assert!(matches!(error, OutboundError::Broken), "{answer}: {error:?}");
    }
    let short = Server::start((OPENED, 0).into(), |mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc").await.unwrap();
    })
    .await;
    let error = get(&client_for(&short, |_| {}), &url(&short)).await.unwrap().whole().await.unwrap_err();
    assert!(matches!(error, OutboundError::Broken), "{error:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let server = saying("").await;
    let client = client_for(&server, |settings| settings.first_byte_timeout_ms = 100);
    let error = get(&client, &url(&server)).await.unwrap_err();
    assert!(matches!(error, OutboundError::TimedOut(Phase::FirstByte)), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_ends_in_time() {
    let server = Server::start((OPENED, 0).into(), |mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        while stream.write_all(b"1\r\na\r\n").await.is_ok() {
            pace.tick().await;
        }
    })
    .await;
    let client = client_for(&server, |settings| settings.total_timeout_ms = 200);
    let begun = Instant::now();
    let error = get(&client, &url(&server)).await.unwrap().whole().await.unwrap_err();
    assert!(matches!(error, OutboundError::TimedOut(Phase::Answer)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn answers_before_the_answer_are_not_listened_to_for_ever() {
    let server = Server::start((OPENED, 0).into(), |stream| async move {
        flood(stream, "", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
    })
    .await;
    let client = client_for(&server, |settings| settings.first_byte_timeout_ms = 200);
    let error = get(&client, &url(&server)).await.unwrap_err();
    assert!(matches!(error, OutboundError::TimedOut(Phase::FirstByte)), "{error:?}");
}

#[tokio::test]
async fn a_request_that_is_too_large_reaches_nobody() {
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let client = client_for(&server, |_| {});
    let mut large = request(&client, &url(&server));
    large.body = Bytes::from(vec![0; 4_097]);
    let mut wordy = request(&client, &url(&server));
    wordy.headers.insert("x-a", "a".repeat(4_096).parse().unwrap());
    for request in [large, wordy] {
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, OutboundError::RequestTooLarge { bytes_max: 4_096 }), "{error:?}");
    }
    assert_eq!(server.visitors(), 0);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_may_be_and_one_that_is_dropped_makes_room() {
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await;
    let client = client_for(&server, |settings| {
        settings.requests_max = 1;
        settings.connect_timeout_ms = 200;
    });
    let first = get(&client, &url(&server)).await.unwrap();
    let error = get(&client, &url(&server)).await.unwrap_err();
    assert!(matches!(error, OutboundError::Busy), "{error:?}");
    assert_eq!(server.visitors(), 1);
    drop(first);
    get(&client, &url(&server)).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_dropped_takes_its_connection_with_it() {
    let (gone, mut is_gone) = tokio::sync::mpsc::channel(1);
    let server = Server::start((OPENED, 0).into(), move |mut stream| {
        let gone = gone.clone();
        async move {
            head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await.unwrap();
            let end = stream.read(&mut [0; 1]).await;
            gone.send(matches!(end, Ok(0) | Err(_))).await.unwrap();
        }
    })
    .await;
    drop(get(&client_for(&server, |_| {}), &url(&server)).await.unwrap());
    let end = tokio::time::timeout(Duration::from_secs(5), is_gone.recv()).await;
    assert_eq!(end, Ok(Some(true)));
}

#[tokio::test]
async fn nobody_there_is_said_without_who_was_asked() {
    let server = saying("").await;
    let port = server.port();
    let client = client_of(
        &OutboundSettings { allow: vec![format!("gone.internal:{port}")], ..settings() },
        &Names::answering(&[&[[127, 0, 0, 3].into()]]),
    );
    let error = get(&client, &format!("http://gone.internal:{port}/")).await.unwrap_err();
    assert!(matches!(error, OutboundError::Unreachable), "{error:?}");
    assert!(!error.to_string().contains("127"), "{error}");
}
