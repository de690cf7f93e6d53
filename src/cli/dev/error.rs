//! What can go wrong with the development servers, each in one line that says what to do.

use std::io;
use std::path::PathBuf;

use super::progress::Server;

/// A failure to start, keep or stop the development servers.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A program that a server consists of is not installed.
    #[error("`{program}` is not installed: run `make setup`, or install the package {package}")]
    MissingProgram {
        /// The program's file name.
        program: &'static str,
        /// The Debian package that holds it.
        package: &'static str,
    },
    /// Another process listens on a port that a server needs.
    #[error("port {port} ({purpose}) is in use by {holder}: stop it, or choose another port")]
    PortInUse {
        /// The port.
        port: u16,
        /// What we wanted it for.
        purpose: &'static str,
        /// The process that holds it, as far as we may know.
        holder: String,
    },
    /// The system does not let us listen on a port.
    #[error("cannot listen on port {port} ({purpose}): {source}")]
    PortRefused {
        /// The port.
        port: u16,
        /// What we wanted it for.
        purpose: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// No range of ports was free at once.
    #[error("found no free ports between {first} and {last}: stop something that listens there")]
    NoFreePorts {
        /// The first port that was tried.
        first: u16,
        /// The last port that was tried.
        last: u16,
    },
    /// Another process works in the same data folder.
    #[error(
        "the data folder {folder} is in use by {holder}: stop that first, or choose another with --data-dir"
    )]
    Locked {
        /// The data folder.
        folder: PathBuf,
        /// The other process.
        holder: String,
    },
    /// A cluster of RabbitMQ was made for another number of nodes.
    #[error(
        "the data folder {folder} is made for {found} nodes of RabbitMQ, and {wanted} are asked for: ask for as many, or choose \
         another folder with --data-dir"
    )]
    ClusterSize {
        /// The data folder.
        folder: PathBuf,
        /// How many nodes its data know of.
        found: u8,
        /// How many were asked for.
        wanted: u8,
    },
    /// No such number of nodes can be run.
    #[error("cannot run {wanted} nodes of RabbitMQ: 1 to {most} fit on one machine")]
    ClusterRange {
        /// How many were asked for.
        wanted: u8,
        /// How many there can be.
        most: u8,
    },
    /// A server that was to be stopped does not run, or one that was to be started does.
    #[error("{server} {state}")]
    State {
        /// The server.
        server: Server,
        /// What it is or does.
        state: &'static str,
    },
    /// A file or folder of ours cannot be made or changed.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// We are root, so Postgres runs as `postgres`, but there is no such user.
    #[error("Postgres refuses to run as root and there is no user `postgres`: run `make setup`")]
    NoPostgresUser,
    /// A program could not be started at all.
    #[error("cannot run {program} for {server}: {source}")]
    Spawn {
        /// The server it belongs to.
        server: Server,
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A server ended although nobody stopped it.
    #[error("{server} ended unexpectedly ({status}): {last_words}; the whole log is {log}")]
    Died {
        /// The server.
        server: Server,
        /// How it ended.
        status: String,
        /// The last line of its log.
        last_words: String,
        /// Its log.
        log: PathBuf,
    },
    /// A server lives but does not answer.
    #[error("{server} was not ready after {waited_s} s: {last_words}; the whole log is {log}")]
    NotReady {
        /// The server.
        server: Server,
        /// How long we waited, in seconds.
        waited_s: u64,
        /// The last line of its log.
        last_words: String,
        /// Its log.
        log: PathBuf,
    },
    /// A server runs but could not be prepared.
    #[error("cannot prepare {server}: {reason}")]
    Setup {
        /// The server.
        server: Server,
        /// What it answered.
        reason: String,
    },
    /// A server had to be killed because it did not stop by itself.
    #[error("{server} did not stop within {waited_s} s and was killed; its log is {log}")]
    Killed {
        /// The server.
        server: Server,
        /// How long we waited, in seconds.
        waited_s: u64,
        /// Its log.
        log: PathBuf,
    },
    /// A server of an earlier run still works in the data folder and cannot be stopped.
    #[error("{name} (pid {pid}) of an earlier run still works in {folder}: end it by hand")]
    Orphan {
        /// The program's name.
        name: String,
        /// Its process id.
        pid: u32,
        /// The folder.
        folder: PathBuf,
    },
    /// A thread, pipe or signal handler of ours could not be had.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The command that the servers were started for could not be run.
    #[error("cannot run `{command}`: {source}")]
    Command {
        /// The command.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Some, but not all, of the variables that name running servers are set.
    #[error(
        "the environment variable {name} is missing or not text: set all of BOTBERI_TEST_SERVERS_* or none"
    )]
    Environment {
        /// The variable.
        name: &'static str,
    },
    /// Somebody asked us to stop while the servers were starting.
    #[error("interrupted")]
    Cancelled,
}

impl DevError {
    /// A closure for `map_err` on anything that touches a file.
    pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
