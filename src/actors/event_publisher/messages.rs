//! What the publisher understands.

use actix::Message;

/// There may be rows in the outbox. Sent by the notify listener; not answered.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct OutboxRang;
