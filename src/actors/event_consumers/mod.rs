//! Reads queues for actors.

mod decode;
mod messages;

pub use decode::{Undecodable, decode};
pub use messages::{Bound, BusEvent, Deliver, NotTaken};
