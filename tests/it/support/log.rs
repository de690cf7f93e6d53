//! The program's log lines, for whoever looks into a failed test: the runner shows them with the failure only.

use tracing_subscriber::EnvFilter;

/// What is written. `RUST_LOG` adds to it.
const FILTER: &str = "info,lapin::returned_messages=off";

/// Writes them from now on. Any number of calls.
pub(super) fn write() {
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::WARN.into()).from_env_lossy();
    let filter = FILTER.split(',').fold(filter, |filter, part| filter.add_directive(part.parse().unwrap()));
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    let _already_written = lines.try_init();
}
