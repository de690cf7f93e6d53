//! The administrators' API.

mod agents;
mod document;

pub use document::document;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};

use super::document::mount;
use super::extract::Body;
use super::login::{Credentials, TokensView, sign_in};
use super::ops::{get, resource};
use super::problem::Problem;
use super::under_prefix;
use crate::actors::accounts::{Accounts, Tokens};
use crate::actors::catalog_editor::CatalogEditor;
use crate::actors::system::Handle;
use crate::models::Role;

/// What the administrators' API stands on.
#[derive(Clone)]
pub struct AdminApi {
    /// Sign-in.
    pub accounts: Handle<Accounts>,
    /// Checks access tokens.
    pub tokens: Tokens,
    /// Writes the catalog.
    pub catalog_editor: Handle<CatalogEditor>,
}

/// Mounts it.
pub fn configure(config: &mut ServiceConfig, api: &AdminApi) {
    let AdminApi { accounts, tokens, catalog_editor } = api.clone();
    config.app_data(Data::new(accounts)).app_data(Data::new(tokens)).app_data(Data::new(catalog_editor));
    mount(config, &document());
    under_prefix(config, routes);
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/auth/login", "POST").route(web::post().to(login)))
        .service(
            resource("/agents", "GET, HEAD, POST")
                .route(get().to(agents::list))
                .route(web::post().to(agents::create)),
        )
        .service(
            resource("/agents/{id}", "GET, HEAD, DELETE")
                .route(get().to(agents::show))
                .route(web::delete().to(agents::delete)),
        )
        .service(resource("/agents/{id}/publish", "POST").route(web::post().to(agents::publish)))
        .service(resource("/agents/{id}/retire", "POST").route(web::post().to(agents::retire)));
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
    accounts: Data<Handle<Accounts>>,
    Body(credentials): Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    sign_in(&accounts, credentials, Some(Role::Admin)).await
}
