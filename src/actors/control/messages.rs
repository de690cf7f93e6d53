//! What the reader of orders says to the actor that it reads for.

use actix::Message;
use thiserror::Error;

use crate::models::control::{Order, OrderReply};

/// An order of another replica. Answered once it is taken in: the answer goes back to the sender, and the order is gone.
#[derive(Debug, Message)]
#[rtype(result = "Result<OrderReply, NotObeyed>")]
pub struct Obey {
    /// What is wanted.
    pub order: Order,
}

/// The order cannot be taken in; its sender is told why.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct NotObeyed(pub &'static str);
