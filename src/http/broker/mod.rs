//! The broker's API: what is told, how far publishing is, and (later) replays. Health, readiness and measurements are on
//! every listener, and so on this one.

mod document;
mod schema;

pub use document::document;

use actix_web::web::ServiceConfig;

use super::document::mount;
use super::ops::{get, resource};
use super::under_prefix;

/// Mounts it. The outbox and its replays have their place here, for administrators.
pub fn configure(config: &mut ServiceConfig) {
    mount(config, &document());
    schema::keep(config);
    under_prefix(config, routes);
}

fn routes(config: &mut ServiceConfig) {
    config.service(resource("/events/schema", "GET, HEAD").route(get().to(schema::show)));
}
