//! Why a write to the ledger has no good answer.

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::{Coded, ErrorCode};

/// What the ledger answers where it did not write. "Another owns it" is not among them: that is an answer.
#[derive(Clone, Debug, Error)]
pub enum LedgerError {
    /// Postgres is away or busy. The write may have happened, if the connection broke in the middle: take the instance
    /// again rather than repeating the write.
    #[error("{0}")]
    Unavailable(String),
    /// This very write is not lawful, or a fault of ours; repeating it changes nothing.
    #[error("{0}")]
    Refused(String),
    /// Another session holds the row. Nothing was written; ask again in a moment.
    #[error("another session has locked its row")]
    Locked,
    /// This replica is handing everything back.
    #[error("this replica is handing its instances back")]
    Closing,
}

impl LedgerError {
    /// What a statement failed with, in the words of the ledger.
    pub(super) fn of(error: &StoreError) -> Self {
        match error {
            StoreError::Busy { .. }
            | StoreError::Unavailable { .. }
            | StoreError::Lost(_)
            | StoreError::Silent(_) => Self::Unavailable(error.to_string()),
            StoreError::Conflict { .. }
            | StoreError::Reference { .. }
            | StoreError::RuleBroken { .. }
            | StoreError::Invalid { .. }
            | StoreError::StaleEpoch
            | StoreError::Shape(_)
            | StoreError::Settings(_)
            | StoreError::Database(_) => Self::Refused(error.to_string()),
        }
    }
}

impl Coded for LedgerError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable(_) | Self::Locked | Self::Closing => ErrorCode::DependencyUnavailable,
            Self::Refused(_) => ErrorCode::Internal,
        }
    }
}
