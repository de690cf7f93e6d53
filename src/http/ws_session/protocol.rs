//! The frames of the contract, as they are written and read.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::actors::ws_sessions::Resumed;
use crate::models::RoutingKey;

/// What the server says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::http) enum ServerFrame<'a> {
    /// The first frame. Everything up to `position` was told before this session.
    Hello {
        /// The session, in the words of the service's log.
        session_id: Uuid,
        /// The last position that was told before.
        #[schema(minimum = 0)]
        position: i64,
        /// How often there is a heartbeat. A client that hears nothing for twice as long should connect again.
        heartbeat_seconds: u64,
    },
    /// Something has happened. Positions rise; each event comes once.
    // Written by `EventFrame`, once for all the sessions that get it; a test holds it to this.
    Event {
        /// The event's place in the log: what to resume after.
        #[schema(minimum = 1)]
        position: i64,
        /// What kind of event it is: its routing key.
        #[schema(value_type = String)]
        event: &'a RoutingKey,
        /// The whole body, as it stands on the bus.
        #[schema(value_type = Object)]
        data: &'a RawValue,
    },
    /// A sign of life. The session has everything up to `position`.
    Heartbeat {
        /// What to resume after.
        #[schema(minimum = 0)]
        position: i64,
    },
    /// The answer to `ping`. The session has everything up to `position`.
    Pong {
        /// What to resume after.
        #[schema(minimum = 0)]
        position: i64,
    },
    /// Everything after `from` up to `to` has been sent; from now on the session is live.
    Resumed {
        /// Where the session resumed.
        #[schema(minimum = 0)]
        from: i64,
        /// Where it went live.
        #[schema(minimum = 0)]
        to: i64,
        /// How many events came in between.
        replayed: u64,
    },
    /// What came after `from` up to `to` cannot be had any more: reload by REST. The session is live after `to`. Where `to`
    /// is before `from`, the history that the client knows is not this one.
    Gap {
        /// Where the session wanted to resume.
        #[schema(minimum = 0)]
        from: i64,
        /// Where it went live.
        #[schema(minimum = 0)]
        to: i64,
    },
    /// What the session listens to now: the answer to `subscribe` and `unsubscribe`.
    Subscribed {
        /// The channels, by name; none where everything was taken away.
        channels: Vec<String>,
    },
    /// Why the session is closed next.
    Error {
        /// A stable name: `slow_reader` and `history_unavailable` (closed with 1013), `credential_expired` (4401),
        /// `service_restart` and `teams_changed` (1012), `no_sign_of_life` (1001), `malformed_frame`, `unknown_channel`, `too_many_channels` and
        /// `too_many_frames` (1008), `binary_frame` and `fragmented_message` (1003), `frame_too_large` (1009),
        /// `protocol_error` (1002 or 1007).
        code: &'a str,
        /// A sentence for people.
        detail: &'a str,
    },
}

impl From<Resumed> for ServerFrame<'_> {
    fn from(Resumed { from, to, replayed }: Resumed) -> Self {
        Self::Resumed { from, to, replayed }
    }
}

/// What a client says. Members that are not known are passed over.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ClientFrame {
    /// It wants to hear of these. The first one narrows the session, which hears everything at first; later ones add.
    Subscribe {
        /// `all`, `instances`, `instance:<id>`, `executions`, `workflows`, `knowledge_bases` or `teams`.
        channels: Vec<String>,
    },
    /// It no longer wants to hear of these.
    Unsubscribe {
        /// As in `subscribe`.
        channels: Vec<String>,
    },
    /// It wants a sign of life.
    Ping,
}

/// What stands in a frame that has no such form.
const NO_FRAME: &str = "a frame is an object whose `type` is `ping`, or `subscribe` or `unsubscribe` with `channels`, a list of names";

/// Reads what a client says.
///
/// # Errors
/// Where it is no JSON, or what a frame looks like. None of it is repeated: somebody might have pasted a token into it.
pub(super) fn read(text: &[u8]) -> Result<ClientFrame, String> {
    serde_json::from_slice(text)
        .map_err(|error| if error.is_data() { NO_FRAME.to_owned() } else { error.to_string() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
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
        let read = |text: &str| read(text.as_bytes()).ok();
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

    proptest! {
        #[test]
        fn what_a_client_says_is_read_as_it_was_written(names in prop::collection::vec(".{0,20}", 0..8), adds: bool) {
            let frame = if adds {
                ClientFrame::Subscribe { channels: names }
            } else {
                ClientFrame::Unsubscribe { channels: names }
            };
            let written = serde_json::to_string(&frame).unwrap();
            prop_assert_eq!(read(written.as_bytes()).unwrap(), frame);
        }

        #[test]
        fn any_bytes_are_a_frame_or_a_short_reason_that_repeats_none_of_them(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                r#"\{"type":("subscribe|"ping"|"[a-z]{0,40}"|hunter2),"channels":("hunter2"|\[("hunter2",?|1){0,3}\])\}"#.prop_map(String::into_bytes),
                r#"\{"type":"(hunter2){1,900}"\}"#.prop_map(String::into_bytes),
            ]
        ) {
            if let Err(reason) = read(&bytes) {
                prop_assert!(!reason.contains("hunter2") && reason.len() < 200, "{reason}");
            }
        }
    }
}
