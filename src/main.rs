//! The program: parse, load, run.

use std::process::ExitCode;

use botberi::cli::{self, Cli};
use clap::Parser;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            cli::report(&error);
            ExitCode::FAILURE
        }
    }
}
