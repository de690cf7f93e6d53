//! Signing in: the same body and the same answer at every listener.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use serde::Serialize;

use super::fields::{Fields, ReadFields, text};
use super::problem::Problem;
use crate::actors::accounts::{Accounts, Login, SignedIn};
use crate::actors::rate_limits::RateLimiter;
use crate::actors::system::Handle;
use crate::models::Role;
use crate::secret::Secret;

/// What somebody signs in with. No rules here: what keeps none of them is simply not an account.
pub(super) struct Credentials {
    username: String,
    password: Secret,
}

impl ReadFields for Credentials {
    fn read(fields: &mut Fields) -> Option<Self> {
        let username = fields.required("username", text);
        let password = fields.required("password", text).map(Secret::new);
        Some(Self { username: username?, password: password? })
    }
}

/// The tokens, as they are shown.
#[derive(Serialize)]
struct TokensView {
    access_token: String,
    refresh_token: String,
    token_type: &'static str,
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
    credentials: Credentials,
    needs: Option<Role>,
) -> Result<HttpResponse, Problem> {
    let Credentials { username, password } = credentials;
    limiter.admit_account(&username)?;

    let tokens = accounts.ask(Login { username, password, needs }).await?;

    Ok(HttpResponse::Ok().insert_header(no_store()).json(TokensView::from(tokens)))
}

/// For answers that hold a secret.
pub(super) fn no_store() -> (actix_web::http::header::HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("no-store"))
}
