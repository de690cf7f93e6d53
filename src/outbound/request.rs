use std::fmt;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};

use super::error::OutboundError;
use super::url::OutgoingUrl;
use crate::secret::Secret;

/// Headers that are ours to write: they say where a request ends and whom it is for, and whoever could write them could hide
/// a second request in the first.
const OURS: [HeaderName; 12] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::ACCEPT_ENCODING,
    header::USER_AGENT,
    HeaderName::from_static("keep-alive"),
];

/// What a line of a head takes beside its name and its value: `: ` and its end.
const LINE_BYTES: usize = 4;

/// A request to an address that a user named.
pub struct OutgoingRequest {
    /// How.
    pub method: Method,
    /// Where to.
    pub url: OutgoingUrl,
    /// Headers beside those of the connection, which are not the caller's: such are left out.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
}

impl OutgoingRequest {
    /// Asks for what is there; `accept` says what can be read of it.
    #[must_use]
    pub fn get(url: OutgoingUrl, accept: &'static str) -> Self {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        Self { method: Method::GET, url, headers, body: Bytes::new() }
    }

    /// Sends a JSON document to an address of the operator's, with a key if there is one; JSON is wanted back.
    ///
    /// # Errors
    /// When the key cannot stand in a header.
    pub fn post_json(
        url: OutgoingUrl,
        body: &serde_json::Value,
        key: &Secret,
    ) -> Result<Self, OutboundError> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, JSON), (header::ACCEPT, JSON)]);
        if !key.is_empty() {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
            let mut value = value.map_err(|_no_header| OutboundError::Broken)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(Self { method: Method::POST, url, headers, body: Bytes::from(body.to_string()) })
    }

    /// Whether it is small enough to be sent.
    pub(super) fn measure(&self, bytes_max: usize) -> Result<(), OutboundError> {
        let lines = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE_BYTES);
        let bytes = lines.sum::<usize>() + self.body.len();
        if bytes > bytes_max { Err(OutboundError::RequestTooLarge { bytes_max }) } else { Ok(()) }
    }

    /// As it is written on the connection.
    pub(super) fn written(self) -> Result<Request<Full<Bytes>>, OutboundError> {
        let mut headers = self.headers;
        for name in OURS {
            headers.remove(name);
        }
        let host = HeaderValue::from_str(self.url.authority()).map_err(|_never| OutboundError::Broken)?;
        headers.insert(header::HOST, host);
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("botberi/", env!("CARGO_PKG_VERSION"))),
        );
        // Nothing is unpacked here: a small answer that becomes a large one is none.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));

        let request = Request::builder().method(self.method).uri(self.url.target());
        let mut request = request.body(Full::new(self.body)).map_err(|_never| OutboundError::Broken)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Headers hold tokens, and bodies what users wrote.
impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, url, headers, body } = self;
        let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        write!(formatter, "{method} {url:?} {names:?}, {} bytes", body.len())
    }
}
