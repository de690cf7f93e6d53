//! Why an account's wish was not granted.

use thiserror::Error;

use super::hasher::HashError;
use crate::models::store::StoreError;
use crate::models::{Coded, ErrorCode};

/// What `Accounts` answers instead.
#[derive(Debug, Error)]
pub enum AccountError {
    /// Somebody has that name, in whatever case.
    #[error("the user name is taken")]
    UsernameTaken,
    /// Somebody has that address, in whatever case.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The name is unknown, the password wrong or the account closed; which of them is nobody's business.
    #[error("the user name or the password is wrong")]
    InvalidCredentials,
    /// The person is known, and may not sign in here.
    #[error("this needs the role `admin`")]
    AdminsOnly,
    /// The ticket was never given out, was used or is too old; or its holder may not come in any more.
    #[error("the ticket is not valid")]
    InvalidTicket,
    /// Signed in, and gone since.
    #[error("the user does not exist")]
    UserNotFound,
    /// The password could not be looked at.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for AccountError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UsernameTaken => ErrorCode::UsernameTaken,
            Self::EmailTaken => ErrorCode::EmailTaken,
            Self::InvalidCredentials => ErrorCode::InvalidCredentials,
            Self::AdminsOnly => ErrorCode::Forbidden,
            Self::InvalidTicket => ErrorCode::Unauthenticated,
            Self::UserNotFound => ErrorCode::UserNotFound,
            Self::Hash(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}
