//! RabbitMQ: a node of its own, with its own port mapper, cookie and data.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::account::Account;
use super::error::DevError;
use super::process::{Launch, ServerProcess, Signal};
use super::progress::Server;
use super::spec::Durability;
use super::startup::Startup;

/// The node's name is part of its data, so it may not depend on the ports. It only has to be unique within
/// one port mapper, and every data folder has its own.
const NODE: &str = "botberi@localhost";
const COOKIE_FILE: &str = ".erlang.cookie";
/// Says that the first start came to its end. One that was cut short may have made the virtual host and not
/// yet the account, and no later start would make up for it.
const COMPLETE_FILE: &str = "complete";

const EPMD_READY_WITHIN: Duration = Duration::from_secs(10);
/// It takes 5 to 10 seconds where nothing else runs; much more on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(180);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

const STOP_PLAN: &[(Signal, Duration)] = &[(Signal::Terminate, Duration::from_secs(30))];
/// Its disk writes are safe with the kernel by then, which is all that tests need: spare them the seconds.
const STOP_PLAN_THROWAWAY: &[(Signal, Duration)] = &[];
/// The port mapper keeps nothing.
const STOP_PLAN_EPMD: &[(Signal, Duration)] = &[];

pub(super) fn start(startup: &Startup<'_>) -> Result<Vec<ServerProcess>, DevError> {
    let folder = startup.folder(Server::RabbitMq);
    prepare(startup, &folder)?;
    let epmd = start_epmd(startup, &folder)?;
    let mut node = start_node(startup, &folder)?;
    let ports = &startup.spec.ports;
    startup.wait_ready(&mut node, READY_WITHIN, || answers(ports.rabbitmq, ports.rabbitmq_management))?;
    let complete = folder.join(COMPLETE_FILE);
    fs::write(&complete, "").map_err(DevError::file("write", &complete))?;
    startup.report_ready(Server::RabbitMq, ports.rabbitmq);
    Ok(vec![epmd, node])
}

fn prepare(startup: &Startup<'_>, folder: &Path) -> Result<(), DevError> {
    let ports = &startup.spec.ports;
    let data = folder.join("mnesia");
    if data.exists() && !folder.join(COMPLETE_FILE).exists() {
        fs::remove_dir_all(&data).map_err(DevError::file("remove", &data))?;
    }
    for subfolder in ["home", "mnesia", "log"] {
        let path = folder.join(subfolder);
        fs::create_dir_all(&path).map_err(DevError::file("create", &path))?;
    }
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder, private).map_err(DevError::file("change the permissions of", folder))?;
    write_cookie(&folder.join("home").join(COOKIE_FILE))?;

    let configuration = format!(
        "listeners.tcp.1 = 127.0.0.1:{}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {}\n\
         loopback_users.guest = true\n\
         vm_memory_high_watermark.absolute = 1GB\n\
         disk_free_limit.absolute = 50MB\n",
        ports.rabbitmq, ports.rabbitmq_management
    );
    for (name, text) in
        [("rabbitmq.conf", configuration.as_str()), ("enabled_plugins", "[rabbitmq_management].\n")]
    {
        let path = folder.join(name);
        fs::write(&path, text).map_err(DevError::file("write", &path))?;
    }
    Ok(())
}

/// Makes the secret that Erlang nodes show each other, once: the data remember it.
fn write_cookie(path: &Path) -> Result<(), DevError> {
    if path.exists() {
        return Ok(());
    }
    let new = path.with_extension("new");
    let secret: u128 = rand::random();
    fs::write(&new, format!("{secret:032X}"))
        .and_then(|()| fs::set_permissions(&new, fs::Permissions::from_mode(0o400)))
        .and_then(|()| fs::rename(&new, path))
        .map_err(DevError::file("write", path))
}

/// In the foreground, so that it is a child like any other and ends with us. Left to itself the node would
/// start one that outlives everything.
fn start_epmd(startup: &Startup<'_>, folder: &Path) -> Result<ServerProcess, DevError> {
    let port = startup.spec.ports.epmd;
    let mut process = startup.start(Launch {
        server: Server::Epmd,
        program: &startup.programs.epmd,
        arguments: ["-port", &port.to_string(), "-address", "127.0.0.1"].map(Into::into).to_vec(),
        environment: Vec::new(),
        account: Account::Ours,
        folder,
        log: startup.log(Server::Epmd),
        death_signal: Signal::Kill,
        farewell: None,
        stop_plan: STOP_PLAN_EPMD,
    })?;
    startup.wait_ready(&mut process, EPMD_READY_WITHIN, || connect(port).map(drop))?;
    Ok(process)
}

fn start_node(startup: &Startup<'_>, folder: &Path) -> Result<ServerProcess, DevError> {
    let throwaway = startup.spec.durability == Durability::Throwaway;
    startup.start(Launch {
        server: Server::RabbitMq,
        program: &startup.programs.rabbitmq_server,
        arguments: Vec::new(),
        environment: environment(startup, folder),
        account: Account::Ours,
        folder,
        log: startup.log(Server::RabbitMq),
        death_signal: if throwaway { Signal::Kill } else { Signal::Terminate },
        farewell: if throwaway { None } else { Some(farewell(startup, folder)) },
        stop_plan: if throwaway { STOP_PLAN_THROWAWAY } else { STOP_PLAN },
    })
}

/// Takes the management plugin's listener out before the node stops.
///
/// While a node stops, that listener asks the very process that waits for it, until a time-out of 5 seconds
/// ends the wait. Without this the stop is as clean and takes as much longer.
fn farewell(startup: &Startup<'_>, folder: &Path) -> Command {
    let mut command = Command::new(startup.programs.rabbitmq_server.with_file_name("rabbitmqctl"));
    command
        .args(["eval", "gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, [])."])
        .env_clear()
        .env("PATH", &startup.programs.path)
        .env("LC_ALL", "C.UTF-8")
        .envs(environment(startup, folder))
        .current_dir(folder);
    command
}

/// What the node and its tools have to agree on.
fn environment(startup: &Startup<'_>, folder: &Path) -> Vec<(&'static str, OsString)> {
    let ports = &startup.spec.ports;
    let schedulers = thread::available_parallelism().map_or(2, usize::from).clamp(1, 4);
    let flags = format!("+sbwt none +sbwtdcpu none +sbwtdio none +S {schedulers}:{schedulers}");
    vec![
        ("HOME", folder.join("home").into()),
        ("RABBITMQ_NODENAME", NODE.into()),
        ("RABBITMQ_MNESIA_BASE", folder.join("mnesia").into()),
        ("RABBITMQ_LOG_BASE", folder.join("log").into()),
        ("RABBITMQ_LOGS", "-".into()),
        ("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf").into()),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins").into()),
        ("RABBITMQ_PID_FILE", folder.join("pid").into()),
        ("RABBITMQ_DIST_PORT", ports.rabbitmq_distribution.to_string().into()),
        ("ERL_EPMD_PORT", ports.epmd.to_string().into()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
        // Every Erlang program of this node, its short-lived helpers included, stays on the loopback.
        ("ERL_AFLAGS", "-kernel inet_dist_use_interface {127,0,0,1}".into()),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", flags.into()),
        // Makes the start script become the node instead of waiting for it, so that our signals reach it.
        ("RUNNING_UNDER_SYSTEMD", "true".into()),
    ]
}

/// Whether clients are served. The management API opens before the node has started, so it is asked about the
/// AMQP listener, which is the last thing to open.
fn answers(amqp_port: u16, management_port: u16) -> Option<()> {
    const GUEST_GUEST: &str = "Z3Vlc3Q6Z3Vlc3Q=";
    let mut stream = connect(management_port)?;
    let request = format!(
        "GET /api/health/checks/port-listener/{amqp_port} HTTP/1.0\r\nAuthorization: Basic {GUEST_GUEST}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).ok()?;
    if !status.ends_with(b" 200") {
        return None;
    }
    connect(amqp_port).map(drop)
}

fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN).ok()?;
    stream.set_read_timeout(Some(ANSWER_WITHIN)).ok()?;
    Some(stream)
}
