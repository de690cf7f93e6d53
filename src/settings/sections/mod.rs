//! The sections of the configuration whose owners are not written yet.
//!
//! Each file moves, as it is, into the module that owns the concern (`models::store`, `actors::accounts`, `http`, …);
//! [`super::Settings`] then imports it from there. The files know [`crate::faults`] and [`crate::secret`] only.

mod metrics;
mod postgres;
mod redis;
mod service;
mod supervision;

pub use crate::actors::accounts::{AuthSettings, PasswordHashSettings};
pub use crate::actors::broker::RabbitmqSettings;
pub use crate::actors::event_publisher::EventPublisherSettings;
pub use crate::actors::instance_directory::WorkerSettings;
pub use crate::actors::ws_sessions::WebsocketSettings;
pub use crate::http::{HttpSettings, ListenerSettings};
pub use metrics::MetricsSettings;
pub use postgres::{PostgresSettings, StoreSettings};
pub use redis::RedisSettings;
pub use service::{Role, ServiceSettings};
pub use supervision::SupervisionSettings;
