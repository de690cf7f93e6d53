//! `botberi config`: looks at the configuration and changes nothing.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};

use super::CliError;
use crate::settings::{Purpose, Settings, Sources};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say whether `serve` would accept the configuration, and name every fault if not
    Check,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CliError> {
    match arguments.command {
        Command::Check => check(sources),
    }
}

fn check(sources: &Sources) -> Result<(), CliError> {
    let settings = Settings::load(sources, Purpose::Serve)?;
    let profile = settings.profile.to_possible_value();
    let name = profile.as_ref().map_or("", |value| value.get_name());
    writeln!(io::stdout(), "the configuration is good (profile {name})")?;
    Ok(())
}
