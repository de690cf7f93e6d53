//! The frames of the contract, as they are written and read.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actors::ws_sessions::Resumed;

/// What the server says beside events, which are written once for all sessions elsewhere.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    /// The first frame. Everything up to `position` was told before this session.
    Hello { session_id: Uuid, position: i64, heartbeat_seconds: u64 },
    /// The session has everything up to `position`.
    Heartbeat { position: i64 },
    /// The answer to `ping`.
    Pong { position: i64 },
    /// Everything after `from` up to `to` has been sent; from now on the session is live.
    Resumed { from: i64, to: i64, replayed: u64 },
    /// What came after `from` up to `to` cannot be had any more; the session is live after `to`. Where `to` is before
    /// `from`, the history that the client knows is not this one.
    Gap { from: i64, to: i64 },
    /// What the session listens to now.
    Subscribed { channels: Vec<String> },
    /// Why the session is closed next.
    Error { code: &'a str, detail: &'a str },
}

impl From<Resumed> for ServerFrame<'_> {
    fn from(Resumed { from, to, replayed }: Resumed) -> Self {
        Self::Resumed { from, to, replayed }
    }
}

/// What a client says. Members that are not known are passed over.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientFrame {
    /// It wants to hear of these.
    Subscribe { channels: Vec<String> },
    /// It no longer wants to hear of these.
    Unsubscribe { channels: Vec<String> },
    /// It wants a sign of life.
    Ping,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_are_written_as_the_contract_says() {
        let session_id = Uuid::now_v7();
        let written = |frame: ServerFrame<'_>| serde_json::to_value(frame).unwrap();
        assert_eq!(
            written(ServerFrame::Hello { session_id, position: 7, heartbeat_seconds: 25 }),
            json!({"type": "hello", "session_id": session_id, "position": 7, "heartbeat_seconds": 25})
        );
        assert_eq!(
            written(Resumed { from: 1, to: 9, replayed: 3 }.into()),
            json!({"type": "resumed", "from": 1, "to": 9, "replayed": 3})
        );
        assert_eq!(written(ServerFrame::Gap { from: 1, to: 9 }), json!({"type": "gap", "from": 1, "to": 9}));
        assert_eq!(
            written(ServerFrame::Error { code: "c", detail: "d" }),
            json!({"type": "error", "code": "c", "detail": "d"})
        );
    }

    #[test]
    fn frames_are_read_as_the_contract_says() {
        let read = |text| serde_json::from_str::<ClientFrame>(text).ok();
        assert_eq!(read(r#"{"type":"ping","nonce":1}"#), Some(ClientFrame::Ping));
        assert_eq!(
            read(r#"{"channels":["executions"],"type":"subscribe"}"#),
            Some(ClientFrame::Subscribe { channels: vec!["executions".to_owned()] })
        );
        for not_one in [
            "",
            "[]",
            r#"{"type":"hello"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","channels":"x"}"#,
        ] {
            assert_eq!(read(not_one), None, "{not_one}");
        }
    }
}
