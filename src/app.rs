//! Builds what the configured roles need, runs it, and stops it in reverse.

use thiserror::Error;

use crate::settings::Settings;

/// Why the service could not run, or did not end well.
#[derive(Debug, Error)]
pub enum AppError {
    /// This part does not exist yet.
    #[error("{0} is not wired yet")]
    NotWired(&'static str),
}

/// Plays the configured roles until the process is asked to stop.
///
/// # Errors
///
/// When a part cannot start, or the root of the supervision tree gave up.
pub fn run(settings: Settings) -> Result<(), AppError> {
    tracing::debug!(service.roles = ?settings.service.roles, "settings are loaded");
    Err(AppError::NotWired("serve"))
}

/// Brings both schemas up to date; with `check_only` it changes nothing, and fails when they are not.
///
/// # Errors
///
/// When a database cannot be reached or a migration fails, or when `check_only` finds one missing.
pub fn migrate(settings: &Settings, check_only: bool) -> Result<(), AppError> {
    tracing::debug!(?settings.profile, check_only, "settings are loaded");
    Err(AppError::NotWired("migrate"))
}
