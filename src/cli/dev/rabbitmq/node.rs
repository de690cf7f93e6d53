//! One node of RabbitMQ.

use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::super::account::Account;
use super::super::error::DevError;
use super::super::process::{Launch, ServerProcess, Signal};
use super::super::progress::Server;
use super::super::spec::Durability;
use super::super::startup::Startup;
use super::FIRST;

/// Says that the first start came to its end. One that was cut short may have made the virtual host and not
/// yet the account, and no later start would make up for it.
const COMPLETE_FILE: &str = "complete";

/// It takes 5 to 10 seconds where nothing else runs; much more on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(180);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

const STOP_PLAN: &[(Signal, Duration)] = &[(Signal::Terminate, Duration::from_secs(30))];

/// Starts one, whose folder is prepared, and waits until it serves clients.
pub(in super::super) fn start(startup: &Startup<'_>, node: u8) -> Result<ServerProcess, DevError> {
    let server = Server::RabbitMq(node);
    let folder = startup.folder(server);
    let mut process = launch(startup, node, &folder)?;
    let ports = startup.spec.ports.rabbitmq_node(node);
    startup.wait_ready(&mut process, READY_WITHIN, || answers(ports.amqp, ports.management))?;
    let complete = folder.join(COMPLETE_FILE);
    fs::write(&complete, "").map_err(DevError::file("write", &complete))?;
    startup.report_ready(server, ports.amqp);
    Ok(process)
}

/// Whether its first start came to its end.
pub(super) fn is_complete(folder: &Path) -> bool {
    folder.join(COMPLETE_FILE).exists()
}

/// Removes data that no later start could build on.
pub(super) fn forget(folder: &Path) -> Result<(), DevError> {
    for removed in [fs::remove_dir_all(folder.join("mnesia")), fs::remove_file(folder.join(COMPLETE_FILE))] {
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(DevError::file("empty", folder)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes its folder and its configuration.
pub(super) fn prepare(startup: &Startup<'_>, node: u8, folder: &Path) -> Result<(), DevError> {
    for subfolder in ["home", "mnesia", "log"] {
        let path = folder.join(subfolder);
        fs::create_dir_all(&path).map_err(DevError::file("create", &path))?;
    }
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder, private).map_err(DevError::file("change the permissions of", folder))?;
    for (name, text) in [
        ("rabbitmq.conf", configuration(startup, node)),
        ("enabled_plugins", "[rabbitmq_management].\n".to_owned()),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(DevError::file("write", &path))?;
    }
    Ok(())
}

fn configuration(startup: &Startup<'_>, node: u8) -> String {
    let ports = startup.spec.ports.rabbitmq_node(node);
    let mut text = format!(
        "listeners.tcp.1 = 127.0.0.1:{}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {}\n\
         loopback_users.guest = true\n\
         vm_memory_high_watermark.absolute = 1GB\n\
         disk_free_limit.absolute = 50MB\n",
        ports.amqp, ports.management
    );
    if startup.spec.rabbitmq_nodes > FIRST {
        // Nodes that see too few others wait instead of going on by themselves, and come back when they see them again.
        text.push_str("cluster_partition_handling = pause_minority\n");
    }
    if node > FIRST {
        text.push_str("cluster_formation.peer_discovery_backend = classic_config\n");
        for (number, member) in [FIRST, node].into_iter().enumerate() {
            text.push_str(&format!(
                "cluster_formation.classic_config.nodes.{} = {}\n",
                number + 1,
                name(member)
            ));
        }
    }
    text
}

/// A node's name is part of its data, so it may not depend on the ports. It only has to be unique within
/// one port mapper, and every data folder has its own.
fn name(node: u8) -> String {
    if node == FIRST { "botberi@localhost".to_owned() } else { format!("botberi_{node}@localhost") }
}

fn launch(startup: &Startup<'_>, node: u8, folder: &Path) -> Result<ServerProcess, DevError> {
    let throwaway = startup.spec.durability == Durability::Throwaway;
    startup.start(Launch {
        server: Server::RabbitMq(node),
        program: &startup.programs.rabbitmq_server,
        arguments: Vec::new(),
        environment: environment(startup, node, folder),
        account: Account::Ours,
        folder,
        log: startup.log(Server::RabbitMq(node)),
        death_signal: if throwaway { Signal::Kill } else { Signal::Terminate },
        farewell: Some(farewell(startup, node, folder)),
        stop_plan: STOP_PLAN,
        // Its disk writes are safe with the kernel by then, which is all that tests need: spare them the seconds.
        expendable: throwaway,
    })
}

/// Takes the management plugin's listener out before the node stops.
///
/// While a node stops, that listener asks the very process that waits for it, until a time-out of 5 seconds
/// ends the wait. Without this the stop is as clean and takes as much longer.
fn farewell(startup: &Startup<'_>, node: u8, folder: &Path) -> Command {
    let mut command = Command::new(startup.programs.rabbitmq_server.with_file_name("rabbitmqctl"));
    command
        .args(["eval", "gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, [])."])
        .env_clear()
        .env("PATH", &startup.programs.path)
        .env("LC_ALL", "C.UTF-8")
        .envs(environment(startup, node, folder))
        .current_dir(folder);
    command
}

/// What the node and its tools have to agree on.
fn environment(startup: &Startup<'_>, node: u8, folder: &Path) -> Vec<(&'static str, OsString)> {
    let ports = startup.spec.ports.rabbitmq_node(node);
    let schedulers = thread::available_parallelism().map_or(2, usize::from).clamp(1, 4);
    let mut flags = format!("+sbwt none +sbwtdcpu none +sbwtdio none +S {schedulers}:{schedulers}");
    if startup.spec.rabbitmq_nodes > FIRST {
        // How long a silent peer is believed in; the default of a minute is longer than a test.
        flags.push_str(" -kernel net_ticktime 15");
    }
    vec![
        ("HOME", folder.join("home").into()),
        ("RABBITMQ_NODENAME", name(node).into()),
        ("RABBITMQ_MNESIA_BASE", folder.join("mnesia").into()),
        ("RABBITMQ_LOG_BASE", folder.join("log").into()),
        ("RABBITMQ_LOGS", "-".into()),
        ("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf").into()),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins").into()),
        ("RABBITMQ_PID_FILE", folder.join("pid").into()),
        ("RABBITMQ_DIST_PORT", ports.distribution.to_string().into()),
        ("ERL_EPMD_PORT", startup.spec.ports.epmd.to_string().into()),
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

pub(super) fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN).ok()?;
    stream.set_read_timeout(Some(ANSWER_WITHIN)).ok()?;
    Some(stream)
}
