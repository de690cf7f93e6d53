//! Accounts, sessions and tickets.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::view::UserView;
use crate::actors::accounts::{
    Accounts, ChangePassword, CloseAccount, FindUser, IssueTicket, PatchUser, Register, ResetPassword, rules,
};
use crate::actors::rate_limits::RateLimiter;
use crate::actors::system::Handle;
use crate::http::client_address::ClientAddress;
use crate::http::conditional::{EntityTag, IfMatch, IfNoneMatch};
use crate::http::extract::Body;
use crate::http::fields::{Fields, ReadFields, text};
use crate::http::identity::{Caller, needs};
use crate::http::login::{Credentials, RefreshToken, TokensView, no_store, renew, sign_in};
use crate::http::problem::Problem;
use crate::models::{Origin, User, UserId, UserPatch};
use crate::secret::Secret;

/// Somebody new.
#[derive(ToSchema)]
#[schema(example = json!({"username": "ada", "password": "correct horse battery", "email": "ada@example.org"}))]
pub(super) struct Registration {
    /// 3 to 255 characters without the space around them, none of them a control character or `İ`. Upper and lower
    /// case are the same name.
    #[schema(
        min_length = 3,
        max_length = 255,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f\u0130][^\u0000-\u001f\u007f-\u009f\u0130]*[^\s\u0000-\u001f\u007f-\u009f\u0130]$"
    )]
    username: String,
    /// 8 to 1,024 bytes of UTF-8, taken as they are.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Secret,
    /// An address without spaces, in nobody else's account.
    #[schema(
        max_length = 320,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]+@[^\s\u0000-\u001f\u007f-\u009f]+$"
    )]
    email: Option<String>,
}

impl ReadFields for Registration {
    fn read(fields: &mut Fields) -> Option<Self> {
        let username = fields.required("username", |value| rules::username(&text(value)?));
        let password = fields.required("password", |value| rules::password(text(value)?));
        let email = fields.nullable("email", |value| rules::email(&text(value)?));
        Some(Self { username: username?, password: password?, email: email? })
    }
}

/// What is to be otherwise about an account; what is left out stays as it is.
#[derive(ToSchema)]
#[schema(example = json!({"username": "ada.lovelace", "email": null}))]
pub(super) struct AccountChange {
    /// As at registration.
    #[schema(
        nullable = false,
        min_length = 3,
        max_length = 255,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f\u0130][^\u0000-\u001f\u007f-\u009f\u0130]*[^\s\u0000-\u001f\u007f-\u009f\u0130]$"
    )]
    username: Option<String>,
    /// As at registration; `null` takes the address away.
    #[schema(
        value_type = Option<String>,
        max_length = 320,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]+@[^\s\u0000-\u001f\u007f-\u009f]+$"
    )]
    email: Option<Option<String>>,
}

impl ReadFields for AccountChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        let username = fields.optional("username", |value| rules::username(&text(value)?));
        let email = fields.optional("email", |value| match value {
            Value::Null => Ok(None),
            value => rules::email(&text(value)?).map(Some),
        });
        Some(Self { username: username?, email: email? })
    }
}

/// Another password, and the proof that the present one is known.
#[derive(ToSchema)]
#[schema(example = json!({"current_password": "correct horse battery", "new_password": "staple correct horse"}))]
pub(super) struct PasswordChange {
    /// What you signed in with.
    #[schema(value_type = String, format = Password)]
    current_password: Secret,
    /// 8 to 1,024 bytes of UTF-8, taken as they are.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    new_password: Secret,
}

impl ReadFields for PasswordChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        let current_password = fields.required("current_password", text).map(Secret::new);
        let new_password = fields.required("new_password", |value| rules::password(text(value)?));
        Some(Self { current_password: current_password?, new_password: new_password? })
    }
}

/// Another password for whoever has lost theirs.
#[derive(ToSchema)]
#[schema(as = PasswordReset, example = json!({"token": "kq2Zr0...", "new_password": "staple correct horse"}))]
pub(super) struct PasswordReset {
    /// As an administrator has handed it over; good once.
    #[schema(value_type = String, format = Password)]
    token: Secret,
    /// 8 to 1,024 bytes of UTF-8, taken as they are.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    new_password: Secret,
}

impl ReadFields for PasswordReset {
    fn read(fields: &mut Fields) -> Option<Self> {
        let token = fields.required("token", text).map(Secret::new);
        let new_password = fields.required("new_password", |value| rules::password(text(value)?));
        Some(Self { token: token?, new_password: new_password? })
    }
}

/// Names the state that an account is in.
fn tag(user: &User) -> EntityTag {
    EntityTag::of_revision(user.id, user.state())
}

/// The state that the caller has seen, if it makes that a condition.
async fn expected(seen: &IfMatch, accounts: &Handle<Accounts>, id: UserId) -> Result<Option<i64>, Problem> {
    let current = async || Ok(accounts.ask(FindUser { id }).await?.state());
    seen.revision(id, current).await
}

/// Make an account
///
/// Names and addresses are unique, whatever their case. A new account has the role `developer`. It is not signed in yet:
/// `POST /api/v1/auth/login` comes next.
#[utoipa::path(
    post, path = "/api/v1/auth/register", tag = "Accounts", operation_id = "register", security(()),
    request_body = Registration,
    responses((status = 201, description = "The account.", body = UserView)),
    extensions(("x-problems" = json!(["username_taken", "email_taken"])))
)]
pub(super) async fn register(
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    Body(registration): Body<Registration>,
) -> Result<HttpResponse, Problem> {
    let Registration { username, password, email } = registration;

    let user = accounts.ask(Register { username, password, email, origin }).await?;

    Ok(HttpResponse::Created().insert_header(tag(&user).header()).json(UserView::from(user)))
}

/// Sign in
///
/// Gives an access token, to be sent as `Authorization: Bearer ...` until it expires. It is not said whether the name or
/// the password was wrong.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "Accounts", operation_id = "logIn", security(()),
    request_body = Credentials,
    responses((status = 200, description = "The tokens of a new session. They are not to be cached.", body = TokensView)),
    extensions(("x-problems" = json!(["invalid_credentials"])))
)]
pub(super) async fn login(
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    limiter: Data<RateLimiter>,
    client: ClientAddress,
    Body(credentials): Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    sign_in(&accounts, &limiter, client, credentials, None, origin).await
}

/// Go on with a session
///
/// Spends a refresh token and gives new tokens of the same session; the old access token stays good until it expires. A
/// refresh token is good for one call. One that comes again ends the whole session, because one of the two who came with it
/// may have stolen it. So keep the new tokens before you use them, and let one part of your program refresh at a time: pages
/// in several tabs share the tokens and take turns (`navigator.locks`). When the answer is lost, sign in again.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", tag = "Accounts", operation_id = "refresh", security(()),
    request_body = RefreshToken,
    responses((status = 200, description = "New tokens. They are not to be cached.", body = TokensView)),
    extensions(("x-problems" = json!(["invalid_refresh_token", "refresh_token_reused"])))
)]
pub(super) async fn refresh(
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    Body(token): Body<RefreshToken>,
) -> Result<HttpResponse, Problem> {
    renew(&accounts, token, None, origin).await
}

/// Show your account
///
/// The account of whoever asks.
#[utoipa::path(
    get, path = "/api/v1/users/me", tag = "Accounts", operation_id = "getMe", security(("bearer" = ["account:read"])),
    params(IfNoneMatch),
    responses((status = 200, description = "Your account.", body = UserView)),
    extensions(("x-problems" = json!(["user_not_found"])))
)]
pub(super) async fn me(
    user: Caller<needs::AccountRead>,
    accounts: Data<Handle<Accounts>>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let user = accounts.ask(FindUser { id: user.id() }).await?;

    let tag = tag(&user);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(UserView::from(user))))
}

/// Change your account
///
/// The name you sign in with, and the address. Sessions go on.
#[utoipa::path(
    patch, path = "/api/v1/users/me", tag = "Accounts", operation_id = "changeMe", security(("bearer" = ["account:manage"])),
    params(IfMatch), request_body = AccountChange,
    responses((status = 200, description = "Your account with the change in it.", body = UserView)),
    extensions(("x-problems" = json!(["user_not_found", "username_taken", "email_taken"])))
)]
pub(super) async fn change(
    user: Caller<needs::AccountManage>,
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    seen: IfMatch,
    Body(AccountChange { username, email }): Body<AccountChange>,
) -> Result<HttpResponse, Problem> {
    let patch = UserPatch { username, email };
    let expected = expected(&seen, &accounts, user.id()).await?;

    let user = accounts.ask(PatchUser { id: user.id(), patch, expected, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(tag(&user).header()).json(UserView::from(user)))
}

/// Close your account
///
/// For ever: all sessions end, address and password are forgotten. The name stays taken, so that
/// nobody is mistaken for you. No password is asked for; a page that wants to be sure of the person signs in anew first.
/// An administrator's account cannot be closed.
#[utoipa::path(
    delete, path = "/api/v1/users/me", tag = "Accounts", operation_id = "closeMe", security(("bearer" = ["account:manage"])),
    params(IfMatch),
    responses((status = 204, description = "It is closed.")),
    extensions(("x-problems" = json!(["user_not_found", "forbidden"])))
)]
pub(super) async fn close(
    user: Caller<needs::AccountManage>,
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected = expected(&seen, &accounts, user.id()).await?;

    accounts.ask(CloseAccount { principal: user.0, expected, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// Change your password
///
/// Ends every other session of yours and closes its sockets; the one that asks goes on.
#[utoipa::path(
    post, path = "/api/v1/users/me/password", tag = "Accounts", operation_id = "changePassword",
    security(("bearer" = ["account:manage"])), request_body = PasswordChange,
    responses((status = 204, description = "From now on the new one is asked for.")),
    extensions(("x-problems" = json!(["user_not_found", "wrong_password"])))
)]
pub(super) async fn change_password(
    user: Caller<needs::AccountManage>,
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    Body(PasswordChange { current_password, new_password }): Body<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    let wish = ChangePassword { principal: user.0, current: current_password, new: new_password, origin };

    accounts.ask(wish).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// Set another password
///
/// With a token that an administrator has made for you, who cannot see the password. Ends every session and every API
/// key of yours and closes their sockets; sign in with the new password.
#[utoipa::path(
    post, path = "/api/v1/auth/password-reset", tag = "Accounts", operation_id = "resetPassword", security(()),
    request_body = PasswordReset,
    responses((status = 204, description = "From now on the new one is asked for.")),
    extensions(("x-problems" = json!(["invalid_reset_token"])))
)]
pub(super) async fn reset_password(
    origin: Origin,
    accounts: Data<Handle<Accounts>>,
    Body(PasswordReset { token, new_password: new }): Body<PasswordReset>,
) -> Result<HttpResponse, Problem> {
    accounts.ask(ResetPassword { token, new, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// A ticket, as it is shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticket, example = json!({"ticket": "tYx1b3f0...", "expires_in": 30}))]
pub(super) struct TicketView {
    /// Goes into the query string of `GET /api/v1/ws`, once.
    ticket: String,
    /// For how many seconds it is good.
    #[schema(minimum = 1)]
    expires_in: u64,
}

/// Get a ticket for a socket
///
/// A page in a browser cannot send headers when it opens a WebSocket, so it gets a ticket first and opens
/// `/api/v1/ws?ticket=...` with it. A ticket opens one socket, within seconds. The socket ends when the access token
/// does that the ticket was got with.
#[utoipa::path(
    post, path = "/api/v1/ws/tickets", tag = "Live", operation_id = "createSocketTicket", security(("bearer" = ["event:read"])),
    responses((status = 201, description = "The ticket. It is not to be cached.", body = TicketView))
)]
pub(super) async fn issue_ticket(
    user: Caller<needs::EventRead>,
    accounts: Data<Handle<Accounts>>,
) -> Result<HttpResponse, Problem> {
    let ticket = accounts.ask(IssueTicket { principal: user.0 }).await?;

    let view = TicketView { ticket: ticket.ticket, expires_in: ticket.expires_in_seconds };
    Ok(HttpResponse::Created().insert_header(no_store()).json(view))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_registration_is_told_all_of_its_faults() {
        let body = json!({"username": "a", "password": "short", "email": "nowhere", "role": "admin"});
        let Err(faults) = Fields::read_body::<Registration>(body) else { panic!("it was read") };
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["username", "password", "email", "role"]);
        assert!(!format!("{faults:?}").contains("short"));
    }

    #[test]
    fn a_registration_needs_no_address() {
        let body = json!({"username": "ada@example.org", "password": "correct horse"});
        let registration: Registration = Fields::read_body(body).unwrap();
        assert_eq!((registration.username.as_str(), registration.email), ("ada@example.org", None));
        assert!(!format!("{:?}", registration.password).contains("horse"));
    }
}
