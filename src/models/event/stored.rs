//! An event of the log, and how it becomes a message.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::{ENVELOPE_FIELDS, Envelope, SCHEMA_VERSION};
use super::key::RoutingKey;
use crate::models::ids::{EventId, InstanceId, TeamId, UserId};
use crate::models::origin::Origin;
use crate::models::text_enum::text_enum;

text_enum! {
    /// What happened to the row that an event speaks of.
    pub enum RowChange {
        /// It came into being.
        Insert = "insert",
        /// It changed.
        Update = "update",
        /// It went away, or was marked as gone.
        Delete = "delete",
    }
}

/// One event of the log, with its place in it.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// Its place in the log: given without gaps, once.
    pub position: i64,
    /// Its id, the message id on the bus.
    pub event_id: EventId,
    /// What kind of fact it tells.
    pub routing_key: RoutingKey,
    /// What happened to the row.
    pub row_change: RowChange,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The id of the thing that it is about.
    pub aggregate_id: String,
    /// The revision of that thing after the change, where it has revisions.
    pub revision: Option<i64>,
    /// Whose it is; decides who may see it.
    pub user_id: Option<UserId>,
    /// The team that shares it; decides who may see it.
    pub team_id: Option<TeamId>,
    /// The request that it followed from.
    pub origin: Origin,
    /// The event's own fields, a JSON object as Postgres wrote it.
    pub body: Box<RawValue>,
}

impl StoredEvent {
    /// What the message says about itself.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        Envelope {
            event_id: self.event_id,
            event_type: self.routing_key.clone(),
            schema_version: SCHEMA_VERSION,
            position: self.position,
            occurred_at: self.occurred_at,
        }
    }

    /// The instance that it is about, if it is about one.
    #[must_use]
    pub fn instance_id(&self) -> Option<InstanceId> {
        #[derive(Deserialize)]
        struct About {
            instance_id: Option<InstanceId>,
        }
        serde_json::from_str::<About>(self.body.get()).ok()?.instance_id
    }

    /// The whole message: the envelope's fields first, then the event's own.
    ///
    /// The own fields are pasted in as text, for every event passes here and parsing would cost more than all the
    /// rest. Only a body that might name a field of the envelope is parsed, so that the envelope always wins.
    #[must_use]
    pub fn message_body(&self) -> String {
        let own = self.body.get();
        if may_name_an_envelope_field(own)
            && let Some(cleaned) = without_envelope_fields(own)
        {
            return self.splice(&cleaned);
        }
        self.splice(own)
    }

    fn splice(&self, own: &str) -> String {
        let inner =
            own.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().trim();
        let mut message = String::with_capacity(own.len() + 224);
        // Nothing here needs escaping: ids, numbers, times and keys hold no quote and no backslash.
        // Writing into a String cannot fail.
        let _infallible = write!(
            message,
            r#"{{"event_id":"{}","event_type":"{}","schema_version":{SCHEMA_VERSION},"position":{},"occurred_at":"{}""#,
            self.event_id, self.routing_key, self.position, self.occurred_at,
        );
        if !inner.is_empty() {
            message.push(',');
            message.push_str(inner);
        }
        message.push('}');
        message
    }
}

/// Errs on the side of yes: a nested field of that name, or an escape that could spell one, also counts.
fn may_name_an_envelope_field(own: &str) -> bool {
    own.contains("\\u") || ENVELOPE_FIELDS.iter().any(|field| own.contains(field))
}

/// The object without the envelope's names; `None` if it is no object, which the outbox does not allow.
fn without_envelope_fields(own: &str) -> Option<String> {
    let fields: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(own).ok()?;
    let kept: std::collections::BTreeMap<&String, &&RawValue> =
        fields.iter().filter(|(name, _)| !ENVELOPE_FIELDS.contains(&name.as_str())).collect();
    serde_json::to_string(&kept).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::models::event::EventHead;

    fn event(body: &str) -> StoredEvent {
        StoredEvent {
            position: 7,
            event_id: EventId::new(),
            routing_key: RoutingKey::INSTANCE_UPDATED,
            row_change: RowChange::Update,
            occurred_at: "2026-11-20T10:00:00.000001Z".parse().unwrap(),
            aggregate_id: "a".to_owned(),
            revision: Some(2),
            user_id: None,
            team_id: None,
            origin: Origin::default(),
            body: RawValue::from_string(body.to_owned()).unwrap(),
        }
    }

    #[test]
    fn the_envelope_comes_first_and_the_own_fields_follow_untouched() {
        let event = event(r#"{"status" : "running", "config": {"a": [1, 2]}}"#);
        let message = event.message_body();
        assert!(message.starts_with(&format!(r#"{{"event_id":"{}""#, event.event_id)));
        let parsed: Value = serde_json::from_str(&message).unwrap();
        assert_eq!(parsed["event_type"], "instance.updated");
        assert_eq!(parsed["schema_version"], SCHEMA_VERSION);
        assert_eq!(parsed["position"], 7);
        assert_eq!(parsed["occurred_at"], "2026-11-20T10:00:00.000001Z");
        assert_eq!(parsed["config"], json!({"a": [1, 2]}));
        assert_eq!(serde_json::from_str::<Envelope>(&message).unwrap(), event.envelope());
    }

    #[test]
    fn an_event_without_own_fields_is_its_envelope() {
        let parsed: Value = serde_json::from_str(&event("{ }").message_body()).unwrap();
        assert_eq!(parsed.as_object().unwrap().len(), 5);
    }

    #[test]
    fn an_own_field_cannot_forge_the_envelope() {
        for body in [
            r#"{"position": 1, "status": "x"}"#,
            r#"{"status": "x", "\u0070osition": 1}"#,
            r#"{"status": "x", "position": 1, "position": 2}"#,
        ] {
            let message = event(body).message_body();
            assert_eq!(message.matches("osition\"").count(), 1, "{message}");
            let parsed: Value = serde_json::from_str(&message).unwrap();
            assert_eq!((&parsed["position"], &parsed["status"]), (&json!(7), &json!("x")));
        }
    }

    #[test]
    fn a_nested_field_may_have_any_name() {
        let parsed: Value =
            serde_json::from_str(&event(r#"{"config": {"position": "left"}}"#).message_body()).unwrap();
        assert_eq!(parsed["config"]["position"], "left");
    }

    /// Bodies as a writer of plain SQL could make them: any names, those of the envelope among them.
    fn bodies() -> impl Strategy<Value = Map<String, Value>> {
        let names = prop_oneof![
            prop::sample::select(ENVELOPE_FIELDS.to_vec()).prop_map(str::to_owned),
            prop::sample::select(vec!["status", "config", "user_id", "revision"]).prop_map(str::to_owned),
            ".{0,12}",
        ];
        let values = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
            ".{0,8}".prop_map(|text| json!({"position": text, "}": ["{", text]})),
        ];
        prop::collection::vec((names, values), 0..8).prop_map(|fields| fields.into_iter().collect())
    }

    proptest! {
        #[test]
        fn whatever_the_body_the_message_has_the_envelope_and_the_own_fields(own in bodies(), pretty in any::<bool>()) {
            let object = Value::Object(own.clone());
            let text = if pretty { format!(" {object:#} ") } else { object.to_string() };
            let event = event(&text);
            let message = event.message_body();
            let mut read: Map<String, Value> = serde_json::from_str(&message).unwrap();
            prop_assert_eq!(serde_json::from_str::<Envelope>(&message).unwrap(), event.envelope());
            for field in ENVELOPE_FIELDS {
                prop_assert!(read.remove(field).is_some());
            }
            let own: Map<String, Value> =
                own.into_iter().filter(|(name, _)| !ENVELOPE_FIELDS.contains(&name.as_str())).collect();
            // A head that cannot be read because of an own field is an error of the reader, and no other event.
            if let Ok(head) = serde_json::from_str::<EventHead>(&message) {
                prop_assert_eq!((head.position, head.event_id), (event.position, event.event_id));
            }
            prop_assert_eq!(read, own);
        }
    }
}
