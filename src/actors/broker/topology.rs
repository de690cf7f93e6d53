//! Exchanges, queues and bindings as data (contract, section 7), and the one function that declares them.
//!
//! Queues are not free, a confirmed event costs about 50 µs more for each: what has no reader yet is not here yet.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use super::BusError;
use crate::models::key_pattern::topic_matches;
use crate::models::{ReplicaId, RoutingKey};

/// Where domain events are published.
pub const EVENTS: &str = "events.topic";
/// The control plane: the routing key is a replica's id.
pub const AGENTS: &str = "agents.direct";
/// Where RabbitMQ puts what was delivered too often.
pub const DEAD_LETTER_EXCHANGE: &str = "events.dlx";

/// A message that was delivered so often kills its consumers. With a prefetch of 32 at most, the connections that a
/// healthy message can lose by bad luck stay well below.
const DELIVERY_LIMIT: i32 = 20;

/// RabbitMQ 3 knows no other way to have none that RabbitMQ 4 understands, too.
const NO_DELIVERY_LIMIT: i32 = 1_000_000_000;

/// What a queue of one replica holds before the oldest goes. Its reader notices the hole and reads the event log.
const REPLICA_QUEUE_LENGTH_MAX: i32 = 100_000;

/// An exchange and what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeSpec {
    /// Its name.
    pub name: &'static str,
    /// How it routes: `topic` or `direct`.
    pub kind: &'static str,
    /// What it is for.
    pub purpose: &'static str,
}

/// Every exchange; all of them are durable.
pub const EXCHANGES: [ExchangeSpec; 3] = [
    ExchangeSpec { name: EVENTS, kind: "topic", purpose: "every event" },
    ExchangeSpec {
        name: AGENTS,
        kind: "direct",
        purpose: "orders from one replica to another; the routing key is the reader's id",
    },
    ExchangeSpec {
        name: DEAD_LETTER_EXCHANGE,
        kind: "topic",
        purpose: "what was delivered too often, under its own routing key",
    },
];

/// Who shares a queue, and so how it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One for all replicas: durable, replicated, with a delivery limit.
    Shared,
    /// The dead letters: durable, and without a limit of its own.
    DeadLetters,
    /// One replica's own: gone with its connection.
    Replica,
}

/// A queue and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name.
    pub name: String,
    /// How it is kept.
    pub kind: Kind,
    /// The exchange that fills it.
    pub exchange: &'static str,
    /// With which keys.
    pub keys: Vec<String>,
    /// Who reads it, and what for.
    pub purpose: &'static str,
}

/// The value of a queue's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Text(&'static str),
    /// A number.
    Number(i32),
}

/// Hints for instance supervisors.
pub fn instance_hints() -> QueueSpec {
    QueueSpec {
        name: "agents_worker.instance".to_owned(),
        kind: Kind::Shared,
        exchange: EVENTS,
        keys: vec!["instance.*".to_owned()],
        purpose: "Hints for the worker: which instance to look at. All workers share it.",
    }
}

/// Hints for readers of knowledge bases.
pub fn kb_ingest() -> QueueSpec {
    QueueSpec {
        name: "user_backend.kb_ingest".to_owned(),
        kind: Kind::Shared,
        exchange: EVENTS,
        keys: vec!["knowledge_base.entry.*".to_owned()],
        purpose: "Hints for the worker: entries of knowledge bases that may wait to be read. All workers share it.",
    }
}

/// What RabbitMQ gave up delivering.
pub fn dead_letters() -> QueueSpec {
    QueueSpec {
        name: "events.dead_letters".to_owned(),
        kind: Kind::DeadLetters,
        exchange: DEAD_LETTER_EXCHANGE,
        keys: vec!["#".to_owned()],
        purpose: "What was delivered too often. The broker role keeps it in Postgres, for administrators.",
    }
}

/// Every event, for the sockets of one replica.
pub fn socket_updates(replica: ReplicaId) -> QueueSpec {
    QueueSpec {
        name: format!("user_backend.ws_updates.{replica}"),
        kind: Kind::Replica,
        exchange: EVENTS,
        keys: vec!["#".to_owned()],
        purpose: "Every event, for the sockets of one replica of the user API.",
    }
}

/// Changes of the catalog, for the cache of one replica.
pub fn catalog_changes(replica: ReplicaId) -> QueueSpec {
    QueueSpec {
        name: format!("user_backend.catalog.{replica}"),
        kind: Kind::Replica,
        exchange: EVENTS,
        keys: vec!["agent.*".to_owned()],
        purpose: "Changes of the catalog, for the cache of one replica of the user API.",
    }
}

/// Orders for one replica's worker.
pub fn control(replica: ReplicaId) -> QueueSpec {
    QueueSpec {
        name: format!("agents_worker.control.{replica}"),
        kind: Kind::Replica,
        exchange: AGENTS,
        keys: vec![replica.to_string()],
        purpose: "Orders of other replicas for one worker. Each is answered by direct reply-to.",
    }
}

/// The queues that have to exist before the first event is published, readers or not.
pub fn durable_queues() -> Vec<QueueSpec> {
    vec![dead_letters(), instance_hints(), kb_ingest()]
}

/// Every queue that a replica knows of, its own included.
pub fn queues(replica: ReplicaId) -> Vec<QueueSpec> {
    let own = [socket_updates(replica), catalog_changes(replica), control(replica)];
    durable_queues().into_iter().chain(own).collect()
}

/// After how many deliveries a message of this queue becomes a dead letter, if it is one of ours.
pub fn delivery_limit(queue: &str) -> Option<i32> {
    let shared = durable_queues().into_iter().find(|known| known.name == queue && known.kind == Kind::Shared);
    shared.map(|_ours| DELIVERY_LIMIT)
}

/// Whether an event of this key must have found a queue: if RabbitMQ returns it, the topology has been lost.
pub fn has_durable_queue(key: &RoutingKey) -> bool {
    durable_queues().iter().any(|queue| queue.exchange == EVENTS && queue.takes(key))
}

/// Declares the exchanges and `queues`. Declaring what is there as it should be changes nothing.
///
/// # Errors
/// When the channel breaks, or something of that name is there and is kept differently (`PRECONDITION_FAILED`).
pub async fn declare(channel: &Channel, queues: &[QueueSpec]) -> Result<(), BusError> {
    for exchange in EXCHANGES {
        let kind = if exchange.kind == "direct" { ExchangeKind::Direct } else { ExchangeKind::Topic };
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(exchange.name.into(), kind, options, FieldTable::default()).await?;
    }
    for queue in queues {
        channel.queue_declare(queue.name.as_str().into(), queue.options(), queue.table()).await?;
        for key in &queue.keys {
            let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
            let (name, exchange) = (queue.name.as_str().into(), queue.exchange.into());
            channel.queue_bind(name, exchange, key.as_str().into(), options, arguments).await?;
        }
    }
    Ok(())
}

impl QueueSpec {
    /// Whether a message of this key comes here when it is published to the queue's exchange.
    pub fn takes(&self, key: &RoutingKey) -> bool {
        self.exchange != AGENTS && self.keys.iter().any(|pattern| topic_matches(pattern, key.as_str()))
    }

    /// The arguments that it is declared with, by name.
    pub fn arguments(&self) -> Vec<(&'static str, Argument)> {
        use Argument::{Number, Text};
        match self.kind {
            Kind::Shared => vec![
                ("x-queue-type", Text("quorum")),
                ("x-delivery-limit", Number(DELIVERY_LIMIT)),
                ("x-dead-letter-exchange", Text(DEAD_LETTER_EXCHANGE)),
                // Without the pair, a dead letter that cannot be routed at once is lost.
                ("x-dead-letter-strategy", Text("at-least-once")),
                ("x-overflow", Text("reject-publish")),
            ],
            // RabbitMQ 4 gives every quorum queue a limit of 20, past which what is here would be lost for good.
            Kind::DeadLetters => {
                vec![("x-queue-type", Text("quorum")), ("x-delivery-limit", Number(NO_DELIVERY_LIMIT))]
            }
            Kind::Replica => vec![("x-max-length", Number(REPLICA_QUEUE_LENGTH_MAX))],
        }
    }

    fn table(&self) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, argument) in self.arguments() {
            let value = match argument {
                Argument::Text(text) => AMQPValue::LongString(text.into()),
                Argument::Number(number) => AMQPValue::LongInt(number),
            };
            table.insert(name.into(), value);
        }
        table
    }

    fn options(&self) -> QueueDeclareOptions {
        let own = self.kind == Kind::Replica;
        QueueDeclareOptions {
            durable: !own,
            exclusive: own,
            auto_delete: own,
            ..QueueDeclareOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_that_a_durable_queue_waits_for_must_be_routed() {
        assert!(has_durable_queue(&RoutingKey::INSTANCE_CREATED));
        assert!(!has_durable_queue(&RoutingKey::KNOWLEDGE_BASE_CREATED));
    }
}
