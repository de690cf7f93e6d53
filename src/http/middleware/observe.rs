//! One id, one span, one log line and one measurement for each request; and a problem document for each failure,
//! whoever it came from.

use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use tracing::Instrument;

use super::RequestId;
use super::request_id::HEADER;
use crate::http::problem::{MEDIA_TYPE, Problem};
use crate::models::Origin;

const TRACEPARENT: &str = "traceparent";

/// Which listener a request came in by; a label of its measurements.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Listener(pub(in crate::http) &'static str);

/// The middleware.
pub(in crate::http) async fn observe(
    listener: Data<Listener>,
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

    let answered = next.call(request).instrument(span.clone()).await;

    let mut response = documented(answered?, &id);
    response.headers_mut().insert(HEADER, id.header());
    let _entered = span.enter();
    record(listener.0, &response, started);
    Ok(response)
}

/// What the changes follow from that this request makes. Two `traceparent`s are as good as none.
fn origin(headers: &HeaderMap, id: &RequestId) -> Origin {
    let mut traceparents = headers.get_all(TRACEPARENT);
    let (only, another) = (traceparents.next(), traceparents.next());
    let traceparent = only.filter(|_| another.is_none()).and_then(|value| value.to_str().ok());
    Origin::read(Some(id.as_str().to_owned()), traceparent)
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

fn is_problem(response: &ServiceResponse<BoxBody>) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE)
}

fn record(listener: &'static str, response: &ServiceResponse<BoxBody>, started: Instant) {
    let method = method_label(response.request().method());
    // The pattern, not the path: a path holds ids, and whatever a scanner makes up.
    let route = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let status = response.status();
    let elapsed = started.elapsed();

    tracing::info!(
        http.method = method,
        http.route = route,
        http.status = status.as_u16(),
        elapsed_ms = elapsed.as_secs_f64() * 1_000.0,
        "request served"
    );
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
