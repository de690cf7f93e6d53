//! Why a replay is not to be had.

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::{Coded, ErrorCode, ReplayId};

/// What `Replayer` answers instead.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// There is none of that id.
    #[error("replay {0} does not exist")]
    NotFound(ReplayId),
    /// One is enough. The other one's id, unless it has just ended.
    #[error("another replay is under way")]
    UnderWay(Option<ReplayId>),
    /// Nothing is published yet, or nothing is left.
    #[error("the event log holds no published events")]
    Empty,
    /// The window is not within the log.
    #[error("the event log holds the published positions {first} to {last}")]
    OutOfRange {
        /// The oldest position that is there.
        first: i64,
        /// The last position that is published.
        last: i64,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for ReplayError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::ReplayNotFound,
            Self::UnderWay(_) => ErrorCode::ReplayUnderWay,
            Self::Empty | Self::OutOfRange { .. } => ErrorCode::PositionsOutOfRange,
            Self::Store(error) => error.code(),
        }
    }

    fn extension(&self) -> Option<(&'static str, serde_json::Value)> {
        let Self::UnderWay(Some(id)) = self else { return None };
        Some(("replay_id", serde_json::Value::from(id.to_string())))
    }
}
