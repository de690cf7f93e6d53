//! Reads queues for actors: one consumer per queue, each with a connection of its own.
//!
//! - **Owns:** the connection, and the deliveries that are not acknowledged yet.
//! - **Receives:** nothing.
//! - **Sends:** [`Bound`] and [`Deliver`] to the actor that it reads for.
//! - **Invariant:** a delivery is acknowledged after the actor has answered `Ok`, or as a dead letter after its row is
//!   committed; the order of the queue is kept.
//! - **On failure:** RabbitMQ delivers again what was not acknowledged. An event over which the actor dies again and again
//!   becomes a dead letter, so that it falls alone.

mod consumer;
mod decode;
mod events;
mod letter;
mod messages;

pub use consumer::ConsumerSettings;
pub(in crate::actors) use consumer::{Desk, Leaving, Reader, queue_reader};
pub use decode::{Undecodable, decode};
pub use events::consumer;
pub(in crate::actors) use letter::{Death, letter, published_as};
pub use messages::{Bound, BusEvent, Deliver, NotTaken};
