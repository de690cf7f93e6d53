//! What the courier is given.

use std::time::Duration;

use actix::Message;

use super::CourierError;
use crate::models::ReplicaId;
use crate::models::control::{Order, OrderReply};

/// Brings an order to another replica and comes back with its reply. Sent by the directory and by the administrators' registry.
#[derive(Debug, Message)]
#[rtype(result = "Result<OrderReply, CourierError>")]
pub struct Carry {
    /// To whom.
    pub to: ReplicaId,
    /// What.
    pub order: Order,
    /// How long the reply may take.
    pub within: Duration,
}
