//! Reads queues for actors: one consumer per queue, each with a connection of its own.
//!
//! - **Owns:** the connection, and the deliveries that are not acknowledged yet.
//! - **Receives:** nothing.
//! - **Sends:** [`Bound`] and [`Deliver`] to the actor that it reads for.
//! - **Invariant:** a delivery is acknowledged after the actor has answered `Ok`, or as a dead letter after its row is
//!   committed; the order of the queue is kept.
//! - **On failure:** RabbitMQ delivers again what was not acknowledged.

mod consumer;
mod decode;
mod messages;

pub use consumer::{ConsumerSettings, consumer};
pub use decode::{Undecodable, decode};
pub use messages::{Bound, BusEvent, Deliver, NotTaken};
