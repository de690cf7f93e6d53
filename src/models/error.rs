//! Every way in which a request can go wrong, with the name that clients know it by.

use std::fmt;

/// What a failure means for the caller; each kind is one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be read.
    BadRequest,
    /// Nobody, or nobody known, is asking.
    Unauthorized,
    /// Whoever asks may not.
    Forbidden,
    /// There is no such thing, or not for this caller.
    NotFound,
    /// The route does not know this verb.
    MethodNotAllowed,
    /// The request took too long to come.
    RequestTimeout,
    /// The state of things does not allow it now.
    Conflict,
    /// The caller's view of the thing is out of date.
    PreconditionFailed,
    /// The body is too big.
    PayloadTooLarge,
    /// The path and query are too long.
    UriTooLong,
    /// The header fields are too large.
    HeadersTooLarge,
    /// The body is of a kind that is not read here.
    UnsupportedMediaType,
    /// The request can be read and makes no sense.
    Unprocessable,
    /// Too often; wait.
    TooManyRequests,
    /// We cannot at the moment; try again.
    Unavailable,
    /// Our fault.
    Internal,
}

impl ErrorKind {
    /// The HTTP status of this kind.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::PayloadTooLarge => 413,
            Self::UriTooLong => 414,
            Self::UnsupportedMediaType => 415,
            Self::Unprocessable => 422,
            Self::TooManyRequests => 429,
            Self::HeadersTooLarge => 431,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

/// Defines [`ErrorCode`]. A slug is API: add to the table, never rename in it.
macro_rules! error_codes {
    ($($code:ident, $slug:literal, $kind:ident, $title:literal;)+) => {
        /// The stable name of a failure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $slug, "`: ", $title, ".")] $code,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// The name that travels in `code`.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$code => $slug,)+ }
            }

            /// What the failure means for the caller.
            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$code => ErrorKind::$kind,)+ }
            }

            /// One line for people, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$code => $title,)+ }
            }
        }
    };
}

error_codes! {
    MalformedJson,         "malformed_json",         BadRequest,           "Request body is not valid JSON";
    MalformedYaml,         "malformed_yaml",         BadRequest,           "Request body is not YAML that can be read";
    BadRequest,            "bad_request",            BadRequest,           "Request cannot be read";
    ValidationFailed,      "validation_failed",      Unprocessable,        "Request has invalid fields";
    Unauthenticated,       "unauthenticated",        Unauthorized,         "Credentials are missing or not valid";
    InvalidCredentials,    "invalid_credentials",    Unauthorized,         "User name or password is wrong";
    InvalidRefreshToken,   "invalid_refresh_token",  Unauthorized,         "Refresh token is not valid";
    RefreshTokenReused,    "refresh_token_reused",   Unauthorized,         "Refresh token was used before";
    InvalidResetToken,     "invalid_reset_token",    Unauthorized,         "Password reset token is not valid";
    WrongPassword,         "wrong_password",         Unprocessable,        "Current password is wrong";
    Forbidden,             "forbidden",              Forbidden,            "Not allowed";
    NotFound,              "not_found",              NotFound,             "There is nothing here";
    MethodNotAllowed,      "method_not_allowed",     MethodNotAllowed,     "Method is not allowed here";
    RequestTimedOut,       "request_timed_out",      RequestTimeout,       "Request did not arrive in time";
    PayloadTooLarge,       "payload_too_large",      PayloadTooLarge,      "Request body is too large";
    UriTooLong,            "uri_too_long",           UriTooLong,           "Path and query are too long";
    HeadersTooLarge,       "headers_too_large",      HeadersTooLarge,      "Header fields are too large";
    UnsupportedMediaType,  "unsupported_media_type", UnsupportedMediaType, "Content type is not supported";
    RateLimited,           "rate_limited",           TooManyRequests,      "Too many requests; retry later";
    QuotaExceeded,         "quota_exceeded",         Forbidden,            "Quota is used up";
    IdempotencyKeyReused,  "idempotency_key_reused", Unprocessable,        "Idempotency key was used for another request";
    PreconditionFailed,    "precondition_failed",    PreconditionFailed,   "Resource has changed meanwhile";
    UsernameTaken,         "username_taken",         Conflict,             "User name is taken";
    EmailTaken,            "email_taken",            Conflict,             "Email address is taken";
    ApiKeyNotFound,        "api_key_not_found",      NotFound,             "API key does not exist";
    UserNotFound,          "user_not_found",         NotFound,             "User does not exist";
    AgentNotFound,         "agent_not_found",        NotFound,             "Agent does not exist";
    AgentRetired,          "agent_retired",          Conflict,             "Agent is retired";
    AgentInUse,            "agent_in_use",           Conflict,             "Agent still has instances; retire it instead";
    ActivationCodeTaken,   "activation_code_taken",  Conflict,             "Activation code is taken";
    ReplayNotFound,        "replay_not_found",       NotFound,             "Replay does not exist";
    ReplayUnderWay,        "replay_under_way",       Conflict,             "Another replay is under way";
    DeadLetterNotFound,    "dead_letter_not_found",  NotFound,             "Dead letter does not exist";
    DeadLetterUnderWay,    "dead_letter_under_way",  Conflict,             "Dead letter is being sent again";
    DeadLetterHandled,     "dead_letter_handled",    Conflict,             "Dead letter is handled";
    DeadLetterNotRedrivable, "dead_letter_not_redrivable", Conflict,       "Dead letter cannot be sent again";
    UrlNotAllowed,         "url_not_allowed",        Unprocessable,        "Nothing is sent to this address";
    PositionsOutOfRange,   "positions_out_of_range", Unprocessable,        "Positions are not in the event log";
    InstanceNotFound,      "instance_not_found",     NotFound,             "Instance does not exist";
    EntryNotFound,         "entry_not_found",        NotFound,             "Knowledge base entry does not exist";
    EntryExists,           "entry_exists",           Conflict,             "Knowledge base has this already";
    EntryNotEditable,      "entry_not_editable",     Conflict,             "Content was read out of a file or an address";
    NothingToRetry,        "nothing_to_retry",       Conflict,             "Entry has not failed";
    NothingToCancel,       "nothing_to_cancel",      Conflict,             "Entry is not waiting or being read";
    TeamNotFound,          "team_not_found",         NotFound,             "Team does not exist";
    MemberNotFound,        "member_not_found",       NotFound,             "User is not a member of the team";
    LastOwner,             "last_owner",             Conflict,             "Team would be without an owner";
    TeamInUse,             "team_in_use",            Conflict,             "Team still has instances";
    TeamClosing,           "team_closing",           Conflict,             "Team is being deleted";
    NothingToRequeue,      "nothing_to_requeue",     Conflict,             "Instance has nothing that a worker could do";
    IllegalTransition,     "illegal_transition",     Conflict,             "Status change is not allowed";
    Conflict,              "conflict",               Conflict,             "Request conflicts with what exists";
    ServiceBusy,           "service_busy",           Unavailable,          "Service is busy; retry later";
    DependencyUnavailable, "dependency_unavailable", Unavailable,          "A part of the service is away; retry later";
    OutcomeUnknown,        "outcome_unknown",        Unavailable,          "It is not known whether the change was made";
    Internal,              "internal",               Internal,             "Something went wrong on our side";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.slug())
    }
}

/// An error that knows its code, so that one place can turn all of them into answers.
pub trait Coded: std::error::Error {
    /// The code of this very error. Implementations match without a `_` arm.
    fn code(&self) -> ErrorCode;

    /// A member that this error adds to the problem document, where a program may want to know more than the code.
    fn extension(&self) -> Option<(&'static str, serde_json::Value)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn slugs_are_snake_case_and_each_is_used_once() {
        let mut seen = HashSet::new();
        for code in ErrorCode::ALL {
            let slug = code.slug();
            assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{slug}");
            assert!(seen.insert(slug), "{slug} is there twice");
            assert!((400..600).contains(&code.kind().status()));
        }
    }

    #[test]
    fn every_code_has_one_row_in_the_documentation_with_its_own_status() {
        let page = include_str!("../../docs/errors.md");
        for code in ErrorCode::ALL {
            let row = format!("| `{code}` | {} | ", code.kind().status());
            assert_eq!(page.matches(&row).count(), 1, "docs/errors.md needs one row that begins with {row}");
        }
        let rows = page.lines().filter(|line| {
            let mut cells = line.split(" | ");
            let is_code = cells.next().is_some_and(|cell| cell.starts_with("| `"));
            is_code && cells.next().is_some_and(|status| status.parse::<u16>().is_ok())
        });
        assert_eq!(rows.count(), ErrorCode::ALL.len(), "docs/errors.md has a row for a code that is gone");
    }
}
