//! The client's end of a WebSocket.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::wait::within;

/// An open socket that has been greeted.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What it was greeted with.
    pub(crate) hello: Value,
    /// The last position that it has heard of.
    pub(crate) position: i64,
}

impl Socket {
    /// The error is the status of the answer, or 0 where nobody answers.
    pub(super) async fn open(url: &str, query: &str, token: Option<&str>) -> Result<Self, u16> {
        let url = format!("{}/api/v1/ws{query}", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let stream = match within("a handshake", connect_async(request)).await {
            Ok((stream, _response)) => stream,
            Err(Error::Http(response)) => return Err(response.status().as_u16()),
            Err(_nobody) => return Err(0),
        };
        let mut socket = Self { stream, hello: Value::Null, position: 0 };
        // A replica that goes away between the handshake and the greeting is as good as gone.
        let Ok(hello) = socket.frame().await else { return Err(0) };
        assert_eq!(hello["type"], "hello", "the first frame");
        socket.hello = hello;
        socket.position = socket.hello["position"].as_i64().unwrap();
        Ok(socket)
    }

    /// The next text frame, or the code that the socket was closed with; 1006 when it just broke.
    pub(crate) async fn frame(&mut self) -> Result<Value, u16> {
        loop {
            match within("a frame", self.stream.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => return Err(close.map_or(1005, |close| close.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The next frame of that type; heartbeats are passed over, anything else fails the test.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame =
                self.frame().await.unwrap_or_else(|close| panic!("closed with {close} instead of {kind}"));
            if frame["type"] == kind {
                return frame;
            }
            assert_eq!(frame["type"], "heartbeat", "instead of {kind}: {frame}");
        }
    }

    /// The next event, or the code that the socket was closed with. Positions must rise.
    pub(crate) async fn try_event(&mut self) -> Result<Value, u16> {
        loop {
            let frame = self.frame().await?;
            match frame["type"].as_str().unwrap() {
                "event" => {
                    let position = frame["position"].as_i64().unwrap();
                    assert!(position > self.position, "{position} after {}", self.position);
                    self.position = position;
                    return Ok(frame);
                }
                "heartbeat" => self.position = self.position.max(frame["position"].as_i64().unwrap()),
                "resumed" | "error" => {}
                other => panic!("{other} instead of an event: {frame}"),
            }
        }
    }

    /// The next event.
    pub(crate) async fn next_event(&mut self) -> Value {
        self.try_event().await.unwrap_or_else(|close| panic!("closed with {close} instead of an event"))
    }

    /// The next event of that instance that has a status; others are passed over.
    pub(crate) async fn next_status(&mut self, instance: &str) -> String {
        loop {
            let event = self.next_event().await;
            if let (true, Some(status)) =
                (event["data"]["instance_id"] == instance, event["data"]["status"].as_str())
            {
                return status.to_owned();
            }
        }
    }

    /// Reads to the end, and gives the code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(close) = self.frame().await {
                return close;
            }
        }
    }

    /// The same where it may be closed by now. False then.
    pub(crate) async fn try_say(&mut self, frame: &Value) -> bool {
        self.stream.send(Message::text(frame.to_string())).await.is_ok()
    }

    pub(crate) async fn say(&mut self, frame: &Value) {
        self.stream.send(Message::text(frame.to_string())).await.unwrap();
    }
}
