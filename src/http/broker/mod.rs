//! The broker's API, for administrators: how far publishing is, and replays. What is told at all is open to everybody, as
//! health, readiness and measurements are, which every listener has.

mod document;
mod outbox;
mod replays;
mod schema;

pub use document::document;

use actix_web::web::{self, Data, ServiceConfig};

use super::document::mount;
use super::identity::Identities;
use super::ops::{get, resource};
use super::under_prefix;
use crate::actors::replayer::Replayer;
use crate::actors::system::Handle;

/// What the broker's API stands on.
#[derive(Clone)]
pub struct BrokerApi {
    /// Checks credentials; administrators sign in at their own listener.
    pub identities: Identities,
    /// Knows the outbox, and replays.
    pub replayer: Handle<Replayer>,
}

/// Mounts it.
pub fn configure(config: &mut ServiceConfig, api: &BrokerApi) {
    let BrokerApi { identities, replayer } = api.clone();
    config.app_data(Data::new(identities)).app_data(Data::new(replayer));
    mount(config, &document());
    schema::keep(config);
    under_prefix(config, routes);
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/outbox", "GET, HEAD").route(get().to(outbox::show)))
        .service(resource("/events/replay", "POST").route(web::post().to(replays::start)))
        .service(resource("/events/replays/{id}", "GET, HEAD").route(get().to(replays::show)))
        .service(resource("/events/replays/{id}/cancel", "POST").route(web::post().to(replays::cancel)))
        .service(resource("/events/schema", "GET, HEAD").route(get().to(schema::show)));
}
