//! The broker's API, for administrators: how far publishing is, and replays. Health, readiness and measurements are on every
//! listener, and so on this one; they ask nobody who they are.

mod document;
mod outbox;
mod replays;

pub use document::document;

use actix_web::web::{self, Data, ServiceConfig};

use super::document::mount;
use super::ops::{get, resource};
use super::under_prefix;
use crate::actors::accounts::Tokens;
use crate::actors::replayer::Replayer;
use crate::actors::system::Handle;

/// What the broker's API stands on.
#[derive(Clone)]
pub struct BrokerApi {
    /// Checks access tokens; administrators sign in at their own listener.
    pub tokens: Tokens,
    /// Knows the outbox, and replays.
    pub replayer: Handle<Replayer>,
}

/// Mounts it.
pub fn configure(config: &mut ServiceConfig, api: &BrokerApi) {
    let BrokerApi { tokens, replayer } = api.clone();
    config.app_data(Data::new(tokens)).app_data(Data::new(replayer));
    mount(config, &document());
    under_prefix(config, routes);
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/outbox", "GET, HEAD").route(get().to(outbox::show)))
        .service(resource("/events/replay", "POST").route(web::post().to(replays::start)))
        .service(
            resource("/events/replays/{id}", "GET, HEAD, DELETE")
                .route(get().to(replays::show))
                .route(web::delete().to(replays::cancel)),
        );
    // `/events/schema` has its place here.
}
