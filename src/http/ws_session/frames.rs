//! The frames as they are described: each with its schema and an example.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema};
use uuid::Uuid;

use super::protocol::{ClientFrame, ServerFrame};
use crate::models::RoutingKey;

/// Who says a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The server.
    Server,
    /// The client.
    Client,
}

/// One kind of frame.
pub struct FrameKind {
    /// Its `type`.
    pub name: String,
    /// Who says it.
    pub speaker: Speaker,
    /// What it looks like.
    pub schema: Object,
    /// One as it could be.
    pub sample: Value,
}

/// Every kind of frame; `body` is an example of a message of the bus.
///
/// # Errors
/// None that can happen: every frame can be written.
pub fn frames(body: &Value) -> Result<Vec<FrameKind>, serde_json::Error> {
    let mut kinds = kinds(Speaker::Server, ServerFrame::schema(), &server_samples(body)?);
    kinds.extend(self::kinds(Speaker::Client, ClientFrame::schema(), &client_samples()?));
    Ok(kinds)
}

fn server_samples(body: &Value) -> Result<Vec<Value>, serde_json::Error> {
    let session_id = Uuid::from_u128(0x019a_a2b3_c4d5_7e6f_8a9b_0c1d_2e3f_0010);
    let data = RawValue::from_string(body.to_string())?;
    written(&[
        ServerFrame::Hello { session_id, position: 40, heartbeat_seconds: 25 },
        ServerFrame::Event { position: 42, event: &RoutingKey::INSTANCE_UPDATED, data: &data },
        ServerFrame::Heartbeat { position: 42 },
        ServerFrame::Pong { position: 42 },
        ServerFrame::Resumed { from: 17, to: 42, replayed: 3 },
        ServerFrame::Gap { from: 17, to: 42 },
        ServerFrame::Subscribed { channels: vec!["instances".to_owned()] },
        ServerFrame::Error {
            code: "slow_reader",
            detail: "events came faster than they were read; resume with since",
        },
    ])
}

fn client_samples() -> Result<Vec<Value>, serde_json::Error> {
    let channels = || vec!["instances".to_owned(), "executions".to_owned()];
    written(&[
        ClientFrame::Subscribe { channels: channels() },
        ClientFrame::Unsubscribe { channels: channels() },
        ClientFrame::Ping,
    ])
}

fn written(frames: &[impl Serialize]) -> Result<Vec<Value>, serde_json::Error> {
    frames.iter().map(serde_json::to_value).collect()
}

/// Takes the schema of the whole apart, by the one value of `type` that each part allows.
fn kinds(speaker: Speaker, whole: RefOr<Schema>, samples: &[Value]) -> Vec<FrameKind> {
    let RefOr::T(Schema::OneOf(whole)) = whole else { return Vec::new() };
    let parts = whole.items.into_iter().filter_map(|part| match part {
        RefOr::T(Schema::Object(schema)) => Some(schema),
        _ => None,
    });
    let kinds = parts.filter_map(|schema| {
        let name = type_of(&schema)?;
        let sample = samples.iter().find(|sample| sample["type"] == name.as_str())?.clone();
        Some(FrameKind { name, speaker, schema, sample })
    });
    kinds.collect()
}

fn type_of(schema: &Object) -> Option<String> {
    let RefOr::T(Schema::Object(tag)) = schema.properties.get("type")? else { return None };
    tag.enum_values.as_ref()?.first()?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::actors::event_consumers::BusEvent;
    use crate::actors::ws_sessions::EventFrame;
    use crate::models::EventId;

    #[test]
    fn every_frame_has_a_schema_and_an_example() {
        let frames = frames(&json!({"event_id": "x"})).unwrap();
        let names: Vec<&str> = frames.iter().map(|frame| frame.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "hello",
                "event",
                "heartbeat",
                "pong",
                "resumed",
                "gap",
                "subscribed",
                "error",
                "subscribe",
                "unsubscribe",
                "ping"
            ]
        );
    }

    #[test]
    fn an_event_is_written_as_its_frame_says() {
        let body = r#"{"event_id":"x","status":"running"}"#;
        let event = BusEvent {
            origin: crate::models::Origin::default(),
            position: 7,
            event_id: EventId::new(),
            routing_key: RoutingKey::INSTANCE_UPDATED,
            user_id: None,
            team_id: None,
            instance_id: None,
            revision: None,
            body: body.into(),
        };
        let data = RawValue::from_string(body.to_owned()).unwrap();
        let described = ServerFrame::Event { position: 7, event: &RoutingKey::INSTANCE_UPDATED, data: &data };
        let sent = EventFrame::of_bus(&event).unwrap().text;
        assert_eq!(serde_json::to_string(&described).unwrap(), *sent);
    }
}
