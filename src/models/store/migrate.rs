//! Brings a database to the shape that this release expects.

use std::str::FromStr;

use thiserror::Error;
use tokio_postgres::{Client, Config, NoTls};

use super::error::with_cause;
use super::keys::MIGRATION_KEY;

mod user {
    refinery::embed_migrations!("migrations/user");
}
mod shared {
    refinery::embed_migrations!("migrations/shared");
}

/// Which of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// `user_psql`.
    User,
    /// `shared_psql`.
    Shared,
}

impl Schema {
    fn runner(self) -> refinery::Runner {
        match self {
            Self::User => user::migrations::runner(),
            Self::Shared => shared::migrations::runner(),
        }
    }
}

/// Why a database could not be migrated.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The URL cannot be read.
    #[error("the database URL cannot be read: {0}")]
    Url(String),
    /// The database does not answer, or refuses us.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// Another process migrates, and has not come to an end.
    #[error("another migration has held the lock for more than {0} s")]
    Locked(u32),
    /// A file failed, or what was applied is not what this release has.
    #[error("migration failed: {0}")]
    Failed(String),
}

/// Long enough for any migration that is meant to run while the service is up.
const LOCK_WAIT_SECONDS_MAX: u32 = 60;

/// Applies what is missing, as the role of the URL, which comes to own what is made. Gives the names of what was applied.
///
/// Any number of processes may call it at once: one migrates, the others wait and find nothing to do.
///
/// # Errors
/// See [`MigrateError`]. What was applied before the failing file stays applied.
pub async fn run(schema: Schema, owner_url: &str) -> Result<Vec<String>, MigrateError> {
    let mut client = connect(owner_url).await?;
    lock(&client).await?;

    let report = schema.runner().run_async(&mut client).await.map_err(|error| failed(&error))?;
    // The service compares too, before it starts.
    client
        .batch_execute("GRANT SELECT ON refinery_schema_history TO botberi")
        .await
        .map_err(|error| MigrateError::Failed(with_cause(&error)))?;

    // The lock ends with the connection.
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// The names of what [`run`] would apply; empty when the database has the shape that this release expects.
/// Changes nothing, and may be called as the service role.
///
/// # Errors
/// See [`MigrateError`].
pub async fn pending(schema: Schema, url: &str) -> Result<Vec<String>, MigrateError> {
    let mut client = connect(url).await?;
    let runner = schema.runner();

    let history = client
        .query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL AS is_there", &[])
        .await
        .and_then(|row| row.try_get::<_, bool>("is_there"))
        .map_err(|error| MigrateError::Unreachable(with_cause(&error)))?;
    let applied = if history {
        runner.get_applied_migrations_async(&mut client).await.map_err(|error| failed(&error))?
    } else {
        Vec::new()
    };

    let is_applied = |wanted: &refinery::Migration| {
        applied.iter().any(|done| done.version() == wanted.version() && done.checksum() == wanted.checksum())
    };
    let mut missing: Vec<_> = runner.get_migrations().iter().filter(|wanted| !is_applied(wanted)).collect();
    missing.sort_by_key(|migration| migration.version());
    Ok(missing.into_iter().map(ToString::to_string).collect())
}

async fn connect(url: &str) -> Result<Client, MigrateError> {
    let mut config = Config::from_str(url).map_err(|error| MigrateError::Url(with_cause(&error)))?;
    let _config = config.application_name("botberi-migrate");
    let (client, connection) =
        config.connect(NoTls).await.map_err(|error| MigrateError::Unreachable(with_cause(&error)))?;
    let _driving = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "migration connection ended with an error");
        }
    });
    Ok(client)
}

async fn lock(client: &Client) -> Result<(), MigrateError> {
    let statement = format!(
        "SET lock_timeout = '{LOCK_WAIT_SECONDS_MAX}s'; SELECT pg_advisory_lock({MIGRATION_KEY}); RESET lock_timeout"
    );
    client.batch_execute(&statement).await.map_err(|error| {
        let is_taken = error.code() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE);
        if is_taken {
            MigrateError::Locked(LOCK_WAIT_SECONDS_MAX)
        } else {
            MigrateError::Unreachable(with_cause(&error))
        }
    })
}

/// refinery's own text stops at "error applying migration"; what Postgres said is behind it.
fn failed(error: &refinery::Error) -> MigrateError {
    use std::error::Error as _;
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        told = format!("{told}: {next}");
        cause = next.source();
    }
    MigrateError::Failed(told)
}
