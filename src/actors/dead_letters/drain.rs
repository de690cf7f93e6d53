//! Keeps what RabbitMQ has given up, with its note of the death in plain words.

use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};

use crate::actors::broker::envelope::{header, text, text_header};
use crate::actors::broker::topology;
use crate::actors::event_consumers::{Death, Desk, Leaving, Reader, letter, published_as};

/// The reader of `events.dead_letters`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drain;

impl Reader for Drain {
    async fn begin(&self, _desk: &Desk) -> Result<(), Leaving> {
        Ok(())
    }

    async fn take(&self, desk: &Desk, batch: &[Delivery]) -> Result<(), Leaving> {
        for delivery in batch {
            let _new_or_known = desk.keep(&letter(delivery, death(delivery), &desk.queue)).await;
        }
        Ok(())
    }
}

/// What the headers say of the message's last death.
fn death(delivery: &Delivery) -> Death {
    let properties = &delivery.properties;
    let last = match header(properties, "x-death") {
        // The last one is the first of the list.
        Some(AMQPValue::FieldArray(deaths)) => match deaths.as_slice().first() {
            Some(AMQPValue::FieldTable(last)) => Some(last),
            _ => None,
        },
        _ => None,
    };
    let of_last = |name: &str| last.and_then(|last| text(last.inner().get(name)?));
    let queue = of_last("queue").or_else(|| text_header(properties, "x-first-death-queue"));
    let reason = of_last("reason").or_else(|| text_header(properties, "x-first-death-reason"));
    // Without a note of it nobody can say how it came, and its routing key is believed.
    let exchange = of_last("exchange").unwrap_or(topology::DEAD_LETTER_EXCHANGE);
    Death {
        queue: queue.map(str::to_owned),
        routing_key: published_as(delivery, exchange).to_owned(),
        reason: in_words(queue, reason),
        at: last.and_then(time),
    }
}

fn time(death: &FieldTable) -> Option<Timestamp> {
    match death.inner().get("time") {
        Some(AMQPValue::Timestamp(seconds)) => Timestamp::from_second(i64::try_from(*seconds).ok()?).ok(),
        _ => None,
    }
}

/// RabbitMQ's word for a death, as a sentence.
fn in_words(queue: Option<&str>, reason: Option<&str>) -> String {
    match reason {
        Some("delivery_limit") => match queue.and_then(topology::delivery_limit) {
            Some(limit) => format!("delivered {} times without an acknowledgement: limit {limit}", limit + 1),
            None => "delivered more often without an acknowledgement than its queue allows".to_owned(),
        },
        Some("rejected") => "a consumer rejected it".to_owned(),
        Some("expired") => "it waited in its queue for longer than it may".to_owned(),
        Some("maxlen") => "its queue was full".to_owned(),
        Some(other) => format!("RabbitMQ gave it up: {}", other.chars().take(200).collect::<String>()),
        None => "somebody put it among the dead letters: RabbitMQ has no note of a death".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::basic::AMQPProperties;
    use lapin::types::FieldArray;

    use super::*;

    fn dead(queue: &str, reason: &str, exchange: &str) -> Delivery {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let mut note = FieldTable::default();
        note.insert("queue".into(), text(queue));
        note.insert("reason".into(), text(reason));
        note.insert("exchange".into(), text(exchange));
        note.insert("time".into(), AMQPValue::Timestamp(1_764_000_000));
        let mut headers = FieldTable::default();
        headers.insert(
            "x-death".into(),
            AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::FieldTable(note)])),
        );
        headers.insert("x-redriven-key".into(), text("instance.created"));
        let mut delivery = Delivery::mock(1, "events.dlx".into(), "the.key".into(), false, Vec::new());
        delivery.properties = AMQPProperties::default().with_headers(headers);
        delivery
    }

    #[test]
    fn a_death_is_told_in_plain_words() {
        let death = death(&dead("agents_worker.instance", "delivery_limit", "events.topic"));
        assert_eq!(death.queue.as_deref(), Some("agents_worker.instance"));
        assert_eq!(death.reason, "delivered 21 times without an acknowledgement: limit 20");
        assert_eq!(death.at.unwrap().as_second(), 1_764_000_000);
        let others = super::death(&dead("of.others", "delivery_limit", "events.topic"));
        assert!(others.reason.contains("than its queue allows"), "{}", others.reason);
    }

    #[test]
    fn what_it_was_published_as_is_believed_of_a_message_that_came_by_its_queues_name() {
        assert_eq!(death(&dead("q", "rejected", "")).routing_key, "instance.created");
        assert_eq!(death(&dead("q", "rejected", "events.topic")).routing_key, "the.key");
    }

    #[test]
    fn a_message_without_a_note_came_from_no_queue() {
        let by_hand = Delivery::mock(1, "events.dlx".into(), "k".into(), false, Vec::new());
        assert_eq!(death(&by_hand).queue, None);
    }
}
