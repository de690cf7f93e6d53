//! Why a session does not begin, or does not get its history.

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::{Coded, ErrorCode};

/// Why there is no seat.
#[derive(Debug, Error)]
pub enum JoinError {
    /// The replica has as many sockets and event streams as it may.
    #[error("this replica has no room for another session")]
    ReplicaFull,
    /// The user has as many as they may.
    #[error("at most {max} sockets and event streams of one user at a time")]
    TooManyOfUser {
        /// How many they may have.
        max: usize,
    },
    /// The sign-in was ended on its way here.
    #[error("the session has been ended; sign in again")]
    Ended,
    /// Something about its user has changed since their teams were looked up: the door looks again.
    #[error("the user's teams are changing")]
    Regrouped,
    /// The replica is going away.
    #[error("this replica is going away")]
    Draining,
    /// It is not known yet up to where everything has been told, because Postgres is away.
    #[error("the event log cannot be read at present")]
    NotReady,
}

impl Coded for JoinError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::ReplicaFull | Self::Regrouped | Self::Draining => ErrorCode::ServiceBusy,
            Self::TooManyOfUser { .. } => ErrorCode::RateLimited,
            Self::Ended => ErrorCode::Unauthenticated,
            Self::NotReady => ErrorCode::DependencyUnavailable,
        }
    }
}

/// Why a page of the log cannot be had; the same page may be asked for again.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// Postgres did not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
