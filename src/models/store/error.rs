//! What can go wrong in the database, in the terms of those who asked.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use deadpool_postgres::PoolError;
use thiserror::Error;
use tokio_postgres::error::SqlState;

use crate::models::error::{Coded, ErrorCode};

/// A rule of the migrations; each has an SQLSTATE of class `BB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `BB001`: a status may not be followed by that other one.
    LegalMoves,
    /// `BB002`: what is deleted stays deleted.
    Tombstones,
    /// `BB003`: a column that never changes.
    FixedColumns,
    /// `BB004`: an instance begins as `pending`, with revision 1.
    Beginnings,
    /// `BB005`: a version of an agent that was published never changes.
    PublishedVersions,
    /// `BB006`: an account is closed before it is deleted.
    OpenAccounts,
    /// `BB007`: a session is deleted when its access tokens are dead.
    LivingSessions,
    /// `BB008`: an API key that is revoked stays so.
    RevokedKeys,
    /// `BB009`: an API key is revoked before it is deleted.
    GoodKeys,
    /// `BB010`: the audit log only ever grows.
    AuditGrows,
    /// `BB012`: a team has an owner.
    LastOwners,
}

impl Rule {
    /// Every rule with its SQLSTATE.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::LegalMoves, "BB001"),
        (Self::Tombstones, "BB002"),
        (Self::FixedColumns, "BB003"),
        (Self::Beginnings, "BB004"),
        (Self::PublishedVersions, "BB005"),
        (Self::OpenAccounts, "BB006"),
        (Self::LivingSessions, "BB007"),
        (Self::RevokedKeys, "BB008"),
        (Self::GoodKeys, "BB009"),
        (Self::AuditGrows, "BB010"),
        (Self::LastOwners, "BB012"),
    ];

    fn from_sqlstate(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, sqlstate)| *sqlstate == code).map(|(rule, _)| *rule)
    }
}

/// What a store function can fail with.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another row has that value already.
    #[error("the value is taken ({constraint})")]
    Conflict {
        /// The unique constraint or index that says so.
        constraint: String,
    },
    /// The row it refers to is not there, or other rows still refer to it.
    #[error("another row is missing or in the way ({constraint})")]
    Reference {
        /// The foreign key that says so.
        constraint: String,
    },
    /// A rule of the migrations forbids it.
    #[error("{message}")]
    RuleBroken {
        /// Which rule.
        rule: Rule,
        /// What it says, with the values.
        message: String,
    },
    /// The value does not fit its column.
    #[error("the value cannot be stored: {message}")]
    Invalid {
        /// Why not.
        message: String,
    },
    /// Nothing was changed; the same call may succeed in a moment.
    #[error("the database is busy: {reason}")]
    Busy {
        /// What there was too little of.
        reason: String,
        /// Whether it was about rows that somebody else held, so that a statement about other rows may well succeed.
        is_about_rows: bool,
    },
    /// Nothing was changed; the database is away.
    #[error("the database cannot be reached: {reason}")]
    Unavailable {
        /// What the driver or the server said.
        reason: String,
    },
    /// The connection broke while a statement was under way: a write may have happened or not.
    #[error("the connection to the database broke during a statement")]
    Lost(#[source] tokio_postgres::Error),
    /// Nothing came back for longer than Postgres itself lets a statement run, and the connection was closed: a write may
    /// have happened or not.
    #[error("no answer from the database within {0:?}")]
    Silent(Duration),
    /// Another publisher leads by now; whoever gets this must stop publishing.
    #[error("another publisher leads")]
    StaleEpoch,
    /// A row has not the shape that this release expects.
    #[error("a row has an unexpected shape: {0}")]
    Shape(String),
    /// The settings cannot be used.
    #[error("the database settings cannot be used: {0}")]
    Settings(String),
    /// Anything else: a fault of ours.
    #[error("the database refused a statement")]
    Database(#[source] tokio_postgres::Error),
}

impl StoreError {
    /// Whether this is a violation of the unique constraint or index of that name.
    #[must_use]
    pub fn is_conflict_on(&self, name: &str) -> bool {
        matches!(self, Self::Conflict { constraint } if constraint == name)
    }

    /// Whether the same call may simply be made again: nothing was changed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable { .. })
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            let broke = error.is_closed() || error.source().is_some_and(|source| source.is::<io::Error>());
            if broke {
                return Self::Lost(error);
            }
            // Neither the server nor the network: the driver could not encode a parameter or decode a column.
            let cause =
                error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
            return Self::Shape(cause);
        };

        let message = told.message().to_owned();
        let constraint = || told.constraint().unwrap_or("unnamed").to_owned();
        if let Some(rule) = Rule::from_sqlstate(told.code().code()) {
            return Self::RuleBroken { rule, message };
        }
        match told.code() {
            &SqlState::UNIQUE_VIOLATION => Self::Conflict { constraint: constraint() },
            &SqlState::FOREIGN_KEY_VIOLATION | &SqlState::RESTRICT_VIOLATION => {
                Self::Reference { constraint: constraint() }
            }
            &SqlState::CHECK_VIOLATION | &SqlState::NOT_NULL_VIOLATION => Self::Invalid { message },
            &SqlState::QUERY_CANCELED
            | &SqlState::LOCK_NOT_AVAILABLE
            | &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED => Self::Busy { reason: message, is_about_rows: true },
            &SqlState::TOO_MANY_CONNECTIONS => Self::Busy { reason: message, is_about_rows: false },
            // A server that says good-bye before it has answered has rolled back.
            &SqlState::ADMIN_SHUTDOWN
            | &SqlState::CRASH_SHUTDOWN
            | &SqlState::CANNOT_CONNECT_NOW
            | &SqlState::READ_ONLY_SQL_TRANSACTION
            | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | &SqlState::DISK_FULL
            | &SqlState::OUT_OF_MEMORY => Self::Unavailable { reason: message },
            code if code.code().starts_with("22") => Self::Invalid { message },
            code if code.code().starts_with("08") => Self::Lost(error),
            _ => Self::Database(error),
        }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            // Whatever keeps a connection from being made, no statement was sent.
            PoolError::Backend(error) => Self::Unavailable { reason: with_cause(&error) },
            PoolError::Timeout(kind) => Self::Busy {
                reason: format!("no connection in time ({kind:?} timeout of the pool)"),
                is_about_rows: false,
            },
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Self::Unavailable { reason: error.to_string() }
            }
        }
    }
}

/// The error and what is behind it, in one line: the driver's own text says "error connecting to server" only.
pub(super) fn with_cause(error: &tokio_postgres::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

impl Coded for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Conflict { .. } | Self::Reference { .. } => ErrorCode::Conflict,
            Self::RuleBroken { rule, .. } => match rule {
                Rule::LegalMoves => ErrorCode::IllegalTransition,
                Rule::Tombstones => ErrorCode::InstanceNotFound,
                Rule::LastOwners => ErrorCode::LastOwner,
                Rule::FixedColumns
                | Rule::Beginnings
                | Rule::PublishedVersions
                | Rule::OpenAccounts
                | Rule::LivingSessions
                | Rule::RevokedKeys
                | Rule::GoodKeys
                | Rule::AuditGrows => ErrorCode::Conflict,
            },
            Self::Invalid { .. } => ErrorCode::ValidationFailed,
            Self::Busy { .. } => ErrorCode::ServiceBusy,
            Self::Unavailable { .. } => ErrorCode::DependencyUnavailable,
            Self::Lost(_) | Self::Silent(_) => ErrorCode::OutcomeUnknown,
            Self::StaleEpoch | Self::Shape(_) | Self::Settings(_) | Self::Database(_) => ErrorCode::Internal,
        }
    }
}
