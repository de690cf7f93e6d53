//! `botberi openapi`: prints the description of a listener's API. No configuration is read, and no server asked.

use std::io::{self, Write};

use clap::{Args, ValueEnum};

use super::CliError;
use crate::http::{admin, broker, document, user};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The listener whose document is printed
    #[arg(value_enum, default_value_t = Listener::User)]
    listener: Listener,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Listener {
    User,
    Admin,
    Broker,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let described = match arguments.listener {
        Listener::User => user::document(),
        Listener::Admin => admin::document(),
        Listener::Broker => broker::document(),
    };
    let text = document::text(&described).map_err(io::Error::from)?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
