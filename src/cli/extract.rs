//! `botberi extract`: reads one document for the process that started it, and is shown to nobody. It reads no configuration, sets
//! up no logs, and cannot do anything but read once it has begun.

use std::process::ExitCode;

use clap::Args;

use crate::extraction::{ChildLimits, serve};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// How much memory it may take beside its own
    #[arg(long)]
    memory_bytes: u64,
    /// How much time of a processor it may take
    #[arg(long)]
    cpu_seconds: u64,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    serve(ChildLimits { memory_bytes_max: arguments.memory_bytes, cpu_seconds_max: arguments.cpu_seconds })
}
