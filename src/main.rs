//! The program.

use std::io::Write;
use std::process::ExitCode;

use botberi::cli::dev::ServersCommand;
use clap::{Parser, Subcommand};

/// The backend of an AI-agents platform.
#[derive(Debug, Parser)]
#[command(name = "botberi", version)]
struct Arguments {
    #[command(subcommand)]
    command: TopCommand,
}

#[derive(Debug, Subcommand)]
enum TopCommand {
    /// The development set-up
    #[command(subcommand)]
    Dev(DevCommand),
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    Servers(ServersCommand),
}

fn main() -> ExitCode {
    let TopCommand::Dev(DevCommand::Servers(servers)) = Arguments::parse().command;
    match servers.run() {
        Ok(code) => code,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "botberi: {error}"));
            ExitCode::FAILURE
        }
    }
}
