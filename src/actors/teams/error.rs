//! Why a wish about a team was not granted.

use std::sync::Arc;

use thiserror::Error;

use crate::actors::team_projection::Unprojected;
use crate::models::store::idempotency::KeyRefused;
use crate::models::store::{Rule, StoreError};
use crate::models::{Coded, ErrorCode, TeamId, UserId};

/// What `Teams` answers instead.
#[derive(Debug, Error)]
pub enum TeamError {
    /// The caller is in no such team.
    #[error("team {0} does not exist")]
    NotFound(TeamId),
    /// They are in it, and their role does not let them.
    #[error("your role in team {0} does not let you do this")]
    RoleTooLow(TeamId),
    /// There is no such account, or it is closed.
    #[error("user {0} does not exist")]
    UserNotFound(UserId),
    /// That user is not in the team.
    #[error("user {0} is not in the team")]
    MemberNotFound(UserId),
    /// It has changed since the caller looked.
    #[error("team {0} has changed meanwhile")]
    Stale(TeamId),
    /// Somebody has to govern it.
    #[error("user {0} is the last owner; make somebody else an owner first")]
    LastOwner(UserId),
    /// Something belongs to it.
    #[error("team {0} still has instances; delete them first")]
    InUse(TeamId),
    /// It is being found out whether it can be deleted.
    #[error("team {0} is being deleted")]
    Closing(TeamId),
    /// Somebody has as many as they may have.
    #[error("{used} of {limit} {name} are there")]
    QuotaExceeded {
        /// Of what.
        name: &'static str,
        /// How many there are.
        used: i64,
        /// How many there may be.
        limit: i64,
    },
    /// The key belongs to another wish.
    #[error("that `Idempotency-Key` was sent with another body; take a new one")]
    KeyReused,
    /// Another wish under the same key was refused, time and again.
    #[error("others work under the same `Idempotency-Key`")]
    KeyBusy,
    /// It was done, and is not in force everywhere yet. It will be soon, without anybody's doing.
    #[error("it is done, and not yet in force")]
    Unprojected(#[source] Unprojected),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It failed for all who asked together.
    #[error(transparent)]
    Shared(#[from] Arc<StoreError>),
}

impl TeamError {
    /// Names whom the rule protects that says that a team has an owner.
    pub(super) fn of_member(error: StoreError, user: UserId) -> Self {
        match error {
            StoreError::RuleBroken { rule: Rule::LastOwners, .. } => Self::LastOwner(user),
            error => error.into(),
        }
    }
}

impl From<KeyRefused> for TeamError {
    fn from(refused: KeyRefused) -> Self {
        match refused {
            KeyRefused::OtherWork => Self::KeyReused,
            KeyRefused::Busy => Self::KeyBusy,
        }
    }
}

impl Coded for TeamError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::TeamNotFound,
            Self::RoleTooLow(_) => ErrorCode::Forbidden,
            Self::UserNotFound(_) => ErrorCode::UserNotFound,
            Self::MemberNotFound(_) => ErrorCode::MemberNotFound,
            Self::Stale(_) => ErrorCode::PreconditionFailed,
            Self::LastOwner(_) => ErrorCode::LastOwner,
            Self::InUse(_) => ErrorCode::TeamInUse,
            Self::Closing(_) => ErrorCode::TeamClosing,
            Self::QuotaExceeded { .. } => ErrorCode::QuotaExceeded,
            Self::KeyReused => ErrorCode::IdempotencyKeyReused,
            Self::KeyBusy => ErrorCode::ServiceBusy,
            Self::Unprojected(_) => ErrorCode::OutcomeUnknown,
            Self::Store(error) => error.code(),
            Self::Shared(error) => error.code(),
        }
    }

    fn extension(&self) -> Option<(&'static str, serde_json::Value)> {
        let Self::QuotaExceeded { name, used, limit } = self else { return None };
        Some(("quota", serde_json::json!({"name": name, "limit": limit, "used": used})))
    }
}
