//! Accounts, sessions and tickets.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use super::view::UserView;
use crate::actors::accounts::{Accounts, FindUser, IssueTicket, Register, rules};
use crate::actors::rate_limits::RateLimiter;
use crate::actors::system::Handle;
use crate::http::conditional::{EntityTag, IfNoneMatch};
use crate::http::extract::Body;
use crate::http::fields::{Fields, ReadFields, text};
use crate::http::identity::CurrentUser;
use crate::http::login::{Credentials, no_store, sign_in};
use crate::http::problem::Problem;
use crate::models::User;

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

/// Names the state that an account is in: accounts have no revision, and no two changes in one microsecond.
fn tag(user: &User) -> EntityTag {
    EntityTag::of_revision(user.id, user.updated_at.as_microsecond())
}

/// `POST /auth/register`
pub(super) async fn register(
    accounts: Data<Handle<Accounts>>,
    Body(Registration(registration)): Body<Registration>,
) -> Result<HttpResponse, Problem> {
    let user = accounts.ask(registration).await?;

    Ok(HttpResponse::Created().insert_header(tag(&user).header()).json(UserView::from(user)))
}

/// `POST /auth/login`
pub(super) async fn login(
    accounts: Data<Handle<Accounts>>,
    limiter: Data<RateLimiter>,
    Body(credentials): Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    sign_in(&accounts, &limiter, credentials, None).await
}

/// `GET /users/me`
pub(super) async fn me(
    user: CurrentUser,
    accounts: Data<Handle<Accounts>>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let user = accounts.ask(FindUser { id: user.id() }).await?;

    let tag = tag(&user);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(UserView::from(user))))
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
