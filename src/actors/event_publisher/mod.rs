//! Turns committed outbox rows into events on RabbitMQ, in order, each at least once.
//!
//! - **Owns:** leadership among the replicas (an advisory lock on a connection of its own), the order of all events, and
//!   the cursor up to which everything is confirmed.
//! - **Receives:** [`OutboxRang`] from the notify listener; without it, it looks every second.
//! - **Sends:** confirmed, persistent, mandatory publishes to `events.topic`.
//! - **Invariant:** positions are given in one transaction before anything is published, without gaps, and in the order of
//!   revisions for each instance; the cursor never passes an event that RabbitMQ has not confirmed.
//! - **On failure:** the next leader sends again from cursor + 1. Nothing is lost; up to a window is sent twice.

mod leader;
mod leadership;
mod messages;
mod placer;
mod sender;
mod settings;
mod window;

pub use messages::OutboxRang;
pub(super) use sender::properties;
pub use settings::EventPublisherSettings;

use std::rc::Rc;

use actix::fut::ActorFutureExt;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Running, WrapFuture};
use tokio::sync::Notify;

use crate::actors::broker::RabbitmqSettings;
use crate::actors::system::Lifeline;
use crate::models::ReplicaId;
use crate::models::store::SharedDb;

/// What a publisher is made of.
#[derive(Debug, Clone)]
pub struct PublisherParts {
    /// Who it publishes for.
    pub replica: ReplicaId,
    /// The database whose outbox it empties.
    pub shared_db: SharedDb,
    /// The bus that it fills.
    pub rabbitmq: RabbitmqSettings,
    /// Its own settings.
    pub settings: EventPublisherSettings,
}

/// The publisher: leader or standby. Its work is one future, `leadership::serve`; the actor is its doorbell and its
/// place in the tree.
pub struct EventPublisher {
    parts: PublisherParts,
    lifeline: Lifeline,
    bell: Rc<Notify>,
    at_work: bool,
}

impl EventPublisher {
    /// The name of its handle.
    pub const NAME: &'static str = "event_publisher";

    /// A publisher that has not begun.
    pub fn new(parts: PublisherParts, lifeline: Lifeline) -> Self {
        Self { parts, lifeline, bell: Rc::new(Notify::new()), at_work: false }
    }
}

impl Actor for EventPublisher {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.at_work = true;
        let work = leadership::serve(self.parts.clone(), self.bell.clone(), self.lifeline.clone());
        context.spawn(work.into_actor(self).map(|(), publisher, context| {
            publisher.at_work = false;
            context.stop();
        }));
        self.lifeline.impaired("postgres: neither leading nor standing by yet");
        self.lifeline.ready();
    }

    /// Stays until the window is confirmed and the cursor saved: `serve` sees the same request to stop.
    fn stopping(&mut self, _context: &mut Self::Context) -> Running {
        if self.at_work { Running::Continue } else { Running::Stop }
    }
}

impl Handler<OutboxRang> for EventPublisher {
    type Result = ();

    fn handle(&mut self, _rang: OutboxRang, _context: &mut Self::Context) {
        self.bell.notify_one();
    }
}
