//! RabbitMQ: how to reach it, and what has to be declared there.

mod connection;
mod settings;
pub mod topology;

pub use connection::{BusError, connect};
pub use settings::RabbitmqSettings;
