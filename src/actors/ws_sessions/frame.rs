//! An event as it is sent, written once for all the sessions that get it.

use std::fmt::Write as _;

use super::channels::Topic;
use crate::actors::event_consumers::BusEvent;
use crate::models::{InstanceId, RoutingKey, StoredEvent};

/// One event's text frame, and what decides whether a session wants it.
#[derive(Debug)]
pub struct EventFrame {
    /// Its place among all events.
    pub position: i64,
    /// What it is about.
    pub topic: Topic,
    /// The instance that it is about, if it is about one.
    pub instance_id: Option<InstanceId>,
    /// The whole frame.
    pub text: Box<str>,
}

impl EventFrame {
    /// The frame of an event of the bus, or none if it is not for sockets.
    pub fn of_bus(event: &BusEvent) -> Option<Self> {
        let topic = Topic::of(&event.routing_key)?;
        let text = splice(event.position, &event.routing_key, &event.body);
        Some(Self { position: event.position, topic, instance_id: event.instance_id, text })
    }

    /// The frame of an event of the log, or none if it is not for sockets. Byte for byte the same as that of the bus.
    pub fn of_log(event: &StoredEvent) -> Option<Self> {
        let topic = Topic::of(&event.routing_key)?;
        let text = splice(event.position, &event.routing_key, &event.message_body());
        Some(Self { position: event.position, topic, instance_id: event.instance_id(), text })
    }
}

impl EventFrame {
    /// The routing key and the body, as they stand in the frame.
    pub fn key_and_body(&self) -> (&str, &str) {
        let from_key = self.text.split_once(BEFORE_KEY).map(|(_, rest)| rest);
        let parts = from_key.and_then(|rest| rest.split_once(BEFORE_BODY));
        // Whatever stands in the body comes after both.
        parts.and_then(|(key, body)| Some((key, body.strip_suffix('}')?))).unwrap_or_default()
    }
}

/// What stands before the routing key, and between that and the body.
const BEFORE_KEY: &str = r#","event":""#;
const BEFORE_BODY: &str = r#"","data":"#;

/// The body goes in as text: it is an object already, and parsing it again for every replica would cost more than all the
/// rest. A routing key has nothing that needs escaping.
fn splice(position: i64, key: &RoutingKey, body: &str) -> Box<str> {
    let mut text = String::with_capacity(body.len() + key.as_str().len() + 72);
    // Writing into a String cannot fail.
    let _infallible =
        write!(text, r#"{{"type":"event","position":{position}{BEFORE_KEY}{key}{BEFORE_BODY}{body}}}"#);
    text.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::models::event::RowChange;
    use crate::models::{EventId, Origin};

    #[test]
    fn an_event_looks_the_same_from_the_bus_and_from_the_log() {
        let instance_id = InstanceId::new();
        let stored = StoredEvent {
            position: 7,
            event_id: EventId::new(),
            routing_key: RoutingKey::INSTANCE_UPDATED,
            row_change: RowChange::Update,
            occurred_at: "2026-11-20T10:00:00Z".parse().unwrap(),
            aggregate_id: instance_id.to_string(),
            revision: Some(2),
            user_id: None,
            team_id: None,
            origin: Origin::default(),
            body: RawValue::from_string(format!(r#"{{"instance_id":"{instance_id}","status":"running"}}"#))
                .unwrap(),
        };
        let on_the_bus = BusEvent {
            position: 7,
            event_id: stored.event_id,
            routing_key: stored.routing_key.clone(),
            user_id: None,
            team_id: None,
            instance_id: Some(instance_id),
            revision: Some(2),
            origin: Origin::default(),
            body: stored.message_body().into(),
        };
        let (from_bus, from_log) =
            (EventFrame::of_bus(&on_the_bus).unwrap(), EventFrame::of_log(&stored).unwrap());
        assert_eq!(from_bus.text, from_log.text);
        assert_eq!((from_bus.topic, from_bus.instance_id), (from_log.topic, from_log.instance_id));
        assert_eq!(from_bus.key_and_body(), ("instance.updated", &*on_the_bus.body));
        let parsed: serde_json::Value = serde_json::from_str(&from_bus.text).unwrap();
        assert_eq!((&parsed["type"], &parsed["event"]), (&"event".into(), &"instance.updated".into()));
        assert_eq!((&parsed["position"], &parsed["data"]["status"]), (&7.into(), &"running".into()));
    }
}
