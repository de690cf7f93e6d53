//! The blocks of an event stream, as they are written. Pure.

use std::fmt::Write as _;

use actix_web::web::BytesMut;

use crate::actors::ws_sessions::EventFrame;
use crate::http::ws_session::ServerFrame;

/// An event: its place as the id, its routing key as the name, its body as the data.
pub(super) fn event(out: &mut BytesMut, frame: &EventFrame) {
    let (key, body) = frame.key_and_body();
    out.reserve(body.len() + key.len() + 48);
    // Writing into a buffer that grows cannot fail.
    let _infallible = write!(out, "id: {}\nevent: {key}\n", frame.position);
    data(out, body);
}

/// One of the server's own, in the words of the socket's frame. `position` is what the client has everything up to.
pub(super) fn control(out: &mut BytesMut, name: &str, position: Option<i64>, frame: &ServerFrame<'_>) {
    if let Some(position) = position {
        let _infallible = writeln!(out, "id: {position}");
    }
    let _infallible = writeln!(out, "event: {name}");
    // Nothing in these frames can fail to be written as JSON.
    data(out, &serde_json::to_string(frame).unwrap_or_default());
}

/// The client has everything up to here. A block without data is no event: it moves the last event id and nothing else.
pub(super) fn position(out: &mut BytesMut, position: i64) {
    let _infallible = write!(out, "id: {position}\n\n");
}

/// How long to wait before coming back.
pub(super) fn retry(out: &mut BytesMut, milliseconds: u64) {
    let _infallible = writeln!(out, "retry: {milliseconds}");
}

/// A sign of life.
pub(super) fn comment(out: &mut BytesMut, text: &str) {
    let _infallible = write!(out, ": {text}\n\n");
}

/// The data of a block, and its end. The ends of lines mean nothing in JSON between its parts, and cannot stand within
/// them: whoever writes a body by plain SQL may have some there.
fn data(out: &mut BytesMut, json: &str) {
    for line in json.split(['\n', '\r']) {
        let _infallible = writeln!(out, "data: {line}");
    }
    out.extend_from_slice(b"\n");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::actors::event_consumers::BusEvent;
    use crate::models::{EventId, Origin, RoutingKey};

    fn written(body: &str) -> String {
        let event = BusEvent {
            position: 7,
            event_id: EventId::new(),
            routing_key: RoutingKey::INSTANCE_UPDATED,
            user_id: None,
            team_id: None,
            instance_id: None,
            revision: None,
            origin: Origin::default(),
            body: body.into(),
        };
        let mut out = BytesMut::new();
        self::event(&mut out, &EventFrame::of_bus(&event).unwrap());
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn an_event_is_its_place_its_key_and_its_body() {
        let body = r#"{"event":"x","data":"\",\"data\":{}","n":1}"#;
        assert_eq!(written(body), format!("id: 7\nevent: instance.updated\ndata: {body}\n\n"));
    }

    #[test]
    fn lines_in_a_body_end_neither_the_block_nor_the_json() {
        let text = written("{\"a\":\r\n1,\n\n\r\"id: 9\":2}");
        assert_eq!(text.matches("\n\n").count(), 1, "{text}");
        let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let parsed: Value = serde_json::from_str(&data.join("\n")).unwrap();
        assert_eq!(parsed, json!({"a": 1, "id: 9": 2}));
        assert_eq!(text.lines().filter(|line| line.starts_with("id:")).count(), 1);
    }

    #[test]
    fn a_sign_of_life_has_no_data() {
        let mut out = BytesMut::new();
        retry(&mut out, 700);
        control(&mut out, "gap", Some(9), &ServerFrame::Gap { from: 1, to: 9 });
        position(&mut out, 12);
        comment(&mut out, "resuming");
        assert_eq!(
            out,
            "retry: 700\nid: 9\nevent: gap\ndata: {\"type\":\"gap\",\"from\":1,\"to\":9}\n\nid: 12\n\n: resuming\n\n"
        );
    }
}
