//! Carries orders to other replicas and brings their replies back.
//!
//! - **Owns:** a connection to RabbitMQ, and the orders that are out: each knows its own reply by a correlation id.
//! - **Receives:** [`Carry`] from the directory of instances and from the administrators' registry.
//! - **Sends:** orders to `agents.direct`, mandatory and confirmed; it hears the replies by direct reply-to, without a queue.
//! - **Invariant:** an order is carried once and answered within its time: by the reply, or by why there is none. What is out
//!   at once is bounded by its handle.
//! - **On failure:** holds no truth; askers are told that the reply is lost, and ask again or let it be. While RabbitMQ is away
//!   it answers so at once, and connects again with backoff.

mod error;
mod line;
mod messages;

pub use error::CourierError;
pub use messages::Carry;

use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};
use tokio::time::timeout;

use super::broker::RabbitmqSettings;
use super::system::{Answer, AskLimits, Handle, Lifeline};
use crate::models::control::OrderReply;

use line::Line;

/// The one who carries.
pub struct Courier {
    line: Rc<Line>,
    rabbitmq: RabbitmqSettings,
    lifeline: Lifeline,
}

impl Courier {
    /// The name of its handle.
    pub const NAME: &'static str = "courier";

    /// What its handle should allow: an order is out for a second or so, and those who send many put up to 256 instances into
    /// each.
    pub const LIMITS: AskLimits = AskLimits { in_flight_max: 256, timeout: Duration::from_secs(5) };

    /// A handle to one that is not there yet.
    #[must_use]
    pub fn handle() -> Handle<Self> {
        Handle::new(Self::NAME, Self::LIMITS)
    }

    /// One that has not connected yet.
    #[must_use]
    pub fn new(rabbitmq: RabbitmqSettings, lifeline: Lifeline) -> Self {
        Self { line: Rc::default(), rabbitmq, lifeline }
    }
}

impl Actor for Courier {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let keep = self.line.clone().keep(self.rabbitmq.clone(), self.lifeline.clone());
        context.spawn(keep.into_actor(self));
        // With RabbitMQ away it is there all the same, and says so.
        self.lifeline.ready();
    }
}

impl Handler<Carry> for Courier {
    type Result = Answer<Result<OrderReply, CourierError>>;

    fn handle(&mut self, Carry { to, order, within }: Carry, _context: &mut Self::Context) -> Self::Result {
        let line = self.line.clone();
        self.lifeline.answer(async move {
            let carried = timeout(within, line.carry(to, &order)).await;
            carried.unwrap_or(Err(CourierError::Unanswered(within)))
        })
    }
}
