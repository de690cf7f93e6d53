//! The broker's API: how far publishing is, and (later) replays. Health, readiness and measurements are on every
//! listener, and so on this one.

use actix_web::web::ServiceConfig;

/// Mounts it. The outbox and its replays have their place here, for administrators.
pub fn configure(_config: &mut ServiceConfig) {}
