//! Redis: a cache, so its data end with it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::account::Account;
use super::error::DevError;
use super::process::{Launch, ServerProcess, Signal};
use super::progress::Server;
use super::startup::Startup;

const READY_WITHIN: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
const STOP_PLAN: &[(Signal, Duration)] = &[(Signal::Terminate, Duration::from_secs(10))];

pub(super) fn start(startup: &Startup<'_>) -> Result<ServerProcess, DevError> {
    let folder = startup.folder(Server::Redis);
    fs::create_dir_all(&folder).map_err(DevError::file("create", &folder))?;
    let port = startup.spec.ports.redis;
    let settings = [
        ("--port", port.to_string()),
        ("--bind", "127.0.0.1".to_owned()),
        ("--dir", folder.display().to_string()),
        ("--save", String::new()),
        ("--appendonly", "no".to_owned()),
        ("--daemonize", "no".to_owned()),
    ];
    let mut process = startup.start(Launch {
        server: Server::Redis,
        program: &startup.programs.redis_server,
        arguments: settings.into_iter().flat_map(|(name, value)| [name.into(), value.into()]).collect(),
        environment: Vec::new(),
        account: Account::Ours,
        folder: &folder,
        log: startup.log(Server::Redis),
        death_signal: Signal::Kill,
        farewell: None,
        stop_plan: STOP_PLAN,
        expendable: false,
    })?;
    startup.wait_ready(&mut process, READY_WITHIN, || ping(port))?;
    startup.report_ready(Server::Redis, port);
    Ok(process)
}

fn ping(port: u16) -> Option<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN).ok()?;
    stream.set_read_timeout(Some(ANSWER_WITHIN)).ok()?;
    stream.write_all(b"PING\r\n").ok()?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).ok()?;
    (&answer == b"+PONG").then_some(())
}
