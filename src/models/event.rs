//! Events: what is told to the bus, to sockets and to whoever asks for history.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use thiserror::Error;

use super::ids::{EventId, TeamId, UserId};
use super::origin::Origin;
use super::text_enum::text_enum;

/// The version of every body's shape. It grows when a field changes its meaning or goes away; new fields leave it alone.
pub const SCHEMA_VERSION: i32 = 1;

/// A text that cannot be a routing key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a routing key: dotted lower-case words, 255 bytes at most")]
pub struct InvalidRoutingKey(String);

/// What kind of fact an event tells, in the words of the bus.
///
/// Not an enum: during a rolling upgrade a publisher meets keys of a newer release, and must pass them on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoutingKey(Cow<'static, str>);

macro_rules! routing_keys {
    ($($name:ident = $text:literal;)+) => {
        impl RoutingKey {
            $(#[doc = concat!("`", $text, "`")] pub const $name: Self = Self(Cow::Borrowed($text));)+

            /// Every key that this release knows.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The key as a text that needs no memory of its own, if this release knows it.
            fn known(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

routing_keys! {
    INSTANCE_CREATED = "instance.created";
    INSTANCE_UPDATED = "instance.updated";
    INSTANCE_DELETED = "instance.deleted";
    AGENT_PUBLISHED = "agent.published";
    AGENT_UPDATED = "agent.updated";
    AGENT_RETIRED = "agent.retired";
    AGENT_DELETED = "agent.deleted";
    KNOWLEDGE_BASE_CREATED = "knowledge_base.created";
    KNOWLEDGE_BASE_DELETED = "knowledge_base.deleted";
    KNOWLEDGE_BASE_ENTRY_CREATED = "knowledge_base.entry.created";
    KNOWLEDGE_BASE_ENTRY_UPDATED = "knowledge_base.entry.updated";
    KNOWLEDGE_BASE_ENTRY_DELETED = "knowledge_base.entry.deleted";
    EXECUTION_CREATED = "execution.created";
    EXECUTION_UPDATED = "execution.updated";
    EXECUTION_DELETED = "execution.deleted";
    WORKFLOW_CREATED = "workflow.created";
    WORKFLOW_STARTED = "workflow.started";
    WORKFLOW_UPDATED = "workflow.updated";
    WORKFLOW_FINISHED = "workflow.finished";
    WORKFLOW_DELETED = "workflow.deleted";
    AUTH_REVOKED = "auth.revoked";
    USER_DELETED = "user.deleted";
    TEAM_MEMBER_ADDED = "team.member.added";
    TEAM_MEMBER_UPDATED = "team.member.updated";
    TEAM_MEMBER_REMOVED = "team.member.removed";
    REPORT_INSTANCE = "report.instance";
    REPORT_EXECUTION = "report.execution";
}

impl RoutingKey {
    /// The longest key that AMQP can carry, in bytes.
    pub const LENGTH_MAX: usize = 255;

    /// The key as it stands on the bus.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first word: what the fact is about.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl fmt::Display for RoutingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for RoutingKey {
    type Err = InvalidRoutingKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(key) = Self::known(text) {
            return Ok(key);
        }
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let is_key = text.len() <= Self::LENGTH_MAX && text.split('.').all(is_word);
        if is_key { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(InvalidRoutingKey(text.to_owned())) }
    }
}

impl Serialize for RoutingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RoutingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

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

/// What every message says about itself, next to the event's own fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The event's id.
    pub event_id: EventId,
    /// What kind of fact it tells.
    pub event_type: RoutingKey,
    /// See [`SCHEMA_VERSION`].
    pub schema_version: i32,
    /// Its place in the log.
    pub position: i64,
    /// When it happened.
    pub occurred_at: Timestamp,
}

/// The names that belong to the envelope: an own field of such a name is dropped.
const ENVELOPE_FIELDS: [&str; 5] = ["event_id", "event_type", "schema_version", "position", "occurred_at"];

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
    use serde_json::{Value, json};

    use super::*;

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

    #[test]
    fn keys_of_a_newer_release_are_passed_on_and_nonsense_is_not() {
        for key in RoutingKey::ALL {
            assert_eq!(key.as_str().parse().as_ref(), Ok(key));
        }
        assert!("invoice.line.paid".parse::<RoutingKey>().is_ok());
        for text in ["", ".", "a..b", "instance.*", "Instance.created", "a b", &"a".repeat(256)] {
            assert!(text.parse::<RoutingKey>().is_err(), "{text}");
        }
    }
}
