//! Why a good token is not enough.

use thiserror::Error;

use crate::models::{Coded, ErrorCode};

/// Why its holder does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RevocationError {
    /// The session was logged out, or ended with others of the account.
    #[error("the session has been ended; sign in again")]
    Ended,
    /// Neither the view nor Redis nor Postgres can say.
    #[error("it cannot be found out whether the session goes on")]
    Unknown,
}

impl Coded for RevocationError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Ended => ErrorCode::Unauthenticated,
            Self::Unknown => ErrorCode::DependencyUnavailable,
        }
    }
}
