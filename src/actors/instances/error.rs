//! Why a user's wish about an instance was not granted.

use std::sync::Arc;

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::{AgentId, Coded, ErrorCode, InstanceId, TeamId};

/// The name of the quota.
pub(super) const INSTANCES: &str = "instances";
/// The name of the quota of entries of knowledge bases.
pub(in crate::actors) const KNOWLEDGE_ENTRIES: &str = "knowledge_entries";
/// The name of the quota of the bytes that they take.
pub(in crate::actors) const KNOWLEDGE_BYTES: &str = "knowledge_bytes";

/// What `Instances` answers instead.
#[derive(Debug, Error)]
pub enum InstanceError {
    /// Nothing of that id is reached.
    #[error("instance {0} does not exist")]
    NotFound(InstanceId),
    /// There is no such agent on offer, and never was.
    #[error("agent {0} does not exist")]
    AgentNotFound(AgentId),
    /// There was.
    #[error("agent {0} is retired")]
    AgentRetired(AgentId),
    /// The user is in no such team.
    #[error("team {0} does not exist")]
    TeamNotFound(TeamId),
    /// The team is going away.
    #[error("team {0} is being deleted")]
    TeamClosing(TeamId),
    /// It is a team's, and the user's role there is for looking.
    #[error("your role in the team does not let you do this")]
    RoleTooLow,
    /// It has changed since the user looked.
    #[error("instance {0} has changed meanwhile")]
    Stale(InstanceId),
    /// No worker could do anything for it.
    #[error("instance {0} is being deleted, or stopped and wanted so: there is nothing to requeue")]
    NothingToRequeue(InstanceId),
    /// The user has as many as they may have.
    #[error("{used} of {limit} instances are there; delete one that is not needed")]
    QuotaExceeded {
        /// How many there are.
        used: i64,
        /// How many there may be.
        limit: i64,
    },
    /// The key belongs to another wish.
    #[error("that `Idempotency-Key` was sent with another body; take a new one")]
    KeyReused,
    /// As many are waiting to be made as may wait.
    #[error("too many instances are waiting to be made")]
    Busy,
    /// The actor ended while the wish was waiting or under way.
    #[error("it is not known whether the instance was made")]
    Abandoned,
    /// The commit that this wish shared with others failed.
    #[error(transparent)]
    Commit(#[from] Arc<StoreError>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for InstanceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::InstanceNotFound,
            Self::AgentNotFound(_) => ErrorCode::AgentNotFound,
            Self::AgentRetired(_) => ErrorCode::AgentRetired,
            Self::TeamNotFound(_) => ErrorCode::TeamNotFound,
            Self::TeamClosing(_) => ErrorCode::TeamClosing,
            Self::RoleTooLow => ErrorCode::Forbidden,
            Self::Stale(_) => ErrorCode::PreconditionFailed,
            Self::NothingToRequeue(_) => ErrorCode::NothingToRequeue,
            Self::QuotaExceeded { .. } => ErrorCode::QuotaExceeded,
            Self::KeyReused => ErrorCode::IdempotencyKeyReused,
            Self::Busy => ErrorCode::ServiceBusy,
            Self::Abandoned => ErrorCode::OutcomeUnknown,
            Self::Commit(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn extension(&self) -> Option<(&'static str, serde_json::Value)> {
        let Self::QuotaExceeded { used, limit } = self else { return None };
        Some(("quota", serde_json::json!({"name": INSTANCES, "limit": limit, "used": used})))
    }
}
