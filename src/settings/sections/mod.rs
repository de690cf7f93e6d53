//! The sections of the configuration: those of no module in particular, and a list of where the others are.
//!
//! A section belongs to the module whose concern it is, and is only named here.

mod metrics;
mod redis;
mod service;
mod supervision;

pub use crate::actors::accounts::{AuthSettings, PasswordHashSettings};
pub use crate::actors::broker::RabbitmqSettings;
pub use crate::actors::event_publisher::EventPublisherSettings;
pub use crate::actors::instance_directory::WorkerSettings;
pub use crate::actors::instances::QuotaSettings;
pub use crate::actors::kb_ingestor::KbIngestorSettings;
pub use crate::actors::knowledge::KnowledgeSettings;
pub use crate::actors::policies::PolicySettings;
pub use crate::actors::rate_limits::RateLimitsSettings;
pub use crate::actors::replayer::ReplayerSettings;
pub use crate::actors::retention::RetentionSettings;
pub use crate::actors::teams::TeamSettings;
pub use crate::actors::ws_sessions::WebsocketSettings;
pub use crate::embeddings::EmbeddingSettings;
pub use crate::http::{HttpSettings, ListenerSettings};
pub use crate::models::store::{PostgresSettings, StoreSettings};
pub use crate::outbound::OutboundSettings;
pub use metrics::MetricsSettings;
pub use redis::RedisSettings;
pub use service::{Role, ServiceSettings};
pub use supervision::SupervisionSettings;
