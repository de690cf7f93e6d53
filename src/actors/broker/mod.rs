//! RabbitMQ: how to reach it, and what has to be declared there.

mod addresses;
mod connection;
pub mod envelope;
mod settings;
pub mod topology;

pub use addresses::Addresses;
pub use connection::{BusError, connect};
pub use settings::RabbitmqSettings;

/// The header of a message that names the request which it followed from.
pub(super) const REQUEST_ID: &str = "request_id";

/// The header of a message that says where in a trace that request stood.
pub(super) const TRACEPARENT: &str = "traceparent";
