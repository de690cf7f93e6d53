//! The administrators' API.

mod agents;
mod audit;
mod audit_view;
mod dead_letters;
mod document;
mod import;
mod instances;
mod users;
mod versions;
mod view;

pub use document::document;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};

use super::client_address::ClientAddress;
use super::document::mount;
use super::extract::Body;
use super::identity::Identities;
use super::login::{Credentials, RefreshToken, TokensView, renew, sign_in, sign_out};
use super::ops::{get, resource};
use super::problem::Problem;
use super::under_prefix;
use crate::actors::accounts::Accounts;
use crate::actors::audit_trail::AuditTrail;
use crate::actors::catalog_editor::CatalogEditor;
use crate::actors::dead_letter_registry::DeadLetterRegistry;
use crate::actors::instance_registry::InstanceRegistry;
use crate::actors::rate_limits::RateLimiter;
use crate::actors::system::Handle;
use crate::actors::user_registry::UserRegistry;
use crate::models::{Origin, Role};

/// What the administrators' API stands on.
#[derive(Clone)]
pub struct AdminApi {
    /// Sign-in.
    pub accounts: Handle<Accounts>,
    /// Checks credentials.
    pub identities: Identities,
    /// Writes the catalog.
    pub catalog_editor: Handle<CatalogEditor>,
    /// Everybody's instances.
    pub instance_registry: Handle<InstanceRegistry>,
    /// What could not be digested.
    pub dead_letter_registry: Handle<DeadLetterRegistry>,
    /// Everybody's accounts.
    pub user_registry: Handle<UserRegistry>,
    /// Who changed what.
    pub audit_trail: Handle<AuditTrail>,
}

/// Mounts it.
pub fn configure(config: &mut ServiceConfig, api: &AdminApi) {
    let AdminApi {
        accounts,
        identities,
        catalog_editor,
        instance_registry,
        dead_letter_registry,
        user_registry,
        audit_trail,
    } = api.clone();
    config
        .app_data(Data::new(accounts))
        .app_data(Data::new(identities))
        .app_data(Data::new(catalog_editor))
        .app_data(Data::new(instance_registry))
        .app_data(Data::new(dead_letter_registry))
        .app_data(Data::new(user_registry))
        .app_data(Data::new(audit_trail));
    mount(config, &document());
    under_prefix(config, routes);
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/auth/login", "POST").route(web::post().to(login)))
        .service(resource("/auth/refresh", "POST").route(web::post().to(refresh)))
        .service(resource("/auth/logout", "POST").route(web::post().to(sign_out)))
        .service(
            resource("/agents", "GET, HEAD, POST")
                .route(get().to(agents::list))
                .route(web::post().to(agents::create)),
        )
        .service(resource("/agents/import", "POST").route(web::post().to(import::import)))
        .service(
            resource("/agents/{id}", "GET, HEAD, PUT, PATCH, DELETE")
                .route(get().to(agents::show))
                .route(web::put().to(agents::replace))
                .route(web::patch().to(agents::change))
                .route(web::delete().to(agents::delete)),
        )
        .service(resource("/agents/{id}/versions", "GET, HEAD").route(get().to(versions::list)))
        .service(resource("/agents/{id}/publish", "POST").route(web::post().to(agents::publish)))
        .service(resource("/agents/{id}/retire", "POST").route(web::post().to(agents::retire)))
        .service(resource("/instances", "GET, HEAD").route(get().to(instances::list)))
        .service(resource("/instances/{id}", "GET, HEAD").route(get().to(instances::show)))
        .service(resource("/instances/{id}/explain", "GET, HEAD").route(get().to(instances::explain)))
        .service(resource("/instances/{id}/stop", "POST").route(web::post().to(instances::stop)))
        .service(resource("/instances/{id}/start", "POST").route(web::post().to(instances::start)))
        .service(resource("/instances/{id}/requeue", "POST").route(web::post().to(instances::requeue)))
        .service(resource("/users", "GET, HEAD").route(get().to(users::list)))
        .service(
            resource("/users/{id}", "GET, HEAD, PATCH")
                .route(get().to(users::show))
                .route(web::patch().to(users::change)),
        )
        .service(resource("/users/{id}/password-reset", "POST").route(web::post().to(users::reset_password)))
        .service(resource("/audit", "GET, HEAD").route(get().to(audit::list)))
        .service(resource("/audit/verify", "GET, HEAD").route(get().to(audit::verify)))
        .service(resource("/audit/export", "GET, HEAD").route(get().to(audit::export)))
        .service(resource("/dead-letters", "GET, HEAD").route(get().to(dead_letters::list)))
        .service(resource("/dead-letters/replay", "POST").route(web::post().to(dead_letters::replay_many)))
        .service(
            resource("/dead-letters/{id}", "GET, HEAD, DELETE")
                .route(get().to(dead_letters::show))
                .route(web::delete().to(dead_letters::discard)),
        )
        .service(resource("/dead-letters/{id}/replay", "POST").route(web::post().to(dead_letters::replay)));
}

/// Sign in
///
/// As at the user API, for administrators only.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "Accounts", operation_id = "logIn", security(()),
    request_body = Credentials,
    responses((status = 200, description = "The tokens of a new session. They are not to be cached.", body = TokensView)),
    extensions(("x-problems" = json!(["invalid_credentials", "forbidden"])))
)]
async fn login(
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    limiter: Data<RateLimiter>,
    client: ClientAddress,
    Body(credentials): Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    sign_in(&accounts, &limiter, client, credentials, Some(Role::Admin), origin).await
}

/// Go on with a session
///
/// As at the user API, for administrators only: a token of anybody else is refused, and not spent by that.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", tag = "Accounts", operation_id = "refresh", security(()),
    request_body = RefreshToken,
    responses((status = 200, description = "New tokens. They are not to be cached.", body = TokensView)),
    extensions(("x-problems" = json!(["invalid_refresh_token", "refresh_token_reused", "forbidden"])))
)]
async fn refresh(
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    Body(token): Body<RefreshToken>,
) -> Result<HttpResponse, Problem> {
    renew(&accounts, token, Some(Role::Admin), origin).await
}
