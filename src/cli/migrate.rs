//! `botberi migrate`: brings both schemas up to date, as the roles that own them.

use clap::Args;

use super::CliError;
use crate::settings::{Purpose, Settings, Sources};
use crate::{app, telemetry};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Change nothing, and fail when a migration is missing
    #[arg(long)]
    check: bool,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CliError> {
    let settings = Settings::load(sources, Purpose::Migrate)?;
    telemetry::init(&settings.telemetry)?;
    app::migrate(&settings, arguments.check)?;
    Ok(())
}
