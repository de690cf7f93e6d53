//! Accounts, sessions and tickets.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::{Value, json};

use super::view::UserView;
use crate::actors::accounts::{
    Accounts, ChangePassword, CloseAccount, FindUser, IssueTicket, PatchUser, Register, rules,
};
use crate::actors::system::Handle;
use crate::http::extract::Body;
use crate::http::fields::{Fields, ReadFields, text};
use crate::http::identity::CurrentUser;
use crate::http::login::{Credentials, RefreshToken, no_store, renew, sign_in};
use crate::http::problem::Problem;
use crate::models::UserPatch;
use crate::secret::Secret;

/// Somebody new.
pub(super) struct Registration(Register);

impl ReadFields for Registration {
    fn read(fields: &mut Fields) -> Option<Self> {
        let username = fields.required("username", |value| rules::username(&text(value)?));
        let password = fields.required("password", |value| rules::password(text(value)?));
        let email = fields.nullable("email", |value| rules::email(&text(value)?));
        Some(Self(Register { username: username?, password: password?, email: email? }))
    }
}

/// What is to be otherwise about an account. An address that is `null` is taken away; a name cannot be.
pub(super) struct AccountChange(UserPatch);

impl ReadFields for AccountChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        let username = fields.optional("username", |value| rules::username(&text(value)?));
        let email = fields.optional("email", |value| match value {
            Value::Null => Ok(None),
            value => rules::email(&text(value)?).map(Some),
        });
        Some(Self(UserPatch { username: username?, email: email? }))
    }
}

/// Another password, and the proof that the present one is known.
pub(super) struct PasswordChange {
    current: Secret,
    new: Secret,
}

impl ReadFields for PasswordChange {
    fn read(fields: &mut Fields) -> Option<Self> {
        let current = fields.required("current_password", text).map(Secret::new);
        let new = fields.required("new_password", |value| rules::password(text(value)?));
        Some(Self { current: current?, new: new? })
    }
}

/// `POST /auth/register`
pub(super) async fn register(
    accounts: Data<Handle<Accounts>>,
    Body(Registration(registration)): Body<Registration>,
) -> Result<HttpResponse, Problem> {
    let user = accounts.ask(registration).await?;

    Ok(HttpResponse::Created().json(UserView::from(user)))
}

/// `POST /auth/login`
pub(super) async fn login(
    accounts: Data<Handle<Accounts>>,
    Body(credentials): Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    sign_in(&accounts, credentials, None).await
}

/// `POST /auth/refresh`
pub(super) async fn refresh(
    accounts: Data<Handle<Accounts>>,
    Body(token): Body<RefreshToken>,
) -> Result<HttpResponse, Problem> {
    renew(&accounts, token, None).await
}

/// `GET /users/me`
pub(super) async fn me(user: CurrentUser, accounts: Data<Handle<Accounts>>) -> Result<HttpResponse, Problem> {
    let user = accounts.ask(FindUser { id: user.id() }).await?;

    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// `PATCH /users/me`
pub(super) async fn change(
    user: CurrentUser,
    accounts: Data<Handle<Accounts>>,
    Body(AccountChange(patch)): Body<AccountChange>,
) -> Result<HttpResponse, Problem> {
    let user = accounts.ask(PatchUser { id: user.id(), patch }).await?;

    Ok(HttpResponse::Ok().json(UserView::from(user)))
}

/// `DELETE /users/me`. Without a body, as the deletion of anything else: a page that wants to be sure of the person asks for
/// the password by signing in anew.
pub(super) async fn close(
    user: CurrentUser,
    accounts: Data<Handle<Accounts>>,
) -> Result<HttpResponse, Problem> {
    accounts.ask(CloseAccount { principal: user.0 }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// `POST /users/me/password`
pub(super) async fn change_password(
    user: CurrentUser,
    accounts: Data<Handle<Accounts>>,
    Body(PasswordChange { current, new }): Body<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    accounts.ask(ChangePassword { principal: user.0, current, new }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// `POST /ws/tickets`
pub(super) async fn issue_ticket(
    user: CurrentUser,
    accounts: Data<Handle<Accounts>>,
) -> Result<HttpResponse, Problem> {
    let ticket = accounts.ask(IssueTicket { principal: user.0 }).await?;

    let body = json!({"ticket": ticket.ticket, "expires_in": ticket.expires_in_seconds});
    Ok(HttpResponse::Created().insert_header(no_store()).json(body))
}

#[cfg(test)]
mod tests {
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
        let Registration(registration) = Fields::read_body(body).unwrap();
        assert_eq!(registration.email, None);
        assert!(!format!("{registration:?}").contains("horse"));
    }
}
