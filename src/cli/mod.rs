//! The commands, one file each. A usage error ends with code 2, any other with code 1 and one line for each fault.

mod admin;
mod agents;
mod asyncapi;
mod audit;
mod auth;
mod completions;
mod config;
mod definition_files;
pub mod dev;
mod develop;
mod extract;
mod migrate;
mod openapi;
mod serve;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use thiserror::Error;

use crate::actors::catalog_editor::definition::DefinitionFault;
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
    #[command(after_long_help = "Examples:\n  \
        botberi serve\n  \
        botberi serve --roles user,admin --config /etc/botberi.toml")]
    Serve(serve::Arguments),
    /// Bring the schemas of both databases up to date
    #[command(after_long_help = "Examples:\n  \
        botberi migrate\n  \
        botberi migrate --check && botberi serve")]
    Migrate(migrate::Arguments),
    /// Look at the configuration
    Config(config::Arguments),
    /// Bring agents into the catalog
    Agents(agents::Arguments),
    /// Make administrators
    Admin(admin::Arguments),
    /// Look at the audit log
    Audit(audit::Arguments),
    /// Make keys for access tokens
    Auth(auth::Arguments),
    /// Write the completions of a shell to standard output
    #[command(after_long_help = "Examples:\n  \
        botberi completions bash > /etc/bash_completion.d/botberi\n  \
        botberi completions zsh > ~/.zfunc/_botberi")]
    Completions(completions::Arguments),
    /// Print the OpenAPI document of a listener
    Openapi(openapi::Arguments),
    /// Print the AsyncAPI document of the bus and the sockets
    #[command(after_long_help = "Examples:\n  \
        botberi asyncapi > asyncapi.json\n  \
        botberi asyncapi --schemas docs/api/schemas")]
    Asyncapi(asyncapi::Arguments),
    /// Run everything that development needs: private servers, a sample catalog and all roles
    #[command(after_long_help = "Examples:\n  \
        botberi dev\n  \
        BOTBERI_ADMIN_PASSWORD='correct horse' botberi dev --data-dir /tmp/botberi")]
    Dev(develop::Arguments),
    /// Read a document: the program runs this itself
    #[command(hide = true)]
    Extract(extract::Arguments),
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
    /// Definitions of agents have faults; each is a line.
    #[error("{}", lines(.0))]
    Definitions(Vec<DefinitionFault>),
    /// What was asked for is not done, and why.
    #[error("{0}")]
    Refused(String),
    /// The terminal or pipe that we read is gone.
    #[error("cannot read the input: {0}")]
    Input(#[source] io::Error),
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
            Command::Agents(arguments) => agents::run(&arguments, &sources)?,
            Command::Admin(arguments) => admin::run(&arguments, &sources)?,
            Command::Auth(arguments) => auth::run(&arguments, &sources)?,
            Command::Audit(arguments) => return audit::run(&arguments, &sources),
            Command::Completions(arguments) => completions::run(&arguments)?,
            Command::Openapi(arguments) => openapi::run(&arguments)?,
            Command::Asyncapi(arguments) => asyncapi::run(&arguments)?,
            Command::Dev(arguments) => return develop::run(arguments, sources),
            Command::Extract(arguments) => return Ok(extract::run(&arguments)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl CommonArguments {
    fn sources(&self) -> Sources {
        Sources { profile: self.profile, file: self.config.clone(), ..Sources::from_process() }
    }
}

fn lines(faults: &[DefinitionFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<String>>().join("\n")
}

/// Writes an error to stderr, each of its lines on its own.
pub fn report(error: &CliError) {
    let mut stderr = io::stderr().lock();
    for line in error.to_string().lines() {
        // Nobody is left to tell when stderr is gone.
        _ = writeln!(stderr, "error: {line}");
    }
}
