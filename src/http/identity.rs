//! Who is asking: a handler that needs somebody signed in takes [`CurrentUser`], [`CurrentDeveloper`] or [`CurrentAdmin`], and
//! cannot be called without.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, Map};

use super::problem::Problem;
use crate::actors::accounts::Tokens;
use crate::actors::revocations::{Gate, RevocationError, Standing};
use crate::models::{ErrorCode, Principal, Role, UserId};

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct CurrentUser(pub Principal);

impl CurrentUser {
    /// Whose requests these are: the owner of all that they may see.
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.0.user_id
    }
}

impl FromRequest for CurrentUser {
    type Error = Problem;
    type Future = Map<Authenticating, fn(Result<Principal, Problem>) -> Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        authenticate(request).map(|holder| holder.map(Self))
    }
}

/// Somebody who is signed in and may change things: everybody but viewers.
#[derive(Clone, Debug)]
pub struct CurrentDeveloper(pub Principal);

impl CurrentDeveloper {
    /// As [`CurrentUser::id`].
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.0.user_id
    }
}

impl FromRequest for CurrentDeveloper {
    type Error = Problem;
    type Future = Map<Authenticating, fn(Result<Principal, Problem>) -> Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        authenticate(request).map(|holder| need(Role::Developer, holder?).map(Self))
    }
}

/// A platform administrator who is signed in.
#[derive(Clone, Debug)]
pub struct CurrentAdmin(pub Principal);

impl FromRequest for CurrentAdmin {
    type Error = Problem;
    type Future = Map<Authenticating, fn(Result<Principal, Problem>) -> Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        authenticate(request).map(|holder| need(Role::Admin, holder?).map(Self))
    }
}

/// The holder, if they may do what that role may.
fn need(role: Role, holder: Principal) -> Result<Principal, Problem> {
    let may = match role {
        Role::Admin => holder.role == Role::Admin,
        Role::Developer => holder.role != Role::Viewer,
        Role::Viewer => true,
    };
    let needed = || format!("this needs the role `{}`", role.as_str());
    if may { Ok(holder) } else { Err(Problem::new(ErrorCode::Forbidden).detail(needed())) }
}

/// The holder of a token that is good by itself, whether its session goes on or not: enough for ending that session.
#[derive(Clone, Debug)]
pub struct KnownToken(pub Principal);

impl FromRequest for KnownToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(verify(request).map(Self))
    }
}

/// Who it is: known at once as long as revocations are heard of, else after a question to whoever knows.
pub type Authenticating =
    Either<Ready<Result<Principal, Problem>>, LocalBoxFuture<'static, Result<Principal, Problem>>>;

/// Turns the credential of a request into its holder, on the thread that serves the request and without a database. Only
/// while Postgres is not heard of, Redis or Postgres is asked whether the session goes on.
///
/// Every credential passes through here: this is where API keys will be looked up.
///
/// It gives `unauthenticated` when there is no credential, or none that is worth anything, or one whose session has been
/// ended; `dependency_unavailable` when nobody can say whether it was.
#[must_use]
pub fn authenticate(request: &HttpRequest) -> Authenticating {
    match verify(request).and_then(|holder| Ok((holder, gate(request)?))) {
        Ok((holder, gate)) => match gate.standing(&holder) {
            Standing::Good => Either::Left(ready(Ok(holder))),
            Standing::Revoked => Either::Left(ready(Err(RevocationError::Ended.into()))),
            Standing::Unknown => {
                let gate = gate.clone();
                Either::Right(async move { Ok(gate.check(&holder).await.map(|()| holder)?) }.boxed_local())
            }
        },
        Err(problem) => Either::Left(ready(Err(problem))),
    }
}

fn gate(request: &HttpRequest) -> Result<&Gate, Problem> {
    let gate = request.app_data::<Data<Gate>>();
    gate.map(|gate| gate.get_ref()).ok_or(Problem::new(ErrorCode::Internal))
}

/// Whose token it is, by its signature and its times alone. It is looked at once, whoever asks first.
fn verify(request: &HttpRequest) -> Result<Principal, Problem> {
    let known = request.extensions().get::<Principal>().cloned();
    if let Some(principal) = known {
        return Ok(principal);
    }
    let nobody = |detail: &str| Problem::new(ErrorCode::Unauthenticated).detail(detail);
    let tokens = request.app_data::<Data<Tokens>>().ok_or(Problem::new(ErrorCode::Internal))?;
    let token = bearer(request).ok_or_else(|| nobody("send `Authorization: Bearer <access token>`"))?;
    let principal = tokens.verify(token).map_err(|error| nobody(&error.to_string()))?;
    request.extensions_mut().insert(principal.clone());
    Ok(principal)
}

/// The holder of the request's credential, if that is a good one: whom its request is counted for. A session that is known
/// to have been ended is nobody's: whoever stole it must not use its user's limits up.
pub(super) fn holder(request: &HttpRequest) -> Option<Principal> {
    // Nobody is told why, so no reason is looked for.
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    let holder = verify(request).ok()?;
    let is_over = gate(request).is_ok_and(|gate| gate.standing(&holder) == Standing::Revoked);
    (!is_over).then_some(holder)
}

/// The token of the one `Authorization` header; two of them are none, for it is open which of them a proxy looked at.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let (only, another) = (values.next()?, values.next());
    if another.is_some() {
        return None;
    }
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
