//! The commands, one file each. A usage error ends with code 2, any other with code 1 and one line for each fault.

mod asyncapi;
mod config;
pub mod dev;
mod develop;
mod migrate;
mod openapi;
mod serve;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use thiserror::Error;

use crate::app::AppError;
use crate::faults::Faults;
use crate::settings::{Profile, Sources};
use crate::telemetry::TelemetryError;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "botberi", version, about, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    common: CommonArguments,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
struct CommonArguments {
    /// The profile whose file is laid over the defaults [env: BOTBERI_PROFILE] [default: prod]
    #[arg(long, global = true, value_enum)]
    profile: Option<Profile>,
    /// A configuration file to lay over the profile [env: BOTBERI_CONFIG]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play one or more roles until told to stop
    Serve(serve::Arguments),
    /// Bring the schemas of both databases up to date
    Migrate(migrate::Arguments),
    /// Look at the configuration
    Config(config::Arguments),
    /// Print the OpenAPI document of a listener
    Openapi(openapi::Arguments),
    /// Print the AsyncAPI document of the bus and the sockets
    Asyncapi(asyncapi::Arguments),
    /// Run everything that development needs: private servers, a sample catalog and all roles
    Dev(develop::Arguments),
}

/// Why a command failed; printed as it is.
#[derive(Debug, Error)]
pub enum CliError {
    /// The configuration has faults.
    #[error(transparent)]
    Configuration(#[from] Faults),
    /// Logging could not be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The service failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// The private servers of the development set-up failed.
    #[error(transparent)]
    Dev(#[from] dev::DevError),
    /// The terminal or pipe that reads us is gone.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl Cli {
    /// Does what the command line asks for.
    ///
    /// # Errors
    ///
    /// What the command could not do, in words for the person who typed it.
    pub fn run(self) -> Result<ExitCode, CliError> {
        let sources = self.common.sources();
        match self.command {
            Command::Serve(arguments) => serve::run(arguments, sources)?,
            Command::Migrate(arguments) => migrate::run(&arguments, &sources)?,
            Command::Config(arguments) => config::run(&arguments, &sources)?,
            Command::Openapi(arguments) => openapi::run(&arguments)?,
            Command::Asyncapi(arguments) => asyncapi::run(&arguments)?,
            Command::Dev(arguments) => return develop::run(arguments, sources),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl CommonArguments {
    fn sources(&self) -> Sources {
        Sources { profile: self.profile, file: self.config.clone(), ..Sources::from_process() }
    }
}

/// Writes an error to stderr, each of its lines on its own.
pub fn report(error: &CliError) {
    let mut stderr = io::stderr().lock();
    for line in error.to_string().lines() {
        // Nobody is left to tell when stderr is gone.
        _ = writeln!(stderr, "error: {line}");
    }
}
