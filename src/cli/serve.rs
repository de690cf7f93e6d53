//! `botberi serve`: plays roles.

use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;
use toml::Value;

use super::CliError;
use crate::settings::{Purpose, Role, Settings, Sources};
use crate::{app, telemetry};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The roles to play, comma separated [default: service.roles of the configuration, which is all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROLE")]
    roles: Vec<Role>,
}

pub(super) fn run(arguments: Arguments, mut sources: Sources) -> Result<(), CliError> {
    if !arguments.roles.is_empty() {
        let names = arguments.roles.iter().filter_map(|role| role.to_possible_value());
        let names: Vec<Value> = names.map(|value| Value::from(value.get_name())).collect();
        sources.set("--roles", "service.roles", names);
    }

    let settings = Settings::load(&sources, Purpose::Serve)?;
    telemetry::init(&settings.telemetry)?;
    app::run(settings, &CancellationToken::new(), &|_app| {})?;
    Ok(())
}
