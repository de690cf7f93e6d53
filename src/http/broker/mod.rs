//! The broker's API: how far publishing is, and (later) replays. Health, readiness and measurements are on every
//! listener, and so on this one.

mod document;

pub use document::document;

use actix_web::web::ServiceConfig;

use super::document::mount;

/// Mounts it. The outbox and its replays have their place here, for administrators.
pub fn configure(config: &mut ServiceConfig) {
    mount(config, &document());
}
