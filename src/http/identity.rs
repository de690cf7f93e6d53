//! Who is asking: a handler that is not for everybody takes a [`Caller`] who may do what it [`needs`], and cannot be called
//! without.

pub mod needs;
mod reach;

pub use reach::Reaching;
pub(super) use reach::reach;

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, Map};

use self::needs::Need;
use super::problem::Problem;
use crate::actors::accounts::Tokens;
use crate::actors::api_keys::{ApiKeyError, ApiKeys, FindApiKey, KeyStanding, KnownKeys};
use crate::actors::policies::PolicyView;
use crate::actors::revocations::{Gate, RevocationError, Standing};
use crate::actors::system::Handle;
use crate::models::{ErrorCode, Permission, Principal, UserId};

/// What credentials are checked by, the same at every listener.
#[derive(Clone)]
pub struct Identities {
    /// Checks access tokens.
    pub tokens: Tokens,
    /// Whether their sessions go on.
    pub gate: Gate,
    /// Which role may do what.
    pub policies: PolicyView,
    /// API keys that came lately.
    pub known_keys: KnownKeys,
    /// Looks up the others.
    pub api_keys: Handle<ApiKeys>,
}

/// Somebody whose credential is good, and who may do what the route is for.
#[derive(Clone, Debug)]
pub struct Caller<N: Need>(pub Principal, PhantomData<N>);

impl<N: Need> Caller<N> {
    /// Whose requests these are: the owner of all that they may see.
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.0.user_id
    }
}

impl<N: Need> FromRequest for Caller<N> {
    type Error = Problem;
    type Future = Map<Authenticating, fn(Result<Principal, Problem>) -> Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        authenticate(request, N::PERMISSION).map(|holder| Ok(Self(holder?, PhantomData)))
    }
}

/// The holder, if the policy lets their role do so, and the credential was made for it.
pub(super) fn permit(
    request: &HttpRequest,
    holder: Principal,
    needed: Permission,
) -> Result<Principal, Problem> {
    let refused = |why: &str| {
        let detail = format!("this needs the permission `{needed}`, which {why} does not have");
        Err(Problem::new(ErrorCode::Forbidden).detail(detail))
    };
    if !identities(request)?.policies.now().of_role(holder.role).has(needed) {
        return refused(&format!("the role `{}`", holder.role));
    }
    if !holder.granted().has(needed) {
        return refused("this API key");
    }
    Ok(holder)
}

/// The holder of a token that is good by itself, whether its session goes on or not: enough for ending that session.
#[derive(Clone, Debug)]
pub struct KnownToken(pub Principal);

impl FromRequest for KnownToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        // A key that was looked up stands in the same place.
        let needed =
            || Problem::new(ErrorCode::Unauthenticated).detail("send an access token; a key is no session");
        let holder =
            verify(request).and_then(|holder| holder.session().map(|_| holder.clone()).ok_or_else(needed));
        ready(holder.map(Self))
    }
}

/// Who it is: known at once as long as revocations are heard of, else after a question to whoever knows.
pub type Authenticating =
    Either<Ready<Result<Principal, Problem>>, LocalBoxFuture<'static, Result<Principal, Problem>>>;

/// Turns the credential of a request into its holder, who may do what is needed, on the thread that serves the request and
/// without a database. Only while Postgres is not heard of, Redis or Postgres is asked whether the session goes on.
///
/// Every credential passes through here.
///
/// It gives `unauthenticated` when there is no credential, or none that is worth anything, or one that has been ended;
/// `forbidden` when its holder may not do this; `dependency_unavailable` when nobody can say.
#[must_use]
pub fn authenticate(request: &HttpRequest, needed: Permission) -> Authenticating {
    if bearer(request).is_some_and(KnownKeys::is_meant) {
        return Either::Left(ready(by_key(request, needed)));
    }
    match verify(request).and_then(|holder| Ok((holder, identities(request)?))) {
        Ok((holder, identities)) => match identities.gate.standing(&holder) {
            Standing::Good => Either::Left(ready(permit(request, holder, needed))),
            Standing::Revoked => Either::Left(ready(Err(RevocationError::Ended.into()))),
            Standing::Unknown => {
                let (gate, request) = (identities.gate.clone(), request.clone());
                let asking = async move {
                    gate.check(&holder).await?;
                    permit(&request, holder, needed)
                };
                Either::Right(asking.boxed_local())
            }
        },
        Err(problem) => Either::Left(ready(Err(problem))),
    }
}

/// The holder of an API key, who is known by now: see [`meet`].
fn by_key(request: &HttpRequest, needed: Permission) -> Result<Principal, Problem> {
    let met = request.extensions().get::<Principal>().cloned();
    let holder = met.ok_or_else(|| {
        let refused = request.extensions_mut().remove::<Refused>();
        // It was not met: no route that asks for a holder is served without.
        refused.map_or_else(|| Problem::new(ErrorCode::Internal), |Refused(problem)| problem)
    });
    permit(request, holder?, needed)
}

/// Why a key was not taken.
struct Refused(Problem);

/// What was known of the key of a request when it was first looked at, and when that was.
#[derive(Clone)]
struct KeyLook {
    at: Instant,
    standing: KeyStanding,
}

/// The first look at the API key of a request, whoever asks first; `None` for a request without.
fn look_at_key(request: &HttpRequest) -> Option<KeyLook> {
    let key = bearer(request).filter(|text| KnownKeys::is_meant(text))?;
    let known = request.extensions().get::<KeyLook>().cloned();
    if known.is_some() {
        return known;
    }
    let at = Instant::now();
    let look = KeyLook { at, standing: identities(request).ok()?.known_keys.standing(key) };
    request.extensions_mut().insert(look.clone());
    Some(look)
}

/// Finds the holder of an API key before the handler asks: whoever acts is known without a wait from then on, for everything that
/// the request does.
pub(super) async fn meet(request: &HttpRequest) {
    let (Ok(identities), Some(look)) = (identities(request), look_at_key(request)) else { return };
    let found = match look.standing {
        KeyStanding::Good(holder) => Ok(holder),
        KeyStanding::NoKey => Err(ApiKeyError::Invalid.into()),
        KeyStanding::Unknown(digest) => {
            identities.api_keys.ask(FindApiKey { digest }).await.map_err(Problem::from)
        }
    };
    match found {
        Ok(holder) => drop(request.extensions_mut().insert(holder)),
        Err(problem) => drop(request.extensions_mut().insert(Refused(problem))),
    }
}

/// When the key of a request was first looked at; `None` for one without.
pub(super) fn looked_at(request: &HttpRequest) -> Option<Instant> {
    look_at_key(request).map(|look| look.at)
}

fn identities(request: &HttpRequest) -> Result<&Identities, Problem> {
    let identities = request.app_data::<Data<Identities>>();
    identities.map(|identities| identities.get_ref()).ok_or(Problem::new(ErrorCode::Internal))
}

/// Whose token it is, by its signature and its times alone. It is looked at once, whoever asks first.
fn verify(request: &HttpRequest) -> Result<Principal, Problem> {
    let known = request.extensions().get::<Principal>().cloned();
    if let Some(principal) = known {
        return Ok(principal);
    }
    let nobody = |detail: &str| Problem::new(ErrorCode::Unauthenticated).detail(detail);
    let tokens = &identities(request)?.tokens;
    let token =
        bearer(request).ok_or_else(|| nobody("send `Authorization: Bearer <access token or API key>`"))?;
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
    if let Some(look) = look_at_key(request) {
        return match look.standing {
            KeyStanding::Good(holder) => Some(holder),
            // Whoever comes with it for the first time is counted by their address.
            KeyStanding::NoKey | KeyStanding::Unknown(_) => None,
        };
    }
    let holder = verify(request).ok()?;
    let is_over = identities(request).ok()?.gate.standing(&holder) == Standing::Revoked;
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
