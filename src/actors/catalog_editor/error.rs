//! Why an administrator's wish was not granted.

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::store::idempotency::KeyRefused;
use crate::models::{AgentId, Coded, ErrorCode};

/// What `CatalogEditor` answers instead.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// There is none of that id.
    #[error("agent {0} does not exist")]
    NotFound(AgentId),
    /// Instances were made from it.
    #[error("agent {0} still has instances; retire it instead")]
    InUse(AgentId),
    /// Another agent has that code.
    #[error("the activation code is taken")]
    ActivationCodeTaken,
    /// It has changed since the editor read it.
    #[error("agent {0} has changed meanwhile; read it again")]
    Stale(AgentId),
    /// The key belongs to another wish.
    #[error("that `Idempotency-Key` was sent with another body; take a new one")]
    KeyReused,
    /// Others work under the same key, and are refused, again and again.
    #[error("the key is in use")]
    KeyBusy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KeyRefused> for CatalogError {
    fn from(refused: KeyRefused) -> Self {
        match refused {
            KeyRefused::OtherWork => Self::KeyReused,
            KeyRefused::Busy => Self::KeyBusy,
        }
    }
}

impl Coded for CatalogError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::AgentNotFound,
            Self::InUse(_) => ErrorCode::AgentInUse,
            Self::ActivationCodeTaken => ErrorCode::ActivationCodeTaken,
            Self::Stale(_) => ErrorCode::PreconditionFailed,
            Self::KeyReused => ErrorCode::IdempotencyKeyReused,
            Self::KeyBusy => ErrorCode::ServiceBusy,
            Self::Store(error) => error.code(),
        }
    }
}
