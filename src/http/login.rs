//! Signing in, going on and signing out: the same bodies and the same answers at every listener.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use super::client_address::ClientAddress;
use super::fields::{Fields, ReadFields, text};
use super::identity::KnownToken;
use super::problem::Problem;
use crate::actors::accounts::{Accounts, Login, Logout, Refresh, SignedIn};
use crate::actors::rate_limits::RateLimiter;
use crate::actors::system::Handle;
use crate::models::{Origin, Role};
use crate::secret::Secret;

/// What somebody signs in with.
// No rules here: what keeps none of them is simply not an account.
#[derive(ToSchema)]
#[schema(example = json!({"username": "ada", "password": "correct horse battery"}))]
pub(super) struct Credentials {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

impl ReadFields for Credentials {
    fn read(fields: &mut Fields) -> Option<Self> {
        let username = fields.required("username", text);
        let password = fields.required("password", text).map(Secret::new);
        Some(Self { username: username?, password: password? })
    }
}

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens, example = json!({
    "access_token": "eyJhbGciOiJFZERTQSJ9...", "refresh_token": "kq2Zr0...", "token_type": "Bearer", "expires_in": 900
}))]
pub(super) struct TokensView {
    /// Goes into `Authorization: Bearer ...`.
    access_token: String,
    /// Keep it secret.
    refresh_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// For how many seconds the access token is good.
    #[schema(minimum = 1)]
    expires_in: u64,
}

impl From<SignedIn> for TokensView {
    fn from(tokens: SignedIn) -> Self {
        let SignedIn { access_token, refresh_token, expires_in_seconds } = tokens;
        Self { access_token, refresh_token, token_type: "Bearer", expires_in: expires_in_seconds }
    }
}

/// Signs in at a door that asks for the role `needs`, if it asks for one.
pub(super) async fn sign_in(
    accounts: &Handle<Accounts>,
    limiter: &RateLimiter,
    client: ClientAddress,
    credentials: Credentials,
    needs: Option<Role>,
    origin: Origin,
) -> Result<HttpResponse, Problem> {
    let Credentials { username, password } = credentials;
    limiter.admit_account(&username, client.0)?;

    let tokens = accounts.ask(Login { username, password, needs, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(no_store()).json(TokensView::from(tokens)))
}

/// What a session goes on with.
#[derive(ToSchema)]
#[schema(example = json!({"refresh_token": "kq2Zr0..."}))]
pub(super) struct RefreshToken {
    /// As it was given; good for one call.
    #[schema(value_type = String, format = Password)]
    refresh_token: Secret,
}

impl ReadFields for RefreshToken {
    fn read(fields: &mut Fields) -> Option<Self> {
        let token = fields.required("refresh_token", text).map(Secret::new);
        Some(Self { refresh_token: token? })
    }
}

/// Gives new tokens for a refresh token at a door that asks for the role `needs`, if it asks for one.
pub(super) async fn renew(
    accounts: &Handle<Accounts>,
    RefreshToken { refresh_token: token }: RefreshToken,
    needs: Option<Role>,
    origin: Origin,
) -> Result<HttpResponse, Problem> {
    let tokens = accounts.ask(Refresh { token, needs, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(no_store()).json(TokensView::from(tokens)))
}

/// Sign out
///
/// Ends the session of the access token: neither its access tokens nor its refresh token are good for anything from now on, on
/// any replica, and its sockets are closed with 4401. It may be said again.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "Accounts", operation_id = "logOut", security(("bearer" = [])),
    responses((status = 204, description = "The session is over."))
)]
pub(super) async fn sign_out(
    KnownToken(principal): KnownToken,
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
) -> Result<HttpResponse, Problem> {
    accounts.ask(Logout { principal, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// For answers that hold a secret.
pub(super) fn no_store() -> (actix_web::http::header::HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
