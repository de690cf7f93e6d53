//! `botberi config`: looks at the configuration and changes nothing.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};

use super::CliError;
use crate::settings::{Purpose, Settings, Sources, effective};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say whether `serve` would accept the configuration, and name every fault if not
    #[command(after_long_help = "Examples:\n  \
        botberi config check --config /etc/botberi.toml\n  \
        botberi config check --profile dev")]
    Check,
    /// Show every key with its value and who set it; secrets are masked
    #[command(
        long_about = "Show every key with its value and who set it, as TOML.\n\n\
            Passwords, keys and connection strings that may hold one are shown as \"***\"; an empty text is one that is \
            not set. Only the layers are read: whether the whole makes sense is for `botberi config check` to say.",
        after_long_help = "Examples:\n  \
            botberi config show --profile dev\n  \
            botberi config show | grep -v '# default$'"
    )]
    Show,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CliError> {
    match arguments.command {
        Command::Check => check(sources),
        Command::Show => show(sources),
    }
}

fn check(sources: &Sources) -> Result<(), CliError> {
    let settings = Settings::load(sources, Purpose::Serve)?;
    let profile = settings.profile.to_possible_value();
    let name = profile.as_ref().map_or("", |value| value.get_name());
    writeln!(io::stdout(), "the configuration is good (profile {name})")?;
    Ok(())
}

fn show(sources: &Sources) -> Result<(), CliError> {
    let entries = effective(sources)?;
    let mut stdout = io::stdout().lock();
    for entry in entries {
        writeln!(stdout, "{} = {}  # {}", entry.key, entry.value, entry.origin)?;
    }
    Ok(())
}
