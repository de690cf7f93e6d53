//! Where messages can be met: the routing keys, the queues, and the socket; and what the platform does there.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::messages::{DescribedMessage, Direction, Origin};
use super::model::{Channel, Operation, Parameter, Reference, Reply};
use crate::actors::broker::topology::{self, Argument, Kind, QueueSpec};
use crate::http::PREFIX;
use crate::http::ws_session::Speaker;
use crate::models::event::Standing;
use crate::models::{ReplicaId, RoutingKey};

/// The servers, as the document names them.
pub(super) const RABBITMQ: &str = "rabbitmq";
pub(super) const USER_API: &str = "user_api";

const SOCKET: &str = "websocket";
const ORDERS: &str = "agents_worker.control";
const REPLIES: &str = "agents_worker.replies";
const AMQP_BINDING: &str = "0.3.0";

/// Channels and operations, by name.
#[derive(Default)]
pub(super) struct Traffic {
    pub(super) channels: BTreeMap<String, Channel>,
    pub(super) operations: BTreeMap<String, Operation>,
}

/// All of them.
pub(super) fn traffic(messages: &[DescribedMessage]) -> Traffic {
    let mut traffic = Traffic::default();
    for message in messages {
        if let Origin::Bus(standing) = message.origin {
            add_key(&mut traffic, message, standing);
        }
    }
    for queue in topology::queues(ReplicaId(Uuid::nil())) {
        add_queue(&mut traffic, &queue);
    }
    add_orders(&mut traffic, messages);
    add_socket(&mut traffic, messages);
    traffic
}

fn add_key(traffic: &mut Traffic, message: &DescribedMessage, standing: Standing) {
    let key = &message.name;
    let exchange = json!({
        "name": topology::EVENTS, "type": "topic", "durable": true, "autoDelete": false, "vhost": "/"
    });
    let status = message.is_planned().then_some("planned");
    traffic.channels.insert(
        key.clone(),
        Channel {
            address: key.clone(),
            title: key.clone(),
            description: format!("The routing key `{key}` on `{}`.", topology::EVENTS),
            servers: server(RABBITMQ),
            parameters: BTreeMap::new(),
            messages: BTreeMap::from([(key.clone(), component(key))]),
            bindings: json!({
                "amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": AMQP_BINDING}
            }),
            queue: None,
            status,
        },
    );
    let is_inbound = standing == Standing::PlannedInbound;
    let (name, action, summary) = match is_inbound {
        true => (format!("take.{key}"), "receive", format!("Take `{key}` from workers of others")),
        false => (format!("publish.{key}"), "send", format!("Publish `{key}`")),
    };
    let sending = json!({
        "amqp": {"deliveryMode": 2, "mandatory": true, "ack": true, "bindingVersion": AMQP_BINDING}
    });
    traffic.operations.insert(
        name,
        Operation {
            action,
            channel: channel(key),
            summary,
            messages: vec![of_channel(key, key)],
            bindings: (!is_inbound).then_some(sending),
            reply: None,
            status,
        },
    );
}

fn add_queue(traffic: &mut Traffic, queue: &QueueSpec) {
    let own = format!(".{}", Uuid::nil());
    let name = queue.name.trim_end_matches(own.as_str()).to_owned();
    let is_own = queue.kind == Kind::Replica;
    let replica = Parameter { description: "The id of the replica: another one after each start of it." };
    let keys: Vec<&RoutingKey> = RoutingKey::ALL.iter().filter(|key| reaches(key, queue)).collect();
    let binding = json!({
        "name": queue.name.replace(&own, ".{replica}"),
        "durable": !is_own, "exclusive": is_own, "autoDelete": is_own, "vhost": "/"
    });
    let arguments: Map<String, Value> = queue
        .arguments()
        .into_iter()
        .map(|(name, argument)| match argument {
            Argument::Text(text) => (name.to_owned(), json!(text)),
            Argument::Number(number) => (name.to_owned(), json!(number)),
        })
        .collect();
    traffic.channels.insert(
        name.clone(),
        Channel {
            address: queue.name.replace(&own, ".{replica}"),
            title: name.clone(),
            description: queue.purpose.to_owned(),
            servers: server(RABBITMQ),
            parameters: is_own.then_some(("replica", replica)).into_iter().collect(),
            messages: keys.iter().map(|key| (key.to_string(), component(key.as_str()))).collect(),
            bindings: json!({
                "amqp": {"is": "queue", "queue": binding, "bindingVersion": AMQP_BINDING}
            }),
            queue: Some(json!({
                "exchange": queue.exchange,
                "keys": queue.keys.iter().map(|key| key.replace(&own[1..], "{replica}")).collect::<Vec<_>>(),
                "arguments": arguments
            })),
            status: None,
        },
    );
    traffic.operations.insert(
        format!("consume.{name}"),
        Operation {
            action: "receive",
            channel: channel(&name),
            summary: format!("Read the queue `{name}`"),
            messages: keys.iter().map(|key| of_channel(&name, key.as_str())).collect(),
            bindings: Some(json!({"amqp": {"ack": true, "bindingVersion": AMQP_BINDING}})),
            reply: None,
            status: None,
        },
    );
}

/// Whether a message of this key can come to a queue: from the exchange of the events, or given up by a shared queue.
fn reaches(key: &RoutingKey, queue: &QueueSpec) -> bool {
    let gives_up = |other: &QueueSpec| other.kind == Kind::Shared && other.takes(key);
    queue.takes(key) && (queue.kind != Kind::DeadLetters || topology::durable_queues().iter().any(gives_up))
}

/// The queue of orders is there by now; what goes through it, and what comes back, is of no routing key of an event.
fn add_orders(traffic: &mut Traffic, messages: &[DescribedMessage]) {
    let of_control =
        |wanted| messages.iter().filter(move |message| message.origin == Origin::Control(wanted));
    let named =
        |wanted| of_control(wanted).map(|message| (message.name.clone(), component(&message.name))).collect();
    let all = |channel: &str, wanted| {
        of_control(wanted).map(|message| of_channel(channel, &message.name)).collect::<Vec<_>>()
    };
    let Some(queue) = traffic.channels.get_mut(ORDERS) else { return };
    queue.messages = named(Direction::Order);
    let token =
        Parameter { description: "RabbitMQ's own: the whole address stands in the order's `reply_to`." };
    traffic.channels.insert(
        REPLIES.to_owned(),
        Channel {
            address: "amq.rabbitmq.reply-to.{token}".to_owned(),
            title: REPLIES.to_owned(),
            description:
                "Where an order is answered: RabbitMQ's direct reply-to, which is no queue. The property \
                          `correlation_id` is that of the order."
                    .to_owned(),
            servers: server(RABBITMQ),
            parameters: BTreeMap::from([("token", token)]),
            messages: named(Direction::Reply),
            bindings: json!({"amqp": {
                "is": "routingKey",
                "exchange": {"name": "", "type": "default", "durable": true, "autoDelete": false, "vhost": "/"},
                "bindingVersion": AMQP_BINDING
            }}),
            queue: None,
            status: None,
        },
    );
    let reply = || Reply { channel: channel(REPLIES), messages: all(REPLIES, Direction::Reply) };
    if let Some(consume) = traffic.operations.get_mut(&format!("consume.{ORDERS}")) {
        consume.messages = all(ORDERS, Direction::Order);
        consume.reply = Some(reply());
    }
    let sending = json!({"amqp": {
        "deliveryMode": 2, "mandatory": true, "ack": true, "bindingVersion": AMQP_BINDING
    }});
    traffic.operations.insert(
        format!("send.{ORDERS}"),
        Operation {
            action: "send",
            channel: channel(ORDERS),
            summary: "Send another replica an order".to_owned(),
            messages: all(ORDERS, Direction::Order),
            bindings: Some(sending),
            reply: Some(reply()),
            status: None,
        },
    );
    traffic.operations.insert(
        format!("hear.{REPLIES}"),
        Operation {
            action: "receive",
            channel: channel(REPLIES),
            summary: "Hear what another replica answers to an order".to_owned(),
            messages: all(REPLIES, Direction::Reply),
            bindings: None,
            reply: None,
            status: None,
        },
    );
}

fn add_socket(traffic: &mut Traffic, messages: &[DescribedMessage]) {
    let of_socket = || messages.iter().filter(|message| matches!(message.origin, Origin::Socket(_)));
    traffic.channels.insert(
        SOCKET.to_owned(),
        Channel {
            address: format!("{PREFIX}/ws"),
            title: "WebSocket".to_owned(),
            description: include_str!("socket.md").trim_end().to_owned(),
            servers: server(USER_API),
            parameters: BTreeMap::new(),
            messages: of_socket().map(|message| (message.name.clone(), component(&message.name))).collect(),
            bindings: json!({"ws": socket_binding()}),
            queue: None,
            status: None,
        },
    );
    let spoken_by = |wanted| of_socket().filter(move |message| message.origin == Origin::Socket(wanted));
    let answers = [("ping", "pong"), ("subscribe", "subscribed"), ("unsubscribe", "subscribed")];
    for message in spoken_by(Speaker::Client) {
        let answer = answers.iter().find(|(asked, _)| message.name == format!("{SOCKET}.{asked}"));
        let reply = answer.map(|(_, answer)| Reply {
            channel: channel(SOCKET),
            messages: vec![of_channel(SOCKET, &format!("{SOCKET}.{answer}"))],
        });
        let hear =
            socket_operation("receive", format!("Hear `{}` from a client", message.name), [message], reply);
        traffic.operations.insert(format!("hear.{}", message.name), hear);
    }
    let is_answer = |name: &str| answers.iter().any(|(_, answer)| name == format!("{SOCKET}.{answer}"));
    let unasked = spoken_by(Speaker::Server).filter(|message| !is_answer(&message.name));
    let tell = socket_operation("send", "Tell a client what happens".to_owned(), unasked, None);
    traffic.operations.insert(format!("tell.{SOCKET}"), tell);
}

fn socket_operation<'a>(
    action: &'static str,
    summary: String,
    messages: impl IntoIterator<Item = &'a DescribedMessage>,
    reply: Option<Reply>,
) -> Operation {
    let messages = messages.into_iter().map(|message| of_channel(SOCKET, &message.name)).collect();
    Operation { action, channel: channel(SOCKET), summary, messages, bindings: None, reply, status: None }
}

fn socket_binding() -> Value {
    json!({
        "method": "GET",
        "query": {
            "type": "object",
            "properties": {
                "ticket": {
                    "type": "string",
                    "description": "A ticket, as `POST /api/v1/ws/tickets` gives it: for browsers, which cannot send the header."
                },
                "since": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Resumes after this position."
                }
            }
        },
        "headers": {
            "type": "object",
            "properties": {
                "Authorization": {
                    "type": "string",
                    "description": "`Bearer` and an access token: for clients other than browsers, instead of a ticket."
                }
            }
        },
        "bindingVersion": "0.1.0"
    })
}

fn server(name: &str) -> Vec<Reference> {
    vec![Reference::to(format!("#/servers/{name}"))]
}

fn channel(name: &str) -> Reference {
    Reference::to(format!("#/channels/{name}"))
}

fn component(message: &str) -> Reference {
    Reference::to(format!("#/components/messages/{message}"))
}

fn of_channel(channel: &str, message: &str) -> Reference {
    Reference::to(format!("#/channels/{channel}/messages/{message}"))
}
