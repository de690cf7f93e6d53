//! What the bell understands.

use actix::Message;

/// Something was committed that has outbox rows. Sent by every actor that writes; not answered.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Ring;
