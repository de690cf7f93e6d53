//! Refuses what comes too often, before any of its body is read.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpResponse};

use super::{Manners, RequestId};
use crate::actors::rate_limits::{Asker, RouteClass, Standing, Subject};
use crate::http::client_address::ClientAddress;
use crate::http::problem::Problem;
use crate::http::{PREFIX, identity};
use crate::models::Credential;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Routes below the prefix by which people prove who they are.
const PROOFS: [&str; 5] =
    ["/auth/login", "/auth/register", "/auth/refresh", "/auth/password-reset", OWN_PASSWORD];

/// The one of them that people only come to when it is known whose secret they would guess.
const OWN_PASSWORD: &str = "/users/me/password";

/// Counts the request. Where the tightest of its counts stands; and the answer, if one of them is full.
pub(super) fn count(
    manners: &Manners,
    request: &ServiceRequest,
    id: &RequestId,
) -> (Option<Standing>, Option<HttpResponse>) {
    // As the router sees it: `%61uth` is `auth` there.
    let path = request.match_info().as_str();
    let Some(class) = class_of(request.method(), path) else { return (None, None) };
    let holder = if is_somebodys(request) { identity::holder(request.request()) } else { None };
    let peer = request.peer_addr().map(|peer| peer.ip());
    if let Some(peer) = peer {
        manners.proxies.warn_of_strangers(peer, request.headers());
    }
    let address = peer.map(|peer| manners.proxies.client(peer, request.headers()));
    request.extensions_mut().insert(ClientAddress(address));
    let key = holder.as_ref().and_then(|holder| match holder.credential {
        Credential::ApiKey { key_id, .. } => Some(Subject::Key(key_id.as_uuid())),
        Credential::Session { .. } => None,
    });
    let asker = Asker { subject: holder.map(|holder| Subject::User(holder.user_id)), key, address };
    match manners.limiter.admit(asker, class) {
        Ok(standing) => (standing, None),
        Err(full) => {
            metrics::counter!("botberi_http_requests_rate_limited_total", "listener" => manners.listener)
                .increment(1);
            (Some(full), Some(Problem::from(full).respond(Some(id.as_str()))))
        }
    }
}

/// Whether it is counted, and for whoever comes with it. Whoever proves who they are is nobody yet, whatever else they bring along.
pub(super) fn is_somebodys(request: &ServiceRequest) -> bool {
    let path = request.match_info().as_str();
    class_of(request.method(), path)
        .is_some_and(|class| class != RouteClass::Auth || path.strip_prefix(PREFIX) == Some(OWN_PASSWORD))
}

/// Tells the caller how much room is left.
pub(super) fn tell(headers: &mut HeaderMap, standing: Standing) {
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(standing.reset_seconds));
}

/// `None` for the operators' routes: they are cheap, and are asked when things go badly.
fn class_of(method: &Method, path: &str) -> Option<RouteClass> {
    let route = path.strip_prefix(PREFIX)?;
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    Some(match route {
        "/ws" | "/ws/tickets" | "/events" => RouteClass::Socket,
        _ if PROOFS.contains(&route) => RouteClass::Auth,
        _ if reads => RouteClass::Read,
        _ => RouteClass::Write,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_api_has_a_class_and_the_operators_have_none() {
        for (method, path, class) in [
            (Method::POST, "/api/v1/auth/login", Some(RouteClass::Auth)),
            (Method::POST, "/api/v1/users/me/password", Some(RouteClass::Auth)),
            (Method::POST, "/api/v1/auth/logout", Some(RouteClass::Write)),
            (Method::GET, "/api/v1/ws", Some(RouteClass::Socket)),
            (Method::POST, "/api/v1/ws/tickets", Some(RouteClass::Socket)),
            (Method::GET, "/api/v1/events", Some(RouteClass::Socket)),
            (Method::POST, "/api/v1/events/replay", Some(RouteClass::Write)),
            (Method::HEAD, "/api/v1/instances", Some(RouteClass::Read)),
            (Method::DELETE, "/api/v1/instances/x", Some(RouteClass::Write)),
            (Method::GET, "/api/v1/nope", Some(RouteClass::Read)),
            (Method::GET, "/readyz", None),
            (Method::GET, "/openapi.json", None),
        ] {
            assert_eq!(class_of(&method, path), class, "{method} {path}");
        }
    }
}
