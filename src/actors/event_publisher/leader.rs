//! The leader's two halves, side by side: one gives positions (Postgres only), one publishes (RabbitMQ, and the log where
//! it has fallen behind). Neither waits for the other, so positions are given while RabbitMQ is away.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::PublisherParts;
use super::placer::Placer;
use super::sender::Sender;
use crate::actors::system::Lifeline;
use crate::models::StoredEvent;
use crate::models::store::publisher::{self, Leadership};
use crate::models::store::{OwnConnection, SharedSide, StoreError};

/// Batches that the sender may lag behind before it has to read the log instead.
const BATCHES_AHEAD_MAX: usize = 8;

/// How long an orderly stop waits for the confirms that are still out.
const LAST_CONFIRMS: Duration = Duration::from_secs(1);

/// What both halves know.
#[derive(Clone)]
pub(super) struct Progress {
    /// The last position that was given to a row.
    pub(super) placed: Rc<Cell<i64>>,
    /// The last position up to which RabbitMQ has confirmed everything.
    pub(super) confirmed: Rc<Cell<i64>>,
}

/// Leads until it is asked to stop; anything else is an error, that of a raised epoch included.
pub(super) async fn lead(
    parts: &PublisherParts,
    connection: &OwnConnection<SharedSide>,
    lead: Leadership,
    bell: &Notify,
    lifeline: &Lifeline,
) -> Result<(), StoreError> {
    let progress = Progress {
        placed: Rc::new(Cell::new(lead.last_position)),
        confirmed: Rc::new(Cell::new(lead.published_position)),
    };
    let (ahead, behind) = mpsc::channel::<Vec<StoredEvent>>(BATCHES_AHEAD_MAX);
    let placer = Placer::new(parts, connection, lead.epoch, progress.clone(), ahead);
    let mut sender = Sender::new(parts, connection, progress.clone(), behind);
    tokio::select! {
        asked_to_stop = placer.run(bell, lifeline) => asked_to_stop?,
        error = sender.run(lifeline) => return Err(error),
    }
    // What is confirmed by then need not be sent again by whoever leads next.
    if timeout(LAST_CONFIRMS, sender.drain()).await.is_err() {
        tracing::info!("some events are not confirmed; the next leader sends them again");
    }
    publisher::advance(connection, lead.epoch, progress.confirmed.get()).await
}
