//! Why a dead letter is not to be had, or not to be sent.

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::{Coded, DeadLetterId, ErrorCode};

/// What `DeadLetterRegistry` answers instead.
#[derive(Debug, Error)]
pub enum DeadLetterError {
    /// There is none of that id.
    #[error("dead letter {0} does not exist")]
    NotFound(DeadLetterId),
    /// It is to be sent already, or is being sent at this moment.
    #[error("dead letter {0} is being sent again")]
    UnderWay(DeadLetterId),
    /// It was sent again, or put away.
    #[error("dead letter {0} is handled")]
    Handled(DeadLetterId),
    /// It cannot be sent, and why.
    #[error("{0}")]
    NotRedrivable(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for DeadLetterError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::DeadLetterNotFound,
            Self::UnderWay(_) => ErrorCode::DeadLetterUnderWay,
            Self::Handled(_) => ErrorCode::DeadLetterHandled,
            Self::NotRedrivable(_) => ErrorCode::DeadLetterNotRedrivable,
            Self::Store(error) => error.code(),
        }
    }
}
