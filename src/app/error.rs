//! What keeps the service from running.

use std::io;

use thiserror::Error;

use crate::models::store::StoreError;
use crate::models::store::migrate::MigrateError;

/// Why the service could not run, or did not end well.
#[derive(Debug, Error)]
pub enum AppError {
    /// A database cannot be prepared.
    #[error("{database}: {source}")]
    Store {
        /// Which one.
        database: &'static str,
        /// What is wrong.
        source: StoreError,
    },
    /// A schema cannot be brought up to date.
    #[error("{database}: {source}")]
    Migrate {
        /// Which database.
        database: &'static str,
        /// What is wrong.
        source: MigrateError,
    },
    /// A schema is older than this release, or newer.
    #[error("{database} is not up to date (missing: {missing}): run `botberi migrate`")]
    OutOfDate {
        /// Which database.
        database: &'static str,
        /// The migrations that were not applied.
        missing: String,
    },
    /// A listener cannot be had.
    #[error("cannot listen on port {port} for the {listener} API: {source}")]
    Listen {
        /// Which listener.
        listener: &'static str,
        /// Its port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// A key, URL or the like from the settings cannot be used.
    #[error("{0}")]
    Settings(String),
    /// Something of the operating system's that we need cannot be had.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The root of the supervision tree gave up.
    #[error("the supervision tree ended: it {0}")]
    TreeEnded(String),
    /// The stop took longer than it may.
    #[error("the orderly stop took longer than {0} ms and was given up")]
    StopOverdue(u64),
}
