//! Why a wish about API keys was not granted.

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::store::idempotency::KeyRefused;
use crate::models::{ApiKeyId, Coded, ErrorCode, TeamId};

/// What `ApiKeys` answers instead.
#[derive(Debug, Error)]
pub enum ApiKeyError {
    /// It was never made, is revoked or expired, or its user's account is not open.
    #[error("the API key is not valid")]
    Invalid,
    /// There is none, or not of this user.
    #[error("there is no API key {0} of yours that goes on")]
    NotFound(ApiKeyId),
    /// The user is in no such team.
    #[error("team {0} does not exist")]
    TeamNotFound(TeamId),
    /// The user has as many as they may have.
    #[error("you have {0} API keys, as many as you may have; revoke one first")]
    TooMany(i64),
    /// The account is closed, or closing.
    #[error("the account is not open")]
    AccountClosed,
    /// The key of the request was used for something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The key of the request is being used over and over.
    #[error("another request with this idempotency key is under way")]
    KeyBusy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The actor could not be built.
    #[error("{0}")]
    Settings(String),
}

impl From<KeyRefused> for ApiKeyError {
    fn from(refused: KeyRefused) -> Self {
        match refused {
            KeyRefused::OtherWork => Self::KeyReused,
            KeyRefused::Busy => Self::KeyBusy,
        }
    }
}

impl Coded for ApiKeyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid | Self::AccountClosed => ErrorCode::Unauthenticated,
            Self::NotFound(_) => ErrorCode::ApiKeyNotFound,
            Self::TeamNotFound(_) => ErrorCode::TeamNotFound,
            Self::TooMany(_) => ErrorCode::QuotaExceeded,
            Self::KeyReused => ErrorCode::IdempotencyKeyReused,
            Self::KeyBusy => ErrorCode::ServiceBusy,
            Self::Store(error) => error.code(),
            Self::Settings(_) => ErrorCode::Internal,
        }
    }
}
