//! Log lines: how they are written, and what a panic leaves behind.

mod panic_hook;

use std::io::IsTerminal;

use serde::Deserialize;
use thiserror::Error;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterFn, ParseError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::faults::Faults;

/// `[telemetry]`: log lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// How a line looks.
    pub format: LogFormat,
    /// Which lines are written: comma separated `target=level` directives.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For eyes: coloured on a terminal.
    Human,
    /// For machines: one JSON object for each line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is no list of directives.
    #[error("the log filter is not a list of directives")]
    Filter(#[from] ParseError),
    /// Somebody set up logging before.
    #[error("logging is set up already")]
    Twice(#[from] TryInitError),
}

impl TelemetrySettings {
    /// Notes a filter that is none.
    pub fn check(&self, faults: &mut Faults) {
        if EnvFilter::builder().parse(&self.filter).is_err() {
            faults.add("filter", "must be comma separated directives like info,botberi::actors=debug");
        }
    }
}

/// Clients of servers that write down all that they say at these levels: the parameters of every statement, hashes of passwords
/// and what users wrote among them, and RabbitMQ's password.
const TALKATIVE: [&str; 2] = ["tokio_postgres", "lapin"];

/// Whether a line may be written, whatever the filter says.
fn is_discreet(line: &Metadata<'_>) -> bool {
    let is_of = |name: &&str| {
        line.target().strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    *line.level() <= Level::INFO || !TALKATIVE.iter().any(is_of)
}

/// Sends log lines and panics to stderr from now on, for the whole process.
///
/// # Errors
///
/// When the filter is none, or when logging was set up before.
pub fn init(settings: &TelemetrySettings) -> Result<(), TelemetryError> {
    // The AMQP client logs every message that comes back unrouted with its whole body; bodies are nobody's business, and
    // an unrouted event is ordinary where nobody waits for it.
    let filter = EnvFilter::builder().parse(format!("{},lapin::returned_messages=off", settings.filter))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let discreet = FilterFn::new(is_discreet);
    match settings.format {
        LogFormat::Human => {
            lines.with_ansi(std::io::stderr().is_terminal()).finish().with(discreet).try_init()?;
        }
        LogFormat::Json => lines.json().flatten_event(true).finish().with(discreet).try_init()?,
    }
    panic_hook::install();
    Ok(())
}
