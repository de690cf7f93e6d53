//! A message that is given up, as it is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::types::FieldTable;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::actors::broker::envelope::{
    Envelope, REDRIVEN, REDRIVEN_KEY, header, readable, text_header, without_nul,
};
use crate::models::store::dead_letters::NewDeadLetter;

/// What is kept of a body. Our events are a few KiB; a longer body could fill the database.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What is kept of the headers as they are shown.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// What is kept of the envelope, which spends up to four bytes on each of a text.
const ENVELOPE_BYTES_MAX: usize = 4 * HEADER_BYTES_MAX;

/// Where a message died, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::actors) struct Death {
    /// The queue; `None` when it came from none.
    pub(in crate::actors) queue: Option<String>,
    /// What it was published as.
    pub(in crate::actors) routing_key: String,
    /// Why, in words.
    pub(in crate::actors) reason: String,
    /// When, if that is known.
    pub(in crate::actors) at: Option<Timestamp>,
}

/// What a message was published as. One that was sent again came by its queue's name, which says nothing of that; only whoever
/// may write to the default exchange can have sent it. `exchange` is the one that it was published to.
pub(in crate::actors) fn published_as<'a>(delivery: &'a Delivery, exchange: &str) -> &'a str {
    let original = if exchange.is_empty() { text_header(&delivery.properties, REDRIVEN_KEY) } else { None };
    original.unwrap_or(delivery.routing_key.as_str())
}

/// The letter of a message that died in a queue. `found_in` is where it was read, which stands for a queue that is not known.
pub(in crate::actors) fn letter(delivery: &Delivery, death: Death, found_in: &str) -> NewDeadLetter {
    let properties = &delivery.properties;
    let size = delivery.data.len();
    let body = delivery.data[..size.min(BODY_BYTES_MAX)].to_vec();
    let packed = Envelope::of(properties).pack();
    let envelope_bytes = packed.as_ref().map_or(0, Vec::len);
    let headers = properties.headers().as_ref().map_or_else(|| json!({}), readable);
    let header_bytes = headers.to_string().len();

    let obstacle = if death.queue.is_none() {
        Some("it came from no queue".to_owned())
    } else if size > BODY_BYTES_MAX {
        Some(format!("its body has {size} bytes, of which the first {BODY_BYTES_MAX} are kept"))
    } else if packed.is_none() || envelope_bytes > ENVELOPE_BYTES_MAX {
        Some("its headers are too large, or cannot be kept exactly".to_owned())
    } else {
        None
    };
    NewDeadLetter {
        queue: without_nul(death.queue.as_deref().unwrap_or(found_in)),
        message_id: message_id(delivery),
        routing_key: without_nul(&death.routing_key),
        reason: without_nul(&death.reason),
        headers: if header_bytes > HEADER_BYTES_MAX { omitted(header_bytes) } else { headers },
        envelope: if obstacle.is_none() { packed.unwrap_or_default() } else { Vec::new() },
        body,
        body_bytes: i64::try_from(size).unwrap_or(i64::MAX),
        obstacle,
        death: which_death(delivery),
        died_at: death.at,
    }
}

fn omitted(bytes: usize) -> Value {
    json!({"omitted": format!("{bytes} bytes of headers are more than the {HEADER_BYTES_MAX} that are kept")})
}

/// The id in the message's properties. A message without one is told apart by what it says.
fn message_id(delivery: &Delivery) -> String {
    match delivery.properties.message_id() {
        Some(stated) => without_nul(stated.as_str()),
        None => URL_SAFE_NO_PAD.encode(Sha256::digest(&delivery.data)),
    }
}

/// What is the same whenever one death is told, and different for every other: RabbitMQ's note of it, and how the message came to
/// be on the bus once more.
fn which_death(delivery: &Delivery) -> String {
    let mut told = FieldTable::default();
    for name in ["x-death", REDRIVEN, "x-replay-id"] {
        if let Some(value) = header(&delivery.properties, name) {
            told.insert(name.into(), value.clone());
        }
    }
    URL_SAFE_NO_PAD.encode(Sha256::digest(readable(&told).to_string()))
}

#[cfg(test)]
mod tests {
    use lapin::protocol::basic::AMQPProperties;
    use lapin::types::AMQPValue;

    use super::*;

    fn delivery(exchange: &str, key: &str, headers: &[(&str, AMQPValue)], body: Vec<u8>) -> Delivery {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        let mut delivery = Delivery::mock(1, exchange.into(), key.into(), false, body);
        delivery.properties = AMQPProperties::default().with_headers(table);
        delivery
    }

    fn died(queue: Option<&str>) -> Death {
        Death {
            queue: queue.map(str::to_owned),
            routing_key: "k".to_owned(),
            reason: "it \0 had to".to_owned(),
            at: None,
        }
    }

    #[test]
    fn a_body_above_the_bound_is_kept_in_part_and_cannot_be_sent_again() {
        let whole = letter(&delivery("e", "k", &[], vec![b'x'; BODY_BYTES_MAX]), died(Some("q")), "d");
        assert_eq!((whole.obstacle.as_deref(), whole.body.len()), (None, BODY_BYTES_MAX));
        let cut = letter(&delivery("e", "k", &[], vec![b'x'; BODY_BYTES_MAX + 1]), died(Some("q")), "d");
        assert_eq!((cut.body.len(), cut.body_bytes), (BODY_BYTES_MAX, 1_048_577));
        assert!(cut.obstacle.unwrap().contains("1048577 bytes") && cut.envelope.is_empty());
    }

    #[test]
    fn headers_above_the_bound_are_left_out() {
        let long = AMQPValue::LongString(vec![b'x'; 100_000].into());
        let kept = letter(&delivery("e", "k", &[("long", long)], vec![]), died(Some("q")), "d");
        assert!(kept.headers["omitted"].is_string());
        assert!(kept.obstacle.is_some() && kept.envelope.is_empty());
    }

    #[test]
    fn what_came_from_no_queue_is_kept_and_cannot_be_sent_again() {
        let kept = letter(&delivery("events.dlx", "k", &[], vec![]), died(None), "events.dead_letters");
        assert_eq!(
            (kept.queue.as_str(), kept.reason.as_str()),
            ("events.dead_letters", "it \u{fffd} had to")
        );
        assert!(kept.obstacle.is_some());
    }

    #[test]
    fn only_the_default_exchange_is_believed_to_say_what_a_message_was_published_as() {
        let original = (REDRIVEN_KEY, AMQPValue::LongString("instance.created".into()));
        let sent_again = delivery("", "q", &[original], vec![]);
        assert_eq!(published_as(&sent_again, ""), "instance.created");
        assert_eq!(published_as(&sent_again, "events.topic"), "q");
        assert_eq!(published_as(&delivery("", "q", &[], vec![]), ""), "q");
    }

    #[test]
    fn one_death_told_twice_is_one_and_the_death_after_a_redrive_is_another() {
        let death = |redrive| {
            letter(
                &delivery("e", "k", &[(REDRIVEN, AMQPValue::LongInt(redrive))], vec![]),
                died(Some("q")),
                "d",
            )
            .death
        };
        assert_eq!(death(1), death(1));
        assert_ne!(death(1), death(2));
    }
}
