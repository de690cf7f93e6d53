//! `botberi auth`: what operators need to rotate the keys of access tokens, and to keep API keys good meanwhile.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};

use super::CliError;
use crate::actors::accounts::PublicKey;
use crate::app::AppError;
use crate::settings::{Purpose, Settings, Sources};

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
    /// Print the secret that API keys are kept under at present
    #[command(
        after_long_help = "Where `auth.api_key_secret` is not set, it follows from `auth.signing_key`. State it before you rotate \n\
        that key, or no API key that was made before is good any more.\n\nExamples:\n  botberi auth api-key-secret"
    )]
    ApiKeySecret,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CliError> {
    match arguments.command {
        Command::NewKey => {
            let seed: [u8; 32] = rand::random();
            let (secret, public) = (STANDARD.encode(seed), PublicKey::of_seed(&seed));
            writeln!(io::stdout(), "signing_key = \"{secret}\"\nverifying_keys = [\"{public}\"]")?;
        }
        Command::ApiKeySecret => {
            let settings = Settings::load(sources, Purpose::Keys)?;
            let secret = settings.auth.api_key_secret();
            let secret =
                secret.ok_or_else(|| AppError::Settings("auth.signing_key is not set".to_owned()))?;
            writeln!(io::stdout(), "api_key_secret = \"{}\"", STANDARD.encode(secret))?;
        }
    }
    Ok(())
}
