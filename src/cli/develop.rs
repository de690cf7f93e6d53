//! `botberi dev`: everything on one machine, with servers of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::CliError;
use super::dev::ServersCommand;
use crate::settings::Sources;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    /// Folder that holds everything the servers keep
    #[arg(long, value_name = "DIR", default_value = ".botberi")]
    data_dir: PathBuf,
    #[command(subcommand)]
    command: Option<DevCommand>,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    Servers(ServersCommand),
}

pub(super) fn run(arguments: Arguments, _sources: Sources) -> Result<ExitCode, CliError> {
    match arguments.command {
        Some(DevCommand::Servers(servers)) => Ok(servers.run()?),
        None => {
            tracing::debug!(data_dir = ?arguments.data_dir, "not wired yet");
            Ok(ExitCode::FAILURE)
        }
    }
}
