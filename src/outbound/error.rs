//! Why a request does not go out, or comes to nothing. What is said of it is said to users: it tells of no address, no name that
//! was found and no port, or they could look around in our network by it.

use serde_json::{Value, json};
use thiserror::Error;

use crate::models::{Coded, ErrorCode};

/// Why an address is not gone to, as the rest of a sentence that begins with the field's name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// It has more bytes than `outbound.url_bytes_max`.
    #[error("must be at most {bytes_max} bytes long")]
    TooLong {
        /// How many it may have.
        bytes_max: usize,
    },
    /// It cannot be read, or holds letters that are not seen.
    #[error("must be a URL like https://example.com/path")]
    NotAUrl,
    /// It is of another kind than the web's.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// It names an account, which belongs into a header.
    #[error("must not hold a user name or a password")]
    Account,
    /// Its port is not one that is open to users.
    #[error("must not name this port")]
    Port,
    /// Its host is not known, or is one that is closed. Which of the two is not said: it would tell what names we know.
    #[error("must name a host of the public internet")]
    Host,
}

/// A field of a request that names an address to which nothing is sent.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{field} {refusal}")]
pub struct UrlNotAllowed {
    /// The field's path, as in `tasks[0].source_url`.
    pub field: String,
    /// What is wrong with it.
    pub refusal: Refusal,
}

impl Coded for UrlNotAllowed {
    fn code(&self) -> ErrorCode {
        ErrorCode::UrlNotAllowed
    }

    fn extension(&self) -> Option<(&'static str, Value)> {
        Some(("errors", json!([{ "field": self.field, "message": self.refusal.to_string() }])))
    }
}

/// Why a request came to nothing.
#[derive(Debug, Error)]
pub enum OutboundError {
    /// The address is closed: now, whatever was found when it was checked before.
    #[error("the address {0}")]
    NotAllowed(#[from] Refusal),
    /// Headers and body have more bytes than `outbound.request_bytes_max`.
    #[error("the request is larger than {bytes_max} bytes")]
    RequestTooLarge {
        /// How many it may have.
        bytes_max: usize,
    },
    /// As many requests are under way as may be, for the whole time that connecting may take.
    #[error("too many requests are under way")]
    Busy,
    /// Nobody answers there.
    #[error("no connection could be made")]
    Unreachable,
    /// The host did not prove that it is the one that was named.
    #[error("the host's certificate is not trusted, or TLS failed")]
    Untrusted,
    /// It took too long.
    #[error("{0} took too long")]
    TimedOut(Phase),
    /// The answer has more bytes than `outbound.answer_bytes_max`.
    #[error("the answer is larger than {bytes_max} bytes")]
    AnswerTooLarge {
        /// How many it may have.
        bytes_max: usize,
    },
    /// What came is not HTTP, has a head too large, or ends too early.
    #[error("the answer is broken")]
    Broken,
}

/// What took too long.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Phase {
    /// Finding the host and reaching it.
    #[error("connecting")]
    Connecting,
    /// Sending, until the answer begins.
    #[error("the beginning of the answer")]
    FirstByte,
    /// All of it.
    #[error("the answer")]
    Answer,
}
