//! What could not be digested: brings it from RabbitMQ to Postgres, and back to its queue when an administrator wishes so. Two
//! children of the broker role; any number of replicas may have them.
//!
//! - **Owns:** the queue `events.dead_letters`, and the redriving of letters; the rows are the truth of both.
//! - **Receives:** what RabbitMQ has given up; wishes, which are in the rows of `dead_letters` and ring `redrives_wished`.
//! - **Sends:** rows; and confirmed, persistent publishes to the one queue that a letter died in, by its name.
//! - **Invariant:** a letter leaves the queue after its row is committed, and a wish leaves its row after the queue has
//!   confirmed; a letter is redriven to the queue that it died in and to no other.
//! - **On failure:** what was not acknowledged comes again, and one death makes one row. What was sent and not marked is sent
//!   again: one letter of each replica that was killed, and each one that its queue did not confirm in time, when the others
//!   have had their turn.

mod drain;
mod redriver;

use std::time::Duration;

use super::broker::{RabbitmqSettings, topology};
use super::event_consumers::{ConsumerSettings, queue_reader};
use super::system::{Child, ChildSpec};
use crate::models::store::SharedDb;

pub use redriver::RedriverParts;

/// Letters that are held at once. A stranger's may be as large as RabbitMQ allows, so few.
const PREFETCH: u16 = 8;

/// A child that drains `events.dead_letters` into the table. With Postgres away it holds the letters back.
pub fn drain(spec: ChildSpec, rabbitmq: RabbitmqSettings, shared_db: SharedDb) -> Child {
    let settings = ConsumerSettings { rabbitmq, prefetch: PREFETCH };
    queue_reader(spec, settings, topology::dead_letters(), drain::Drain, shared_db)
}

/// A child that sends letters again.
pub fn redriver(spec: ChildSpec, parts: RedriverParts) -> Child {
    Child::new(spec, move |lifeline| Box::pin(redriver::live(parts.clone(), lifeline)))
}

/// How often is looked for wishes without a bell, and how long one that was lost delays them.
const TICK: Duration = Duration::from_secs(1);

/// How often the open letters are counted.
const COUNT_EVERY: Duration = Duration::from_secs(10);
