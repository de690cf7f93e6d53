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
}

/// Stops every server that still works in the data folder.
///
/// Call it with the folder's lock held: then nobody but us has a claim on what is found. `data_dir` must be
/// canonical.
pub(super) fn stop(data_dir: &Path, report: &mut dyn FnMut(Progress)) -> Result<(), DevError> {
    let orphans = find(data_dir);
    if orphans.is_empty() {
        return Ok(());
    }
    for orphan in &orphans {
        let Some((server, signal)) = polite_signal(&orphan.name) else { continue };
        report(Progress { server, step: Step::StoppingOrphan { pid: orphan.pid } });
        send(signal, orphan.pid);
    }
    if gone_within(data_dir, POLITE) {
        return Ok(());
    }
    kill(data_dir)
}

/// Waits for the helpers of servers that have been stopped, and kills those that stay.
pub(super) fn sweep(data_dir: &Path) -> Result<(), DevError> {
    if gone_within(data_dir, HELPERS) {
        return Ok(());
    }
    kill(data_dir)
}

fn kill(data_dir: &Path) -> Result<(), DevError> {
    for orphan in find(data_dir) {
        send(Signal::Kill, orphan.pid);
    }
    if gone_within(data_dir, KILLED) {
        return Ok(());
    }
    match find(data_dir).into_iter().next() {
        None => Ok(()),
        Some(Orphan { pid, name }) => Err(DevError::Orphan { name, pid, folder: data_dir.to_path_buf() }),
    }
}

/// The signal that ends a server without loss. Helpers get none: they end with their server.
fn polite_signal(name: &str) -> Option<(Server, Signal)> {
    match name {
        // An interrupt means "fast shutdown" to a postmaster and "cancel" to its children.
        "postgres" => Some((Server::SharedPostgres, Signal::Interrupt)),
        "initdb" => Some((Server::SharedPostgres, Signal::Kill)),
        "redis-server" => Some((Server::Redis, Signal::Terminate)),
        "beam.smp" => Some((Server::RabbitMq, Signal::Terminate)),
        "epmd" => Some((Server::Epmd, Signal::Kill)),
        _ => None,
    }
}

fn gone_within(data_dir: &Path, limit: Duration) -> bool {
    let asked = Instant::now();
    loop {
        if find(data_dir).is_empty() {
            return true;
        }
        if asked.elapsed() > limit {
            return false;
        }
        thread::sleep(POLL);
    }
}

fn find(data_dir: &Path) -> Vec<Orphan> {
    process_ids()
        .into_iter()
        .map(|pid| Orphan { pid, name: program_name(pid) })
        .filter(|process| NAMES.contains(&process.name.as_str()) && works_in(process.pid, data_dir))
        .collect()
}

/// By its current folder; or by its command line, which can be read even where another user's current folder
/// cannot (root in a container without the right to trace).
fn works_in(pid: u32, data_dir: &Path) -> bool {
    let current = fs::read_link(format!("/proc/{pid}/cwd"));
    if current.is_ok_and(|folder| folder.starts_with(data_dir)) {
        return true;
    }
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = String::from_utf8_lossy(&arguments);
    arguments.split(['\0', '=']).any(|argument| Path::new(argument).starts_with(data_dir))
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
