//! Reads queues for actors.

mod messages;

pub use messages::{Bound, BusEvent, Deliver, NotTaken};
