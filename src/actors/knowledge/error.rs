//! Why a wish about a knowledge base was not granted.

use serde_json::{Value, json};
use thiserror::Error;

use crate::actors::instances::KNOWLEDGE_BYTES;
use crate::extraction::Refusal;
use crate::models::store::StoreError;
use crate::models::store::idempotency::KeyRefused;
use crate::models::{Coded, EntryId, ErrorCode, InstanceId};
use crate::outbound::UrlNotAllowed;

/// What `Knowledge` answers instead.
#[derive(Debug, Error)]
pub enum KnowledgeError {
    /// No instance of that id is reached.
    #[error("instance {0} does not exist")]
    InstanceNotFound(InstanceId),
    /// The knowledge base has no such entry.
    #[error("entry {0} does not exist")]
    EntryNotFound(EntryId),
    /// It is a team's, and the user's role there is for looking.
    #[error("your role in the team does not let you do this")]
    RoleTooLow,
    /// It has changed since the user looked.
    #[error("entry {0} has changed meanwhile")]
    Stale(EntryId),
    /// The same thing is there already.
    #[error("the knowledge base has this already, as entry {0}")]
    Exists(EntryId),
    /// What was read out of a file or an address is not what its user wrote.
    #[error(
        "the content of an entry that was read out of a file or an address cannot be changed; add another one"
    )]
    NotEditable,
    /// It has not failed.
    #[error("entry {0} has not failed; ask for it to be indexed anew instead")]
    NothingToRetry(EntryId),
    /// It neither waits nor is being read.
    #[error("entry {0} is neither waiting nor being read")]
    NothingToCancel(EntryId),
    /// The user has as much as they may have.
    #[error("{used} of {limit} {} of knowledge bases are there; delete entries that are not needed", unit(.name))]
    QuotaExceeded {
        /// What is limited.
        name: &'static str,
        /// How much there is.
        used: i64,
        /// How much there may be.
        limit: i64,
    },
    /// Nothing is fetched from there.
    #[error(transparent)]
    UrlNotAllowed(#[from] UrlNotAllowed),
    /// The key belongs to another wish.
    #[error("that `Idempotency-Key` was sent with another body; take a new one")]
    KeyReused,
    /// As much is under way as may be.
    #[error("too much is under way in knowledge bases")]
    Busy,
    /// It is nothing that is read.
    #[error("{0}")]
    Unsupported(Refusal),
    /// The upload took so long that what came of it was swept away.
    #[error("the upload took too long; send the file again")]
    UploadLost,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn unit(name: &str) -> &'static str {
    if name == KNOWLEDGE_BYTES { "bytes" } else { "entries" }
}

impl From<KeyRefused> for KnowledgeError {
    fn from(refused: KeyRefused) -> Self {
        match refused {
            KeyRefused::OtherWork => Self::KeyReused,
            KeyRefused::Busy => Self::Busy,
        }
    }
}

impl Coded for KnowledgeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InstanceNotFound(_) => ErrorCode::InstanceNotFound,
            Self::EntryNotFound(_) => ErrorCode::EntryNotFound,
            Self::RoleTooLow => ErrorCode::Forbidden,
            Self::Stale(_) => ErrorCode::PreconditionFailed,
            Self::Exists(_) => ErrorCode::EntryExists,
            Self::NotEditable => ErrorCode::EntryNotEditable,
            Self::NothingToRetry(_) => ErrorCode::NothingToRetry,
            Self::NothingToCancel(_) => ErrorCode::NothingToCancel,
            Self::QuotaExceeded { .. } => ErrorCode::QuotaExceeded,
            Self::UrlNotAllowed(error) => error.code(),
            Self::KeyReused => ErrorCode::IdempotencyKeyReused,
            Self::Busy => ErrorCode::ServiceBusy,
            Self::Unsupported(_) => ErrorCode::UnsupportedMediaType,
            Self::UploadLost => ErrorCode::RequestTimedOut,
            Self::Store(error) => error.code(),
        }
    }

    fn extension(&self) -> Option<(&'static str, Value)> {
        match self {
            Self::QuotaExceeded { name, used, limit } => {
                Some(("quota", json!({"name": name, "limit": limit, "used": used})))
            }
            Self::Exists(id) => Some(("entry_id", json!(id))),
            Self::Unsupported(refusal) => Some(("reason", json!(refusal.code()))),
            Self::UrlNotAllowed(error) => error.extension(),
            _ => None,
        }
    }
}
