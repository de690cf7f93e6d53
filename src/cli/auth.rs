//! `botberi auth`: what operators need to rotate the keys of access tokens.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};

use super::CliError;
use crate::actors::accounts::PublicKey;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key that signs access tokens, and print both of its halves
    #[command(
        after_long_help = "The first line is the secret half, for `auth.signing_key`; the second the public one, for\n\
        `auth.verifying_keys` of every replica before the first of them signs with it.\n\nExamples:\n  \
        botberi auth new-key"
    )]
    NewKey,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    match arguments.command {
        Command::NewKey => {
            let seed: [u8; 32] = rand::random();
            let (secret, public) = (STANDARD.encode(seed), PublicKey::of_seed(&seed));
            writeln!(io::stdout(), "signing_key = \"{secret}\"\nverifying_keys = [\"{public}\"]")?;
        }
    }
    Ok(())
}
