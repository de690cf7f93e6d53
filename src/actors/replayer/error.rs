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
    /// One is enough.
    #[error("another replay is under way")]
    UnderWay,
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
            Self::UnderWay => ErrorCode::ReplayUnderWay,
            Self::Empty | Self::OutOfRange { .. } => ErrorCode::PositionsOutOfRange,
            Self::Store(error) => error.code(),
        }
    }
}
