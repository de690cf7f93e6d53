//! How large the head of a request may be.

use actix_web::dev::RequestHead;

use crate::http::HttpSettings;
use crate::http::problem::Problem;
use crate::models::ErrorCode;

/// The line and the separators of one header field, beside its name and value: `: ` and the end of its line.
const AROUND_A_FIELD: usize = 4;

/// What is read of a head. The web server reads up to 128 KiB and 96 fields by itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct HeadLimits {
    uri_bytes_max: usize,
    header_bytes_max: usize,
}

impl HeadLimits {
    /// As configured.
    pub(in crate::http) fn new(settings: &HttpSettings) -> Self {
        Self { uri_bytes_max: settings.uri_bytes_max, header_bytes_max: settings.header_bytes_max }
    }

    /// Refuses what is larger.
    pub(super) fn check(&self, head: &RequestHead) -> Result<(), Problem> {
        let uri_bytes = head.uri.path_and_query().map_or(0, |uri| uri.as_str().len());
        if uri_bytes > self.uri_bytes_max {
            let detail = format!("path and query may have {} bytes at most", self.uri_bytes_max);
            return Err(Problem::new(ErrorCode::UriTooLong).detail(detail));
        }
        let field =
            |(name, value): (&actix_web::http::header::HeaderName, &actix_web::http::header::HeaderValue)| {
                name.as_str().len() + value.len() + AROUND_A_FIELD
            };
        if head.headers().iter().map(field).sum::<usize>() > self.header_bytes_max {
            let detail = format!("all header fields may have {} bytes at most", self.header_bytes_max);
            return Err(Problem::new(ErrorCode::HeadersTooLarge).detail(detail));
        }
        Ok(())
    }
}
