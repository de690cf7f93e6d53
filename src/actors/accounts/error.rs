//! Why an account's wish was not granted.

use thiserror::Error;

use super::hasher::HashError;
use crate::actors::revocations::RevocationError;
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
    /// The refresh token was never given out, is too old, or its session is over.
    #[error("the refresh token is not valid; sign in again")]
    InvalidRefreshToken,
    /// The refresh token was used before: its session is over from now on.
    #[error("the refresh token was used before, so its session has been ended; sign in again")]
    RefreshTokenReused,
    /// The token for another password was never given out, is used, overtaken or too old, or its account is closed.
    #[error("the token is not valid; ask an administrator for another")]
    InvalidResetToken,
    /// What was said to be the present password is not.
    #[error("the present password is another one")]
    WrongPassword,
    /// An administrator cannot leave.
    #[error(
        "an administrator's account cannot be closed; another administrator can take the role away first"
    )]
    AdminStays,
    /// Whoever asks has an API key and no sign-in.
    #[error("this needs somebody who is signed in; an API key is not enough")]
    SessionNeeded,
    /// The session is over, or it cannot be found out.
    #[error(transparent)]
    Session(#[from] RevocationError),
    /// It has changed since its owner looked.
    #[error("the account has changed meanwhile")]
    Stale,
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
            Self::AdminsOnly | Self::AdminStays | Self::SessionNeeded => ErrorCode::Forbidden,
            Self::InvalidRefreshToken => ErrorCode::InvalidRefreshToken,
            Self::RefreshTokenReused => ErrorCode::RefreshTokenReused,
            Self::InvalidResetToken => ErrorCode::InvalidResetToken,
            Self::WrongPassword => ErrorCode::WrongPassword,
            Self::Session(error) => error.code(),
            Self::InvalidTicket => ErrorCode::Unauthenticated,
            Self::Stale => ErrorCode::PreconditionFailed,
            Self::UserNotFound => ErrorCode::UserNotFound,
            Self::Hash(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}
