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

/// What a queue of one replica holds before the oldest goes. Its reader notices the hole and reads the event log.
const REPLICA_QUEUE_LENGTH_MAX: i32 = 100_000;

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
    pub keys: &'static [&'static str],
}

/// Hints for instance supervisors.
pub fn instance_hints() -> QueueSpec {
    QueueSpec {
        name: "agents_worker.instance".to_owned(),
        kind: Kind::Shared,
        exchange: EVENTS,
        keys: &["instance.*"],
    }
}

/// What RabbitMQ gave up delivering.
pub fn dead_letters() -> QueueSpec {
    QueueSpec {
        name: "events.dead_letters".to_owned(),
        kind: Kind::DeadLetters,
        exchange: DEAD_LETTER_EXCHANGE,
        keys: &["#"],
    }
}

/// Every event, for the sockets of one replica.
pub fn socket_updates(replica: ReplicaId) -> QueueSpec {
    QueueSpec {
        name: format!("user_backend.ws_updates.{replica}"),
        kind: Kind::Replica,
        exchange: EVENTS,
        keys: &["#"],
    }
}

/// Changes of the catalog, for the cache of one replica.
pub fn catalog_changes(replica: ReplicaId) -> QueueSpec {
    QueueSpec {
        name: format!("user_backend.catalog.{replica}"),
        kind: Kind::Replica,
        exchange: EVENTS,
        keys: &["agent.*"],
    }
}

/// The queues that have to exist before the first event is published, readers or not.
pub fn durable_queues() -> Vec<QueueSpec> {
    vec![dead_letters(), instance_hints()]
}

/// Whether an event of this key must have found a queue: if RabbitMQ returns it, the topology has been lost.
pub fn has_durable_queue(key: &RoutingKey) -> bool {
    durable_queues()
        .iter()
        .filter(|queue| queue.exchange == EVENTS)
        .any(|queue| queue.keys.iter().any(|pattern| topic_matches(pattern, key.as_str())))
}

/// Declares the exchanges and `queues`. Declaring what is there as it should be changes nothing.
///
/// # Errors
/// When the channel breaks, or something of that name is there and is kept differently (`PRECONDITION_FAILED`).
pub async fn declare(channel: &Channel, queues: &[QueueSpec]) -> Result<(), BusError> {
    for (name, kind) in [
        (EVENTS, ExchangeKind::Topic),
        (AGENTS, ExchangeKind::Direct),
        (DEAD_LETTER_EXCHANGE, ExchangeKind::Topic),
    ] {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await?;
    }
    for queue in queues {
        channel.queue_declare(queue.name.as_str().into(), queue.options(), queue.arguments()).await?;
        for key in queue.keys {
            let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
            let (name, exchange) = (queue.name.as_str().into(), queue.exchange.into());
            channel.queue_bind(name, exchange, (*key).into(), options, arguments).await?;
        }
    }
    Ok(())
}

impl QueueSpec {
    fn options(&self) -> QueueDeclareOptions {
        let own = self.kind == Kind::Replica;
        QueueDeclareOptions {
            durable: !own,
            exclusive: own,
            auto_delete: own,
            ..QueueDeclareOptions::default()
        }
    }

    fn arguments(&self) -> FieldTable {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let mut arguments = FieldTable::default();
        match self.kind {
            Kind::Shared => {
                arguments.insert("x-queue-type".into(), text("quorum"));
                arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
                arguments.insert("x-dead-letter-exchange".into(), text(DEAD_LETTER_EXCHANGE));
                // Without the pair, a dead letter that cannot be routed at once is lost.
                arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
                arguments.insert("x-overflow".into(), text("reject-publish"));
            }
            Kind::DeadLetters => {
                arguments.insert("x-queue-type".into(), text("quorum"));
            }
            Kind::Replica => {
                arguments.insert("x-max-length".into(), AMQPValue::LongInt(REPLICA_QUEUE_LENGTH_MAX));
            }
        }
        arguments
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
