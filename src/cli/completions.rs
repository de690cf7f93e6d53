//! `botberi completions`: what a shell needs to complete our commands.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, CliError};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The shell to write for
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // Not to stdout at once: the generator panics when its reader is gone.
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, name, &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}
