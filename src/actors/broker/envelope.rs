//! What surrounds the body of a message: kept so that the same message can be sent again, and shown to people as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The header that counts how often an administrator has sent a dead letter again.
pub const REDRIVEN: &str = "x-redriven";

/// The header of a message that was sent again with what it was published as: the routing key is then the queue's name.
pub const REDRIVEN_KEY: &str = "x-redriven-key";

/// What belongs to a delivery, not to the message: RabbitMQ's notes of deaths and deliveries, ours of redrives; and copies to
/// further queues, which have had theirs.
const OF_THE_DELIVERY: [&str; 6] = ["x-death", "x-delivery-count", "CC", "BCC", REDRIVEN, REDRIVEN_KEY];
const PREFIXES_OF_THE_DELIVERY: [&str; 2] = ["x-first-death-", "x-last-death-"];

/// The properties and headers of a message, without what belongs to one delivery of it. Without `user_id`, too: RabbitMQ lets
/// nobody but that very user send it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    headers: FieldTable,
    content_type: Option<ShortString>,
    content_encoding: Option<ShortString>,
    priority: Option<u8>,
    correlation_id: Option<ShortString>,
    reply_to: Option<ShortString>,
    expiration: Option<ShortString>,
    message_id: Option<ShortString>,
    timestamp: Option<u64>,
    kind: Option<ShortString>,
    app_id: Option<ShortString>,
}

impl Envelope {
    /// That of a message that was delivered.
    #[must_use]
    pub fn of(properties: &AMQPProperties) -> Self {
        let mut headers = FieldTable::default();
        for (name, value) in properties.headers().iter().flat_map(FieldTable::inner) {
            if !is_of_the_delivery(name.as_str()) {
                headers.insert(name.clone(), value.clone());
            }
        }
        Self {
            headers,
            content_type: properties.content_type().clone(),
            content_encoding: properties.content_encoding().clone(),
            priority: *properties.priority(),
            correlation_id: properties.correlation_id().clone(),
            reply_to: properties.reply_to().clone(),
            expiration: properties.expiration().clone(),
            message_id: properties.message_id().clone(),
            timestamp: *properties.timestamp(),
            kind: properties.kind().clone(),
            app_id: properties.app_id().clone(),
        }
    }

    /// The bytes that [`Envelope::unpack`] reads; `None` if they would not give the same again, as with a number that is none.
    #[must_use]
    pub fn pack(&self) -> Option<Vec<u8>> {
        let packed = serde_json::to_vec(self).ok()?;
        (Self::unpack(&packed).as_ref() == Some(self)).then_some(packed)
    }

    /// Reads what [`Envelope::pack`] has written.
    #[must_use]
    pub fn unpack(packed: &[u8]) -> Option<Self> {
        serde_json::from_slice(packed).ok()
    }

    /// The properties for sending it again, persistently and for the `redrive`th time, once published as `routing_key`.
    #[must_use]
    pub fn again(self, routing_key: &str, redrive: i32) -> AMQPProperties {
        let mut headers = self.headers;
        headers.insert(REDRIVEN.into(), AMQPValue::LongInt(redrive));
        headers.insert(REDRIVEN_KEY.into(), AMQPValue::LongString(routing_key.into()));
        let mut properties = AMQPProperties::default().with_headers(headers).with_delivery_mode(2);
        macro_rules! put {
            ($($with:ident($field:ident);)+) => {$(
                if let Some(value) = self.$field {
                    properties = properties.$with(value);
                }
            )+};
        }
        put! {
            with_content_type(content_type);
            with_content_encoding(content_encoding);
            with_priority(priority);
            with_correlation_id(correlation_id);
            with_reply_to(reply_to);
            with_expiration(expiration);
            with_message_id(message_id);
            with_timestamp(timestamp);
            with_type(kind);
            with_app_id(app_id);
        }
        properties
    }
}

fn is_of_the_delivery(name: &str) -> bool {
    OF_THE_DELIVERY.contains(&name) || PREFIXES_OF_THE_DELIVERY.iter().any(|prefix| name.starts_with(prefix))
}

/// A header of a message.
#[must_use]
pub fn header<'a>(properties: &'a AMQPProperties, name: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

/// A header that is a text.
#[must_use]
pub fn text_header<'a>(properties: &'a AMQPProperties, name: &str) -> Option<&'a str> {
    text(header(properties, name)?)
}

/// A value that is a text.
#[must_use]
pub fn text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

/// A table for people to read. Postgres keeps no NUL in a text, so there is none.
#[must_use]
pub fn readable(table: &FieldTable) -> Value {
    let members =
        table.inner().iter().map(|(name, value)| (without_nul(name.as_str()), readable_value(value)));
    Value::Object(members.collect::<Map<String, Value>>())
}

fn readable_value(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(is) => json!(is),
        AMQPValue::ShortShortInt(number) => json!(number),
        AMQPValue::ShortShortUInt(number) => json!(number),
        AMQPValue::ShortInt(number) => json!(number),
        AMQPValue::ShortUInt(number) => json!(number),
        AMQPValue::LongInt(number) => json!(number),
        AMQPValue::LongUInt(number) => json!(number),
        AMQPValue::LongLongInt(number) => json!(number),
        AMQPValue::Float(number) => json!(number),
        AMQPValue::Double(number) => json!(number),
        AMQPValue::DecimalValue(number) => json!({"value": number.value, "scale": number.scale}),
        AMQPValue::ShortString(text) => json!(without_nul(text.as_str())),
        AMQPValue::LongString(text) => readable_bytes(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => readable_bytes(bytes.as_slice()),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(readable_value).collect(),
        AMQPValue::Timestamp(seconds) => json!(seconds),
        AMQPValue::FieldTable(table) => readable(table),
        AMQPValue::Void => Value::Null,
    }
}

fn readable_bytes(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => json!(without_nul(text)),
        Err(_binary) => json!({"base64": STANDARD.encode(bytes)}),
    }
}

/// The text with a mark where it has a NUL.
#[must_use]
pub fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_message() -> AMQPProperties {
        let mut headers = FieldTable::default();
        headers.insert("position".into(), AMQPValue::LongLongInt(7));
        headers.insert("schema_version".into(), AMQPValue::LongInt(1));
        headers.insert("raw".into(), AMQPValue::LongString(vec![0xff, 0].into()));
        headers.insert("x-death".into(), AMQPValue::Void);
        headers.insert("x-first-death-queue".into(), AMQPValue::Void);
        headers.insert("CC".into(), AMQPValue::Void);
        AMQPProperties::default()
            .with_headers(headers)
            .with_message_id("a\0b".into())
            .with_type("instance.created".into())
            .with_user_id("guest".into())
            .with_timestamp(5)
    }

    #[test]
    fn a_message_is_sent_again_as_it_was_without_what_belonged_to_its_delivery() {
        let packed = Envelope::of(&a_message()).pack().unwrap();
        let again = Envelope::unpack(&packed).unwrap().again("instance.created", 2);
        let headers = again.headers().as_ref().unwrap().inner();
        let names: Vec<&str> = headers.keys().map(ShortString::as_str).collect();
        assert_eq!(names, ["position", "raw", "schema_version", REDRIVEN, REDRIVEN_KEY]);
        assert_eq!(headers["position"], AMQPValue::LongLongInt(7));
        assert_eq!(headers["schema_version"], AMQPValue::LongInt(1));
        assert_eq!(headers["raw"], AMQPValue::LongString(vec![0xff, 0].into()));
        assert_eq!(headers[REDRIVEN], AMQPValue::LongInt(2));
        assert_eq!(again.message_id().as_ref().unwrap().as_str(), "a\0b");
        assert_eq!((again.timestamp(), again.delivery_mode()), (&Some(5), &Some(2)));
        assert_eq!(again.user_id(), &None);
    }

    #[test]
    fn headers_that_would_not_come_back_the_same_are_not_packed() {
        let mut headers = FieldTable::default();
        headers.insert("x".into(), AMQPValue::Double(f64::NAN));
        assert_eq!(Envelope::of(&AMQPProperties::default().with_headers(headers)).pack(), None);
    }

    #[test]
    fn people_read_headers_as_json_without_nul() {
        let shown = readable(a_message().headers().as_ref().unwrap());
        assert_eq!(shown["position"], 7);
        assert_eq!(shown["raw"], json!({"base64": "/wA="}));
    }
}
