//! The two ways to watch: a socket, and a stream of server-sent events. Their frames mean the same.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::client::Caller;
use crate::support::event_stream::{EventStream, StreamEvent};
use crate::support::socket::Socket;

use super::checker::Says;
use super::followers::Manner;
use super::recorder::digest;

/// Two heartbeats and a half: who hears nothing for so long connects again.
const SILENCE_MAX: Duration = Duration::from_millis(2_500);

/// Opening a session may take as long.
const GREETED_WITHIN: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug)]
pub(super) enum Wire {
    Socket,
    Stream,
}

/// One that is open.
pub(super) enum Line {
    Socket(Socket),
    Stream(EventStream),
}

impl Line {
    /// Opens one, and answers with the position that it was greeted with. The error is the status of the refusal; 0 where
    /// nobody answers.
    pub(super) async fn open(
        caller: &Caller,
        ticket: Option<&str>,
        wire: Wire,
        manner: &Manner,
        since: Option<i64>,
    ) -> Result<(Self, i64), u16> {
        let channel = match manner {
            Manner::Narrow(instance) => Some(format!("instance:{instance}")),
            Manner::Swift | Manner::Slow => None,
        };
        match wire {
            Wire::Socket => {
                let mut socket = timeout(GREETED_WITHIN, caller.try_socket_with(ticket, since))
                    .await
                    .map_err(|_late| 0_u16)??;
                if let Some(channel) = channel {
                    let subscribe = json!({"type": "subscribe", "channels": [channel]});
                    let _frames_say_whether_it_was_heard = socket.try_say(&subscribe).await;
                }
                let greeted_at = socket.hello["position"].as_i64().unwrap();
                Ok((Self::Socket(socket), greeted_at))
            }
            Wire::Stream => {
                let channels = channel.map(|channel| format!("channels={channel}"));
                let ticket = ticket.map(|ticket| format!("ticket={ticket}"));
                let query: Vec<String> = channels.into_iter().chain(ticket).collect();
                let query = format!("?{}", query.join("&"));
                let since = since.map(|since| since.to_string());
                let opening = caller.try_stream(&query, since.as_deref());
                let opened = timeout(GREETED_WITHIN, opening).await.map_err(|_late| 0_u16)?;
                let stream = opened.map_err(|(status, _)| status)?;
                let greeted_at = stream.hello["position"].as_i64().unwrap();
                Ok((Self::Stream(stream), greeted_at))
            }
        }
    }

    /// What it says next. The error is how it ended.
    pub(super) async fn next(&mut self) -> Result<Vec<Says>, String> {
        let silent = |_elapsed| "silent".to_owned();
        match self {
            Self::Socket(socket) => {
                let frame = timeout(SILENCE_MAX, socket.frame()).await.map_err(silent)?;
                let frame = frame.map_err(|code| code.to_string())?;
                Ok(of_frame(&frame).into_iter().collect())
            }
            Self::Stream(stream) => {
                let events = timeout(SILENCE_MAX, stream.some()).await.map_err(silent)?;
                let events = events.ok_or_else(|| "it broke".to_owned())?;
                if let Some(error) = events.iter().find(|event| event.name == "error") {
                    return Err(error.json()["code"].to_string());
                }
                let mut said: Vec<Says> = events.iter().filter_map(of_event).collect();
                // A block without an event moves on, too.
                said.push(Says::Reached(stream.position()));
                Ok(said)
            }
        }
    }
}

fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_else(|| panic!("no {field} in {value}"))
}

fn event(position: i64, data: &Value) -> Says {
    let event = data["event_id"].as_str().unwrap_or_default().to_owned();
    Says::Event { position, event, digest: digest(data) }
}

fn of_frame(frame: &Value) -> Option<Says> {
    Some(match frame["type"].as_str().expect("a type") {
        "event" => event(number(frame, "position"), &frame["data"]),
        "heartbeat" | "pong" => Says::Reached(number(frame, "position")),
        "resumed" => Says::Reached(number(frame, "to")),
        "gap" => Says::Gap { from: number(frame, "from"), to: number(frame, "to") },
        "subscribed" => Says::Narrowed,
        _ => return None,
    })
}

fn of_event(told: &StreamEvent) -> Option<Says> {
    let data = told.json();
    Some(match told.name.as_str() {
        "resumed" => Says::Reached(number(&data, "to")),
        "gap" => Says::Gap { from: number(&data, "from"), to: number(&data, "to") },
        "hello" => return None,
        _ => event(told.last_event_id.parse().expect("a position"), &data),
    })
}
