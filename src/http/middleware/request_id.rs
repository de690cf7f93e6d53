//! The name of one request, by which a caller's report and our log lines find each other.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use uuid::Uuid;

use crate::http::problem::Problem;
use crate::models::ErrorCode;

/// Where it travels, in both directions.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Long enough for every usual scheme; a longer one would let callers fill our logs.
const LENGTH_MAX: usize = 128;

/// Taken from the caller if it is sane, else a fresh UUIDv7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Takes or makes the id of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).filter(|value| is_sane(value.as_bytes()));
        given.cloned().map_or_else(Self::fresh, Self)
    }

    fn fresh() -> Self {
        let mut buffer = Uuid::encode_buffer();
        let text: &str = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
        // Hexadecimal digits and hyphens are always a header's value.
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unknown")))
    }

    /// The id itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromRequest for RequestId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<Self>().cloned();
        ready(id.ok_or(Problem::new(ErrorCode::Internal)))
    }
}

/// Printable ASCII without spaces or quotes: it is safe in a header, in a JSON text and on a log line.
fn is_sane(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>');
    !id.is_empty() && id.len() <= LENGTH_MAX && id.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(value: &[u8]) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn a_sane_id_is_taken() {
        assert_eq!(taken(b"trace:1/a-b_c.d").as_str(), "trace:1/a-b_c.d");
    }

    #[test]
    fn any_other_is_replaced_by_a_uuid() {
        for insane in [&b""[..], b"a b", b"\"", "ä".as_bytes(), &[b'x'; LENGTH_MAX + 1]] {
            assert!(Uuid::parse_str(taken(insane).as_str()).is_ok(), "{insane:?}");
        }
        assert!(Uuid::parse_str(RequestId::of(&HeaderMap::new()).as_str()).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_sent_the_id_is_safe_everywhere_and_taken_as_it_is_or_not_at_all(
            sent in prop_oneof![prop::collection::vec(any::<u8>(), 0..140), "[!-~]{0,140}".prop_map(String::into_bytes)]
        ) {
            let Ok(value) = HeaderValue::from_bytes(&sent) else { return Ok(()) };
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, value);
            let id = RequestId::of(&headers);
            let is_taken = id.as_str().as_bytes() == sent;
            prop_assert!(is_taken || Uuid::parse_str(id.as_str()).is_ok());
            prop_assert!(is_sane(id.as_str().as_bytes()));
            prop_assert!(id.header() == id.as_str());
            prop_assert_eq!(serde_json::to_string(id.as_str()).unwrap(), format!("\"{id}\""));
        }
    }
}
