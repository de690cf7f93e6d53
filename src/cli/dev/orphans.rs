//! Servers of an earlier run that outlived it, found by the data folder that they work in.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::DevError;
use super::process::{Signal, send};
use super::progress::{Progress, Server, Step};

/// How long an orphan may take to write its data out before it is killed.
const POLITE: Duration = Duration::from_secs(30);
/// How long the kernel may take to remove what we killed.
const KILLED: Duration = Duration::from_secs(5);
/// How long helper programs may take to notice that their server has ended.
const HELPERS: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// The programs that may be ours. A shell that somebody left in the data folder is not.
const NAMES: [&str; 10] = [
    "postgres",
    "initdb",
    "redis-server",
    "beam.smp",
    "epmd",
    "erl_child_setup",
    "inet_gethost",
    "memsup",
    "cpu_sup",
    "setpriv",
];

#[derive(Debug, PartialEq, Eq)]
struct Orphan {
    pid: u32,
    name: String,
    server: Server,
}

/// Whose processes work in a folder of the data folder.
const FOLDERS: [Server; 7] = [
    Server::UserPostgres,
    Server::SharedPostgres,
    Server::Redis,
    Server::Epmd,
    Server::RabbitMq(1),
    Server::RabbitMq(2),
    Server::RabbitMq(3),
];

/// Stops every server that still works in the data folder.
///
/// Call it with the folder's lock held: then nobody but us has a claim on what is found. `data_dir` must be
/// canonical.
pub(super) fn stop(data_dir: &Path, report: &mut dyn FnMut(Progress)) -> Result<(), DevError> {
    let orphans = find(data_dir, &FOLDERS);
    if orphans.is_empty() {
        return Ok(());
    }
    for server in FOLDERS {
        // The others of one server are its helpers, and end with it.
        if let Some(Orphan { pid, .. }) = orphans.iter().find(|orphan| orphan.server == server) {
            report(Progress { server, step: Step::StoppingOrphan { pid: *pid } });
        }
    }
    for Orphan { pid, name, .. } in &orphans {
        if let Some(signal) = polite_signal(name) {
            send(signal, *pid);
        }
    }
    if gone_within(data_dir, &FOLDERS, POLITE) {
        return Ok(());
    }
    kill(data_dir, &FOLDERS)
}

/// Waits for the helpers of servers that have been stopped, and kills those that stay.
pub(super) fn sweep(data_dir: &Path) -> Result<(), DevError> {
    sweep_of(data_dir, &FOLDERS)
}

/// The same for some servers, while others work on.
pub(super) fn sweep_of(data_dir: &Path, servers: &[Server]) -> Result<(), DevError> {
    if gone_within(data_dir, servers, HELPERS) {
        return Ok(());
    }
    kill(data_dir, servers)
}

/// Kills at once whatever is left of some servers.
pub(super) fn kill(data_dir: &Path, servers: &[Server]) -> Result<(), DevError> {
    signal(data_dir, servers, Signal::Kill);
    if gone_within(data_dir, servers, KILLED) {
        return Ok(());
    }
    match find(data_dir, servers).into_iter().next() {
        None => Ok(()),
        Some(Orphan { pid, name, .. }) => Err(DevError::Orphan { name, pid, folder: data_dir.to_path_buf() }),
    }
}

/// Sends a signal to every process of some servers.
pub(super) fn signal(data_dir: &Path, servers: &[Server], signal: Signal) {
    for process in find(data_dir, servers) {
        send(signal, process.pid);
    }
}

/// The signal that ends a server without loss. Helpers get none: they end with their server.
fn polite_signal(name: &str) -> Option<Signal> {
    match name {
        // An interrupt means "fast shutdown" to a postmaster and "cancel" to its children.
        "postgres" => Some(Signal::Interrupt),
        "redis-server" | "beam.smp" => Some(Signal::Terminate),
        "initdb" | "epmd" => Some(Signal::Kill),
        _ => None,
    }
}

fn gone_within(data_dir: &Path, servers: &[Server], limit: Duration) -> bool {
    let asked = Instant::now();
    loop {
        if find(data_dir, servers).is_empty() {
            return true;
        }
        if asked.elapsed() > limit {
            return false;
        }
        thread::sleep(POLL);
    }
}

fn find(data_dir: &Path, servers: &[Server]) -> Vec<Orphan> {
    let folders: Vec<_> = servers.iter().map(|server| (server, data_dir.join(&*server.slug()))).collect();
    let mut orphans = Vec::new();
    for pid in process_ids() {
        let name = program_name(pid);
        if !NAMES.contains(&name.as_str()) {
            continue;
        }
        // A cluster is created beside its final place.
        let place = folders
            .iter()
            .find(|(_, folder)| works_in(pid, folder) || works_in(pid, &folder.with_extension("new")));
        if let Some((server, _)) = place {
            orphans.push(Orphan { pid, name, server: **server });
        }
    }
    orphans
}

/// By its current folder; or by its command line, which can be read even where another user's current folder
/// cannot (root in a container without the right to trace).
fn works_in(pid: u32, folder: &Path) -> bool {
    let current = fs::read_link(format!("/proc/{pid}/cwd"));
    if current.is_ok_and(|current| current.starts_with(folder)) {
        return true;
    }
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = String::from_utf8_lossy(&arguments);
    arguments.split(['\0', '=']).any(|argument| Path::new(argument).starts_with(folder))
}

/// All live processes.
pub(super) fn process_ids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The name of a process's program, cut by the kernel at 15 characters; empty when it has ended.
pub(super) fn program_name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}
