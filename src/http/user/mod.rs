//! The users' API.

mod accounts;
mod agents;
mod api_keys;
mod document;
mod events;
mod history;
mod instances;
mod keys;
mod knowledge;
mod members;
mod teams;
mod usage;
mod view;
mod ws;

pub use document::document;
pub use knowledge::UploadLimits;
pub use ws::SocketDoor;

use actix_web::web::{self, Data, ServiceConfig};

use super::document::mount;
use super::identity::Identities;
use super::login::sign_out;
use super::ops::{get, resource};
use super::under_prefix;
use crate::actors::accounts::Accounts;
use crate::actors::catalog::CatalogView;
use crate::actors::instances::Instances;
use crate::actors::knowledge::Knowledge;
use crate::actors::system::Handle;
use crate::actors::teams::Teams;

/// What the users' API stands on.
#[derive(Clone)]
pub struct UserApi {
    /// Sign-up, sign-in, accounts, tickets.
    pub accounts: Handle<Accounts>,
    /// Checks credentials.
    pub identities: Identities,
    /// What is on offer.
    pub catalog: CatalogView,
    /// Users' instances.
    pub instances: Handle<Instances>,
    /// Knowledge bases of instances.
    pub knowledge: Handle<Knowledge>,
    /// What is taken of files.
    pub uploads: UploadLimits,
    /// Teams.
    pub teams: Handle<Teams>,
    /// Sockets and event streams.
    pub sockets: SocketDoor,
}

/// Mounts it.
pub fn configure(config: &mut ServiceConfig, api: &UserApi) {
    let UserApi { accounts, identities, catalog, instances, knowledge, uploads, teams, sockets } =
        api.clone();
    config
        .app_data(Data::new(accounts))
        .app_data(Data::new(identities.api_keys.clone()))
        .app_data(Data::new(identities))
        .app_data(Data::new(catalog))
        .app_data(Data::new(instances))
        .app_data(Data::new(knowledge))
        .app_data(Data::new(uploads))
        .app_data(Data::new(teams))
        .app_data(Data::new(sockets));
    mount(config, &document());
    config.service(resource("/.well-known/jwks.json", "GET, HEAD").route(get().to(keys::show)));
    under_prefix(config, |config| {
        routes(config);
        knowledge::routes(config);
    });
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/auth/register", "POST").route(web::post().to(accounts::register)))
        .service(resource("/auth/login", "POST").route(web::post().to(accounts::login)))
        .service(resource("/auth/refresh", "POST").route(web::post().to(accounts::refresh)))
        .service(resource("/auth/password-reset", "POST").route(web::post().to(accounts::reset_password)))
        .service(resource("/auth/logout", "POST").route(web::post().to(sign_out)))
        .service(
            resource("/users/me", "GET, HEAD, PATCH, DELETE")
                .route(get().to(accounts::me))
                .route(web::patch().to(accounts::change))
                .route(web::delete().to(accounts::close)),
        )
        .service(resource("/users/me/password", "POST").route(web::post().to(accounts::change_password)))
        .service(
            resource("/api-keys", "GET, HEAD, POST")
                .route(get().to(api_keys::list))
                .route(web::post().to(api_keys::create)),
        )
        .service(resource("/api-keys/{id}", "DELETE").route(web::delete().to(api_keys::revoke)))
        .service(resource("/api-keys/{id}/rotate", "POST").route(web::post().to(api_keys::rotate)))
        .service(resource("/usage", "GET, HEAD").route(get().to(usage::show)))
        .service(resource("/events", "GET").route(web::get().to(events::open)))
        .service(resource("/ws", "GET").route(web::get().to(ws::open)))
        .service(resource("/ws/tickets", "POST").route(web::post().to(accounts::issue_ticket)))
        .service(resource("/agents", "GET, HEAD").route(get().to(agents::list)))
        .service(resource("/agents/{id}", "GET, HEAD").route(get().to(agents::show)))
        .service(
            resource("/instances", "GET, HEAD, POST")
                .route(get().to(instances::list))
                .route(web::post().to(instances::create)),
        )
        .service(
            resource("/instances/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(instances::show))
                .route(web::patch().to(instances::change))
                .route(web::delete().to(instances::delete)),
        )
        .service(resource("/instances/{id}/stop", "POST").route(web::post().to(instances::stop)))
        .service(resource("/instances/{id}/start", "POST").route(web::post().to(instances::start)))
        .service(resource("/instances/{id}/explain", "GET, HEAD").route(get().to(instances::explain)))
        .service(resource("/instances/{id}/events", "GET, HEAD").route(get().to(history::list)))
        .service(
            resource("/teams", "GET, HEAD, POST")
                .route(get().to(teams::list))
                .route(web::post().to(teams::create)),
        )
        .service(
            resource("/teams/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(teams::show))
                .route(web::patch().to(teams::change))
                .route(web::delete().to(teams::delete)),
        )
        .service(
            resource("/teams/{id}/members/{user_id}", "PUT, DELETE")
                .route(web::put().to(members::put))
                .route(web::delete().to(members::remove)),
        );
}
