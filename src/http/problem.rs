//! The only place where an error becomes an answer: RFC 9457 problem documents.

use std::fmt;
use std::num::NonZeroU32;

use actix_web::body::BoxBody;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::actors::rate_limits::Standing;
use crate::models::{Coded, ErrorCode, ErrorKind};

/// The media type of every error's body.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// How soon a client should try again after a 503, and after a 429 that knows no better: outages and bursts pass in seconds, or are long anyway.
const RETRY_AFTER_SECONDS: u32 = 1;

/// One field of a request that cannot be what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The path of the field, as in `tasks[0].agent_id`; empty when it is about the body as a whole.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

/// A request's failure on its way out.
///
/// Whatever an actor answers that is [`Coded`] turns into one by `?`. The request id is added by the middleware, which
/// alone knows it.
#[derive(Clone, Debug)]
pub struct Problem {
    code: ErrorCode,
    detail: Option<String>,
    errors: Vec<FieldError>,
    extension: Option<(&'static str, Value)>,
    allow: Option<&'static str>,
    /// Small, because every handler's result has room for it.
    retry_after_seconds: Option<NonZeroU32>,
}

/// Why a request failed (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument<'a> {
    /// `urn:botberi:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words, the same for every occurrence.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'a str>,
    /// What to test for. It never changes its meaning.
    code: &'a str,
    /// The id under which the request stands in the service's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
    /// Every field at fault; only with `validation_failed` and `url_not_allowed`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    #[serde(flatten)]
    #[schema(ignore)]
    extension: Option<serde_json::Map<String, Value>>,
}

impl Problem {
    /// A problem that the code says everything about.
    #[must_use]
    pub const fn new(code: ErrorCode) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            extension: None,
            allow: None,
            retry_after_seconds: None,
        }
    }

    /// Says what happened this time. `detail` is for the caller: nothing of our inside belongs there.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// A 422 that names every field at fault.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(ErrorCode::ValidationFailed) }
    }

    /// Adds a member of its own to the document.
    #[must_use]
    pub fn extension(mut self, name: &'static str, value: Value) -> Self {
        self.extension = Some((name, value));
        self
    }

    /// A 405 that names the methods which the resource knows, as `Allow` has to.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(ErrorCode::MethodNotAllowed) }
    }

    /// What an answer means that the web server gave by itself, without a body worth keeping.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            401 => ErrorCode::Unauthenticated,
            403 => ErrorCode::Forbidden,
            404 => ErrorCode::NotFound,
            405 => ErrorCode::MethodNotAllowed,
            408 => ErrorCode::RequestTimedOut,
            412 => ErrorCode::PreconditionFailed,
            413 => ErrorCode::PayloadTooLarge,
            414 => ErrorCode::UriTooLong,
            415 => ErrorCode::UnsupportedMediaType,
            422 => ErrorCode::ValidationFailed,
            429 => ErrorCode::RateLimited,
            431 => ErrorCode::HeadersTooLarge,
            503 => ErrorCode::ServiceBusy,
            400..=499 => ErrorCode::BadRequest,
            _ => ErrorCode::Internal,
        };
        Self::new(code)
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What is wrong with which field; empty unless it is a 422.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The same problem as an asker sees it who changed nothing: not to know whether a read happened is a failed read.
    #[must_use]
    pub fn for_method(mut self, method: &Method) -> Self {
        if self.code == ErrorCode::OutcomeUnknown && method.is_safe() {
            self.code = ErrorCode::DependencyUnavailable;
        }
        self
    }

    /// The answer.
    #[must_use]
    pub fn respond(&self, request_id: Option<&str>) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CONTENT_TYPE, MEDIA_TYPE));
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        match self.code.kind() {
            ErrorKind::Unauthorized => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            ErrorKind::Unavailable | ErrorKind::TooManyRequests => {
                let seconds = self.retry_after_seconds.map_or(RETRY_AFTER_SECONDS, NonZeroU32::get);
                response.insert_header((header::RETRY_AFTER, seconds));
            }
            _ => {}
        }
        response.body(self.document(request_id))
    }

    /// The document as it would answer the request of this id.
    ///
    /// # Errors
    /// None that can happen: only a map with keys that are no texts could fail, and there is none in it.
    pub(super) fn to_value(&self, request_id: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(&self.document(Some(request_id)))
    }

    fn document(&self, request_id: Option<&str>) -> String {
        let extension = self.extension.clone().map(|(name, value)| (name.to_owned(), value));
        let document = ProblemDocument {
            kind: format!("urn:botberi:problem:{}", self.code),
            title: self.code.title(),
            status: self.code.kind().status(),
            detail: self.detail.as_deref(),
            code: self.code.slug(),
            request_id,
            errors: &self.errors,
            extension: extension.map(|member| [member].into_iter().collect()),
        };
        // Only a map with keys that are no texts could fail, and there is none in it.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

impl From<Standing> for Problem {
    fn from(full: Standing) -> Self {
        let Standing { limit, remaining: _, reset_seconds } = full;
        let detail = format!("at most {limit} such requests in 60 s; more in {reset_seconds} s");
        let retry_after_seconds = u32::try_from(reset_seconds).ok().and_then(NonZeroU32::new);
        Self { retry_after_seconds, ..Self::new(ErrorCode::RateLimited).detail(detail) }
    }
}

impl<E: Coded> From<E> for Problem {
    fn from(error: E) -> Self {
        let code = error.code();
        match code.kind() {
            // The cause is for us, not for the caller.
            ErrorKind::Internal => {
                tracing::error!(?error, "request failed");
                Self::new(code)
            }
            // In a burst this is the answer to thousands; the metrics count it.
            ErrorKind::Unavailable if code == ErrorCode::ServiceBusy => {
                tracing::debug!(%error, "request refused");
                Self::new(code)
            }
            ErrorKind::Unavailable => {
                tracing::warn!(%error, "request failed");
                Self::new(code)
            }
            _ => Self { extension: error.extension(), ..Self::new(code).detail(error.to_string()) },
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.detail.as_deref().unwrap_or(self.code.title()))
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.respond(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outbound::{Refusal, UrlNotAllowed};

    fn document(problem: &Problem) -> Value {
        serde_json::from_str(&problem.document(Some("r-1"))).unwrap()
    }

    #[test]
    fn every_code_has_a_whole_document_with_its_own_status() {
        for code in ErrorCode::ALL {
            let problem = Problem::new(*code);
            let response = problem.respond(Some("r-1"));
            let document = document(&problem);

            assert_eq!(response.status().as_u16(), code.kind().status());
            assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), MEDIA_TYPE);
            assert_eq!(document["status"], response.status().as_u16());
            assert_eq!(document["code"], code.slug());
            assert_eq!(document["type"], format!("urn:botberi:problem:{}", code.slug()));
            assert_eq!(document["title"], code.title());
            assert_eq!(document["request_id"], "r-1");
        }
    }

    #[test]
    fn every_kind_is_one_that_the_web_servers_own_answers_map_to_and_back() {
        for status in [400, 401, 403, 404, 405, 408, 412, 413, 414, 415, 422, 429, 431, 500, 503] {
            let problem = Problem::of_status(StatusCode::from_u16(status).unwrap());
            assert_eq!(problem.code.kind().status(), status);
        }
    }

    #[test]
    fn a_validation_problem_lists_its_fields() {
        let fault =
            FieldError { field: "tasks[0].agent_id".into(), message: "must be a whole number".into() };
        let document = document(&Problem::invalid(vec![fault]));
        assert_eq!(document["errors"][0]["field"], "tasks[0].agent_id");
        assert_eq!(document["status"], 422);
    }

    #[test]
    fn an_address_to_which_nothing_is_sent_is_told_as_a_field_at_fault() {
        let field = "tasks[0].source_url".to_owned();
        let document = document(&Problem::from(UrlNotAllowed { field, refusal: Refusal::Host }));
        let message = "must name a host of the public internet";
        assert_eq!(document["code"], "url_not_allowed");
        assert_eq!(document["errors"], json!([{ "field": "tasks[0].source_url", "message": message }]));
        assert_eq!(document["detail"], format!("tasks[0].source_url {message}"));
    }

    #[test]
    fn an_internal_error_says_nothing_of_its_cause() {
        #[derive(Debug, thiserror::Error)]
        #[error("the password of the database is hunter2")]
        struct Leak(ErrorCode);
        impl Coded for Leak {
            fn code(&self) -> ErrorCode {
                self.0
            }
        }
        for code in ErrorCode::ALL {
            let inside = matches!(code.kind(), ErrorKind::Internal | ErrorKind::Unavailable);
            let says_it = Problem::from(Leak(*code)).document(None).contains("hunter2");
            assert_eq!(says_it, !inside, "{code}");
        }
    }

    #[test]
    fn a_read_is_never_told_that_its_outcome_is_unknown() {
        let problem = Problem::new(ErrorCode::OutcomeUnknown);
        assert_eq!(problem.clone().for_method(&Method::GET).code(), ErrorCode::DependencyUnavailable);
        assert_eq!(problem.for_method(&Method::POST).code(), ErrorCode::OutcomeUnknown);
    }

    #[test]
    fn the_headers_say_what_the_status_promises() {
        let header_of = |code, name: header::HeaderName| {
            Problem::new(code)
                .respond(None)
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            header_of(ErrorCode::Unauthenticated, header::WWW_AUTHENTICATE).as_deref(),
            Some("Bearer")
        );
        assert_eq!(header_of(ErrorCode::ServiceBusy, header::RETRY_AFTER).as_deref(), Some("1"));
        let response = Problem::method_not_allowed("GET, POST").respond(None);
        assert_eq!(response.headers().get(header::ALLOW).unwrap(), "GET, POST");
    }
}
