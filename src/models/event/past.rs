//! An event as it stands in a history: what was told, and who brought it about.

use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use super::stored::StoredEvent;
use crate::models::ids::UserId;
use crate::models::text_enum::text_enum;

text_enum! {
    /// What kind of actor brought something about.
    pub enum EventActorKind {
        /// A person, by a session.
        User = "user",
        /// A program of a person's, by a key.
        ApiKey = "api_key",
        /// An administrator.
        Administrator = "administrator",
        /// Whoever ran a command of the program.
        Command = "command",
        /// A writer by plain SQL.
        Database = "database",
        /// The platform itself, which brings things to where they are wished.
        Worker = "worker",
    }
}

/// Who brought an event about, as far as everybody may know who may see the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventActor {
    /// What kind of actor.
    pub kind: EventActorKind,
    /// The user, or whose key it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<UserId>,
}

/// A text that names no actor that is known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no actor")]
pub struct InvalidEventActor(String);

/// As the function `event_actor` of the migrations writes it: the kind and, after a colon, the id.
impl FromStr for EventActor {
    type Err = InvalidEventActor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidEventActor(text.to_owned());
        let (kind, id) = text.split_once(':').map_or((text, None), |(kind, id)| (kind, Some(id)));
        let kind = kind.parse().map_err(|_unknown| invalid())?;
        let id = id.map(str::parse).transpose().map_err(|_no_id| invalid())?;
        Ok(Self { kind, id })
    }
}

/// One event of a thing's history.
#[derive(Clone, Debug)]
pub struct PastEvent {
    /// What was told.
    pub event: StoredEvent,
    /// Who brought it about; `None` where it was not written down.
    pub actor: Option<EventActor>,
}

/// What a history adds to the message.
#[derive(Serialize)]
struct Added<'a> {
    actor: Option<EventActor>,
    request_id: Option<&'a str>,
}

impl PastEvent {
    /// The message as it stood on the bus, and behind it who it was and by which request.
    ///
    /// # Errors
    /// None that is known: the fields are plain.
    pub fn body(&self) -> Result<String, serde_json::Error> {
        let added = Added { actor: self.actor, request_id: self.event.origin.request_id.as_deref() };
        let added = serde_json::to_string(&added)?;
        let mut body = self.event.message_body();
        // Both are objects that have fields.
        let _brace = body.pop();
        body.push(',');
        body.push_str(added.trim_start_matches('{'));
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;
    use crate::models::event::{RoutingKey, RowChange};
    use crate::models::ids::EventId;
    use crate::models::origin::Origin;

    fn past(actor: Option<EventActor>, request_id: Option<&str>) -> Value {
        let event = StoredEvent {
            position: 7,
            event_id: EventId::new(),
            routing_key: RoutingKey::INSTANCE_UPDATED,
            row_change: RowChange::Update,
            occurred_at: "2026-11-20T10:00:00Z".parse().unwrap(),
            aggregate_id: "a".to_owned(),
            revision: Some(2),
            user_id: None,
            team_id: None,
            origin: Origin::read(request_id.map(str::to_owned), None),
            body: RawValue::from_string(r#"{"status":"running"}"#.to_owned()).unwrap(),
        };
        serde_json::from_str(&PastEvent { event, actor }.body().unwrap()).unwrap()
    }

    #[test]
    fn a_past_event_is_the_message_and_who_and_by_which_request() {
        let id = UserId::new();
        let known = past(Some(EventActor { kind: EventActorKind::User, id: Some(id) }), Some("a \" b"));
        assert_eq!(known["actor"], json!({"kind": "user", "id": id}));
        assert_eq!((&known["request_id"], &known["status"]), (&json!("a \" b"), &json!("running")));
        let worker = past(Some(EventActor { kind: EventActorKind::Worker, id: None }), None);
        assert_eq!(worker["actor"], json!({"kind": "worker"}));
        assert_eq!(past(None, None)["actor"], Value::Null);
    }

    #[test]
    fn an_actor_is_read_as_it_is_written_and_nothing_else_is_one() {
        let id = UserId::new();
        assert_eq!(
            format!("api_key:{id}").parse(),
            Ok(EventActor { kind: EventActorKind::ApiKey, id: Some(id) })
        );
        assert_eq!("worker".parse(), Ok(EventActor { kind: EventActorKind::Worker, id: None }));
        for none in ["", "somebody", "user:", "user:x", ":"] {
            assert!(none.parse::<EventActor>().is_err(), "{none}");
        }
    }
}
