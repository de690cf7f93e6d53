//! One id, one span, one log line and one measurement for each request; and a problem document for each failure,
//! whoever it came from.

use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use tracing::Instrument;

use super::request_id::HEADER;
use super::{HeadLimits, RequestId, cors, headers, rate_limit};
use crate::actors::denials::Denials;
use crate::actors::rate_limits::RateLimiter;
use crate::http::acting::actor;
use crate::http::client_address::Networks;
use crate::http::identity;
use crate::http::memory::{Memory, count_answer};
use crate::http::problem::{MEDIA_TYPE, Problem};
use crate::models::{ErrorCode, Origin, WebOrigins};

const TRACEPARENT: &str = "traceparent";

/// What the middleware goes by.
pub(in crate::http) struct Manners {
    /// Which listener a request came in by; a label of its measurements.
    pub(in crate::http) listener: &'static str,
    /// What is read of a head.
    pub(in crate::http) head_limits: HeadLimits,
    /// Pages that may call from a browser.
    pub(in crate::http) origins: WebOrigins,
    /// Where requests are counted.
    pub(in crate::http) limiter: RateLimiter,
    /// Where what is denied is counted.
    pub(in crate::http) denials: Denials,
    /// Where large answers are counted.
    pub(in crate::http) memory: Memory,
    /// Proxies that are believed about whom they speak for.
    pub(in crate::http) proxies: Networks,
}

/// Headers of a request that its answer depends on, with and without pages of other origins.
const VARIES: HeaderValue = HeaderValue::from_static("Authorization");
const VARIES_BY_PAGE: HeaderValue = HeaderValue::from_static("Authorization, Origin");

/// The middleware.
pub(in crate::http) async fn observe(
    manners: Data<Manners>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let origin = origin(request.headers(), &id);
    let span = tracing::info_span!("request", request.id = id.as_str(), trace.id = tracing::field::Empty);
    if origin.traceparent.is_some() {
        span.record("trace.id", origin.trace_id());
    }
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(origin);
    let page = cors::allowed(&manners.origins, request.headers());

    let mut standing = None;
    let answer = answered_at_the_door(&manners, &request, page.as_ref(), &id).or_else(|| {
        let (counted, refusal) = rate_limit::count(&manners, &request, &id);
        standing = counted;
        refusal
    });
    let answered = match answer {
        Some(answer) => request.into_response(answer),
        None => {
            // After it was counted, for a look at a database must not be had for nothing.
            if rate_limit::is_somebodys(&request) {
                identity::meet(request.request()).await;
            }
            next.call(request).instrument(span.clone()).await?
        }
    };

    note_denial(&manners.denials, &answered, &id);

    let mut response = counted(&manners.memory, documented(answered, &id), &id);
    let headers = response.headers_mut();
    headers.insert(HEADER, id.header());
    headers::complete(headers, if manners.origins.is_empty() { VARIES } else { VARIES_BY_PAGE });
    if let Some(standing) = standing {
        rate_limit::tell(headers, standing);
    }
    if let Some(page) = page {
        cors::show(headers, page);
    }
    let _entered = span.enter();
    record(manners.listener, &response, started);
    Ok(response)
}

/// The answer to what no handler has to see, before any of the body is read.
fn answered_at_the_door(
    manners: &Manners,
    request: &ServiceRequest,
    page: Option<&HeaderValue>,
    id: &RequestId,
) -> Option<HttpResponse> {
    if let Err(problem) = manners.head_limits.check(request.head()) {
        return Some(problem.respond(Some(id.as_str())));
    }
    page.and_then(|page| cors::preflight(request.method(), request.headers(), page))
}

/// What the changes follow from that this request makes. Two `traceparent`s are as good as none.
fn origin(headers: &HeaderMap, id: &RequestId) -> Origin {
    let mut traceparents = headers.get_all(TRACEPARENT);
    let (only, another) = (traceparents.next(), traceparents.next());
    let traceparent = only.filter(|_| another.is_none()).and_then(|value| value.to_str().ok());
    Origin::read(Some(id.as_str().to_owned()), traceparent)
}

/// Counts what was refused for want of a proof or a right: the audit log has it soon.
fn note_denial(denials: &Denials, answered: &ServiceResponse<BoxBody>, id: &RequestId) {
    let status = answered.status();
    if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return;
    }
    let ours = answered.response().error().and_then(|error| error.as_error::<Problem>());
    let code = ours.map_or_else(|| Problem::of_status(status).code(), Problem::code);
    let request = answered.request();
    // The pattern, not the path, as in measurements: whoever is denied must not choose what is kept.
    let route = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
    denials.count(&actor(request), code.slug(), &route, id.as_str());
}

/// The answer with a problem document in it, if it is a failure.
fn documented(response: ServiceResponse<BoxBody>, id: &RequestId) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let ours = response.response().error().and_then(|error| error.as_error::<Problem>()).cloned();
    if ours.is_none() && is_problem(&response) {
        return response;
    }
    let problem = ours.unwrap_or_else(|| Problem::of_status(status));
    let answer = problem.for_method(response.request().method()).respond(Some(id.as_str()));
    response.into_response(answer)
}

/// The answer, if there is room for it beside all that others have not read yet. What was changed is answered in any case:
/// to say that nothing happened would be a lie.
fn counted(memory: &Memory, response: ServiceResponse<BoxBody>, id: &RequestId) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let response = count_answer(memory, response).unwrap_or_else(|too_much| {
        if request.method().is_safe() {
            Problem::new(ErrorCode::ServiceBusy).respond(Some(id.as_str()))
        } else {
            *too_much
        }
    });
    ServiceResponse::new(request, response)
}

fn is_problem(response: &ServiceResponse<BoxBody>) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE)
}

fn record(listener: &'static str, response: &ServiceResponse<BoxBody>, started: Instant) {
    let method = method_label(response.request().method());
    // The pattern, not the path: a path holds ids, and whatever a scanner makes up.
    let route = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let status = response.status();
    let elapsed = started.elapsed();

    let (code, elapsed_ms) = (status.as_u16(), elapsed.as_secs_f64() * 1_000.0);
    if status == StatusCode::TOO_MANY_REQUESTS {
        // A flood must not become a flood of lines; it is counted below.
        tracing::debug!(
            http.method = method,
            http.route = route,
            http.status = code,
            elapsed_ms,
            "request refused"
        );
    } else {
        tracing::info!(
            http.method = method,
            http.route = route,
            http.status = code,
            elapsed_ms,
            "request served"
        );
    }
    metrics::counter!(
        "botberi_http_requests_total",
        "listener" => listener, "method" => method, "route" => route.clone(), "status" => class_label(status)
    )
    .increment(1);
    metrics::histogram!(
        "botberi_http_request_duration_seconds",
        "listener" => listener, "method" => method, "route" => route
    )
    .record(elapsed.as_secs_f64());
}

/// A method as a label: callers make up methods, and each label value is a series for ever.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
