//! The sections of the configuration whose owners are not written yet.
//!
//! Each file moves, as it is, into the module that owns the concern (`models::store`, `actors::accounts`, `http`, …);
//! [`super::Settings`] then imports it from there. The files know [`crate::faults`] and [`crate::secret`] only.

mod event_publisher;
mod metrics;
mod postgres;
mod rabbitmq;
mod redis;
mod service;
mod supervision;
mod websocket;
mod worker;

pub use crate::actors::accounts::{AuthSettings, PasswordHashSettings};
pub use event_publisher::EventPublisherSettings;
pub use metrics::MetricsSettings;
pub use crate::http::{HttpSettings, ListenerSettings};
pub use postgres::{PostgresSettings, StoreSettings};
pub use rabbitmq::RabbitmqSettings;
pub use redis::RedisSettings;
pub use service::{Role, ServiceSettings};
pub use supervision::SupervisionSettings;
pub use websocket::WebsocketSettings;
pub use worker::WorkerSettings;
