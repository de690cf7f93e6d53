//! Bytes off a queue to a [`BusEvent`].

use std::sync::Arc;

use thiserror::Error;

use super::BusEvent;
use crate::models::event::EventHead;
use crate::models::{Origin, RoutingKey, SCHEMA_VERSION};

/// Why a message is no event. What a consumer cannot read it will never be able to read: it goes to the dead letters.
#[derive(Debug, Error)]
pub enum Undecodable {
    /// Not text.
    #[error("the body is not UTF-8")]
    NotText,
    /// Not an event's JSON.
    #[error("the body is not an event: {0}")]
    NotAnEvent(#[from] serde_json::Error),
    /// The routing key, which RabbitMQ's permissions guard, and the body, which anybody may write, tell different stories.
    #[error("the body says `{said}` under the routing key `{key}`")]
    Forged {
        /// What the body claims to be.
        said: RoutingKey,
        /// What it was published as.
        key: String,
    },
    /// Of a release that is too new to be understood.
    #[error("schema version {0} is not known")]
    SchemaVersion(i32),
}

/// Reads what a consumer has to know of an event that came under `key`; the rest of the body stays text.
///
/// # Errors
/// [`Undecodable`] for anything that the publisher does not write.
pub fn decode(key: &str, origin: Origin, body: &[u8]) -> Result<BusEvent, Undecodable> {
    let text = str::from_utf8(body).map_err(|_invalid| Undecodable::NotText)?;
    let head: EventHead = serde_json::from_str(text)?;
    if head.event_type.as_str() != key {
        return Err(Undecodable::Forged { said: head.event_type, key: key.to_owned() });
    }
    if head.schema_version > SCHEMA_VERSION {
        return Err(Undecodable::SchemaVersion(head.schema_version));
    }
    Ok(BusEvent {
        position: head.position,
        event_id: head.event_id,
        routing_key: head.event_type,
        user_id: head.user_id,
        team_id: head.team_id,
        instance_id: head.instance_id,
        revision: head.revision,
        origin,
        body: Arc::from(text),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::models::EventId;

    #[test]
    fn an_event_of_the_publisher_is_read_back() {
        let id = EventId::new();
        let body = format!(
            r#"{{"event_id":"{id}","event_type":"instance.created","schema_version":1,"position":7,
                "occurred_at":"2026-11-20T10:00:00Z","revision":1,"config":{{"position":"left"}},"user_id":null}}"#
        );
        let event = decode("instance.created", Origin::default(), body.as_bytes()).unwrap();
        assert_eq!((event.position, event.event_id, event.revision), (7, id, Some(1)));
        assert_eq!(event.routing_key, RoutingKey::INSTANCE_CREATED);
        assert_eq!(&*event.body, body);
    }

    #[test]
    fn a_body_that_claims_to_be_another_event_is_refused() {
        let body = format!(
            r#"{{"event_id":"{}","event_type":"instance.updated","schema_version":1,"position":7}}"#,
            EventId::new()
        );
        let refused = decode("report.instance", Origin::default(), body.as_bytes());
        assert!(matches!(refused, Err(Undecodable::Forged { .. })), "{refused:?}");
    }

    #[test]
    fn a_newer_schema_is_refused_by_number() {
        let body = format!(
            r#"{{"event_id":"{}","event_type":"instance.created","schema_version":2,"position":7}}"#,
            EventId::new()
        );
        assert!(matches!(
            decode("instance.created", Origin::default(), body.as_bytes()),
            Err(Undecodable::SchemaVersion(2))
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _never_panics = decode("instance.created", Origin::default(), &bytes);
        }

        #[test]
        fn whatever_is_changed_in_a_message_it_is_one_of_its_key_or_an_error(
            place in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 0..4), cut in 0..3_usize
        ) {
            let id = EventId::new();
            let mut body = format!(
                r#"{{"event_id":"{id}","event_type":"instance.created","schema_version":1,"position":7,"user_id":null}}"#
            )
            .into_bytes();
            let place = place.index(body.len());
            body.splice(place..(place + cut).min(body.len()), with);
            match decode("instance.created", Origin::default(), &body) {
                Ok(event) => {
                    prop_assert_eq!(event.routing_key, RoutingKey::INSTANCE_CREATED);
                    prop_assert_eq!(event.body.as_bytes(), body.as_slice());
                }
                // The reason is kept with the dead letter.
                Err(error) => prop_assert!(error.to_string().len() < 500, "{error}"),
            }
        }

        #[test]
        fn a_key_that_is_none_makes_a_short_reason_however_long_it_is(text in "[a-z]{900,1000}|.{0,200}") {
            let text = serde_json::to_string(&text).unwrap();
            let body = format!(r#"{{"event_id":"{}","event_type":{text},"schema_version":1,"position":7}}"#, EventId::new());
            if let Err(error) = decode("x", Origin::default(), body.as_bytes()) {
                prop_assert!(error.to_string().len() < 1_000, "{error}");
            }
        }
    }
}
