//! Why a look at the audit log did not come to its end.

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::{Coded, ErrorCode};

/// What administrators are answered about the audit log.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for AuditError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Store(error) => error.code(),
        }
    }
}
