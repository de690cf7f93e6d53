//! The port mapper of Erlang nodes, by which they and their tools find each other.

use std::fs;
use std::time::Duration;

use super::super::account::Account;
use super::super::error::DevError;
use super::super::process::{Launch, ServerProcess, Signal};
use super::super::progress::Server;
use super::super::startup::Startup;
use super::node::connect;

const READY_WITHIN: Duration = Duration::from_secs(10);
/// It keeps nothing.
const STOP_PLAN: &[(Signal, Duration)] = &[];

/// In the foreground, so that it is a child like any other and ends with us. Left to itself a node would
/// start one that outlives everything.
pub(in super::super) fn start(startup: &Startup<'_>) -> Result<ServerProcess, DevError> {
    let folder = startup.folder(Server::Epmd);
    fs::create_dir_all(&folder).map_err(DevError::file("create", &folder))?;
    let port = startup.spec.ports.epmd;
    let mut process = startup.start(Launch {
        server: Server::Epmd,
        program: &startup.programs.epmd,
        arguments: ["-port", &port.to_string(), "-address", "127.0.0.1"].map(Into::into).to_vec(),
        environment: Vec::new(),
        account: Account::Ours,
        folder: &folder,
        log: startup.log(Server::Epmd),
        death_signal: Signal::Kill,
        farewell: None,
        stop_plan: STOP_PLAN,
        expendable: true,
    })?;
    startup.wait_ready(&mut process, READY_WITHIN, || connect(port).map(drop))?;
    Ok(process)
}
