//! Every message: what the bus carries, and the frames of the sockets.

use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{AnyOf, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::model::{Message, Reference};
use super::shape::{Parts, object, whole};
use crate::actors::ws_sessions::Topic;
use crate::http::ws_session::{FrameKind, Speaker, frames};
use crate::models::control::{
    ActorState, CONTROL_VERSION, ControlError, Describe, Described, KnownRevision, LetGo, LookAfterThese,
    Order, OrderReply, Refused, TakeUp, Taken,
};
use crate::models::event::body::{A_MOMENT, AN_EVENT, AN_INSTANCE};
use crate::models::event::{CATALOGUE, Envelope, Fact, Headers, Standing};
use crate::models::{RoutingKey, SCHEMA_VERSION};

/// The name of the schema of every bus message's headers.
pub(super) const HEADERS: &str = "headers";

/// Where schemas stand in the document.
pub(super) const SCHEMAS: &str = "#/components/schemas/";

const CONTENT_TYPE: &str = "application/json";
const EXAMPLE_POSITION: i64 = 42;

/// A message with everything that is said of it.
pub struct DescribedMessage {
    /// Its name in the document: the routing key, or `websocket.` and the frame's type.
    pub name: String,
    /// The shape of its payload.
    pub schema: RefOr<Schema>,
    /// A payload as it could be.
    pub sample: Value,
    /// Where it comes from.
    pub origin: Origin,
    told_when: String,
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The bus.
    Bus(Standing),
    /// The control plane: one replica to another.
    Control(Direction),
    /// A socket.
    Socket(Speaker),
}

/// Which way a message of the control plane goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// By `agents.direct`, to the queue of a replica.
    Order,
    /// Back to its sender, by direct reply-to.
    Reply,
}

/// Every message, those of the bus first.
///
/// # Errors
/// None that can happen: every message can be written.
pub fn messages() -> Result<Vec<DescribedMessage>, serde_json::Error> {
    let mut messages = CATALOGUE.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    let updated = RoutingKey::INSTANCE_UPDATED;
    let body = messages.iter().find(|message| message.name == updated.as_str());
    let body = body.map(|message| message.sample.clone()).unwrap_or_default();
    messages.extend(control()?);
    messages.extend(frames(&body)?.into_iter().map(frame));
    Ok(messages)
}

fn event(fact: &Fact) -> Result<DescribedMessage, serde_json::Error> {
    let mut own = object(whole(fact.schema(), &fact.parts().into_iter().collect::<Parts>()));
    own.title = Some(fact.key.to_string());
    let own_sample = fact.sample()?;
    let (schema, sample) = match fact.standing {
        // Those who report have no place in the log, and what else of the envelope they will need is not settled.
        Standing::PlannedInbound => (own, own_sample),
        Standing::Told | Standing::Planned => {
            (in_envelope(&fact.key, own), in_envelope_sample(fact, own_sample)?)
        }
    };
    Ok(DescribedMessage {
        name: fact.key.to_string(),
        schema: RefOr::T(Schema::Object(schema)),
        sample,
        origin: Origin::Bus(fact.standing),
        told_when: fact.told_when.to_owned(),
    })
}

/// The envelope's fields, then the event's own.
fn in_envelope(key: &RoutingKey, own: Object) -> Object {
    let mut schema = of::<Envelope>();
    schema.title = own.title;
    schema.description = own.description;
    for (name, only) in [("event_type", json!(key)), ("schema_version", json!(SCHEMA_VERSION))] {
        if let Some(RefOr::T(Schema::Object(field))) = schema.properties.get_mut(name) {
            field.enum_values = Some(vec![only]);
        }
    }
    schema.properties.extend(own.properties);
    schema.required.extend(own.required);
    schema
}

fn in_envelope_sample(fact: &Fact, own: Value) -> Result<Value, serde_json::Error> {
    let envelope = Envelope {
        event_id: AN_EVENT,
        event_type: fact.key.clone(),
        schema_version: SCHEMA_VERSION,
        position: EXAMPLE_POSITION,
        occurred_at: A_MOMENT,
    };
    let mut fields = members(serde_json::to_value(envelope)?);
    fields.extend(members(own));
    Ok(Value::Object(fields))
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

/// The schema of a type that is an object.
pub(super) fn of<T: ToSchema>() -> Object {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    object(whole(<T as PartialSchema>::schema(), &parts.into_iter().collect()))
}

/// The schema of the headers.
pub(super) fn headers() -> RefOr<Schema> {
    RefOr::T(Schema::Object(of::<Headers>()))
}

/// What replicas say to each other.
fn control() -> Result<Vec<DescribedMessage>, serde_json::Error> {
    let instances = vec![KnownRevision { instance_id: AN_INSTANCE, revision: 4 }];
    let instance_id = AN_INSTANCE;
    let orders = [
        (of::<LookAfterThese>(), Order::LookAfter(LookAfterThese { instances })),
        (of::<TakeUp>(), Order::TakeUp(TakeUp {})),
        (of::<LetGo>(), Order::LetGo(LetGo { instance_id, owner_epoch: 2 })),
        (of::<Describe>(), Order::Describe(Describe { instance_id })),
    ];
    let actor = ActorState {
        path: format!("/worker/instance_directory/instances/{AN_INSTANCE}"),
        phase: "up".to_owned(),
        step: Some("resting".to_owned()),
        since: Some(A_MOMENT),
        owner_epoch: Some(1),
        restarts: 0,
        last_exit: None,
        last_exit_at: None,
        retry: None,
    };
    let replies = [
        (of::<Taken>(), OrderReply::taken()),
        (of::<Described>(), OrderReply::Described(Described { actor: Some(actor) })),
        (
            of::<Refused>(),
            OrderReply::Refused(Refused { reason: "schema_version 2 is later than 1".to_owned() }),
        ),
    ];
    let body = |body: Result<Vec<u8>, ControlError>| serde_json::from_slice(&body.unwrap_or_default());
    let orders = orders
        .into_iter()
        .map(|(schema, order)| Ok(of_control(Direction::Order, order.kind(), schema, body(order.body())?)));
    let replies = replies
        .into_iter()
        .map(|(schema, reply)| Ok(of_control(Direction::Reply, reply.kind(), schema, body(reply.body())?)));
    orders.chain(replies).collect()
}

fn of_control(direction: Direction, name: &str, mut schema: Object, sample: Value) -> DescribedMessage {
    let told_when = schema.description.clone().unwrap_or_default();
    schema.title = Some(name.to_owned());
    let version = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .description(Some("Grows when a field changes its meaning or goes away."))
        .enum_values(Some([CONTROL_VERSION]));
    schema.properties.insert("schema_version".to_owned(), version.into());
    schema.required.insert(0, "schema_version".to_owned());
    DescribedMessage {
        name: name.to_owned(),
        schema: RefOr::T(Schema::Object(schema)),
        sample,
        origin: Origin::Control(direction),
        told_when,
    }
}

fn frame(kind: FrameKind) -> DescribedMessage {
    let FrameKind { name, speaker, mut schema, sample } = kind;
    schema.title = Some(format!("websocket.{name}"));
    let told_when = schema.description.clone().unwrap_or_default();
    if let Some(data @ RefOr::T(_)) = schema.properties.get_mut("data") {
        *data = any_told_event();
    }
    DescribedMessage {
        name: format!("websocket.{name}"),
        schema: RefOr::T(Schema::Object(schema)),
        sample,
        origin: Origin::Socket(speaker),
        told_when,
    }
}

/// What a socket can be told: the events that are for sockets.
fn any_told_event() -> RefOr<Schema> {
    let told = CATALOGUE.iter().filter(|fact| Topic::of(&fact.key).is_some());
    let mut any_of = AnyOf::new();
    any_of.description = Some("The whole body, as it stands on the bus.".to_owned());
    any_of.items = told.map(|fact| RefOr::Ref(Ref::new(format!("{SCHEMAS}{}", fact.key)))).collect();
    RefOr::T(Schema::AnyOf(any_of))
}

impl DescribedMessage {
    /// Whether this release tells it, or hears it.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        matches!(self.origin, Origin::Bus(Standing::Planned | Standing::PlannedInbound))
    }

    /// The message as the document has it; its schema stands elsewhere, under its name.
    pub(super) fn entry(&self) -> Message {
        let is_of_bus = matches!(self.origin, Origin::Bus(_));
        let is_of_amqp = !matches!(self.origin, Origin::Socket(_));
        let description = match &self.schema {
            RefOr::T(Schema::Object(object)) if is_of_bus => object.description.clone(),
            _ => None,
        };
        let mut example = json!({"payload": self.sample});
        let has_headers = is_of_bus && self.origin != Origin::Bus(Standing::PlannedInbound);
        if has_headers {
            example["headers"] = headers_sample();
        }
        Message {
            name: self.name.clone(),
            title: self.name.clone(),
            summary: self.told_when.clone(),
            description: description.unwrap_or_default(),
            content_type: CONTENT_TYPE,
            headers: has_headers.then(|| Reference::to(format!("{SCHEMAS}{HEADERS}"))),
            payload: Reference::to(format!("{SCHEMAS}{}", self.name)),
            bindings: is_of_amqp
                .then(|| json!({"amqp": {"messageType": self.name, "bindingVersion": "0.3.0"}})),
            examples: vec![example],
            status: self.is_planned().then_some("planned"),
        }
    }
}

fn headers_sample() -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "position": EXAMPLE_POSITION,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "request_id": "019aa2b3-c4d5-7e6f-8a9b-0c1d2e3f0011"
    })
}
