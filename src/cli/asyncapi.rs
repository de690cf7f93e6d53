//! `botberi asyncapi`: prints the description of the bus and the sockets. No configuration is read, and no server asked.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::CliError;
use crate::http::asyncapi;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Write a JSON Schema for each message into this folder instead
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    if let Some(folder) = &arguments.schemas {
        return Ok(write_schemas(folder)?);
    }
    let text =
        asyncapi::document().and_then(|document| asyncapi::text(&document)).map_err(io::Error::from)?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn write_schemas(folder: &Path) -> io::Result<()> {
    let schemas = asyncapi::schemas()?;
    fs::create_dir_all(folder)?;
    for (name, text) in schemas {
        fs::write(folder.join(format!("{name}.json")), text)?;
    }
    Ok(())
}
