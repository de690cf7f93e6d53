//! Why a decision about an account was not carried out.

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::{Coded, ErrorCode, UserId};

/// What administrators are answered about accounts.
#[derive(Debug, Error)]
pub enum UserRegistryError {
    /// There is none of that id, or its owner has closed it.
    #[error("there is no open account {0}")]
    NotFound(UserId),
    /// An administrator cannot take the platform's last administrator away, which may be the one who asks.
    #[error("you cannot change the role of your own account, or disable it: ask another administrator")]
    Own,
    /// It has changed since the administrator looked.
    #[error("the account has changed meanwhile")]
    Stale,
    /// The actor could not be built.
    #[error("{0}")]
    Settings(String),
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for UserRegistryError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::UserNotFound,
            Self::Own => ErrorCode::Forbidden,
            Self::Stale => ErrorCode::PreconditionFailed,
            Self::Settings(_) => ErrorCode::Internal,
            Self::Store(error) => error.code(),
        }
    }
}
