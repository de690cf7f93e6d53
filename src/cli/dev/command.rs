//! `botberi dev servers`: the servers alone, for as long as a command or a person needs them.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use super::error::DevError;
use super::ports::Ports;
use super::process::{Signal, send};
use super::servers::Servers;
use super::spec::{Cancel, Durability, ServersSpec};

/// The exit code of what Ctrl-C has ended, as in a shell.
const INTERRUPTED: u8 = 130;
const POLL: Duration = Duration::from_millis(50);
/// How long the command may take to end after it was asked to.
const COMMAND_ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Start private Postgres, Redis and RabbitMQ; run COMMAND against them, or wait for Ctrl-C
///
/// COMMAND finds the servers in environment variables, and its exit code becomes ours. The variables begin with
/// `BOTBERI_TEST_SERVERS_`: `USER_DATABASE_URL`, `USER_DATABASE_OWNER_URL` and `USER_DATABASE_SUPERUSER_URL`, the
/// same for `SHARED_DATABASE`, `REDIS_URL`, `AMQP_URL` and `RABBITMQ_MANAGEMENT_URL`, and with an `S` after them the last two name
/// every node of RabbitMQ, separated by commas.
#[derive(Debug, clap::Args)]
pub struct ServersCommand {
    /// Folder that holds everything the servers keep
    #[arg(long, value_name = "DIR", default_value = ".botberi")]
    data_dir: PathBuf,
    /// Take ports that are free instead of the usual ones
    #[arg(long)]
    free_ports: bool,
    /// Be fast rather than safe: a loss of power may cost all data
    #[arg(long)]
    no_fsync: bool,
    /// How many nodes of RabbitMQ to start as a cluster; a data folder is made for a number of them
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    rabbitmq_nodes: u8,
    /// What to run, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl ServersCommand {
    /// Runs it to its end. Blocks, and must not be called from within an asynchronous runtime.
    ///
    /// # Errors
    /// Whatever keeps the servers or the command from running, or the servers from stopping.
    pub fn run(self) -> Result<ExitCode, DevError> {
        let requests = Requests::listen()?;
        let spec = ServersSpec {
            data_dir: self.data_dir,
            ports: if self.free_ports { Ports::free()? } else { Ports::contract() },
            rabbitmq_nodes: self.rabbitmq_nodes,
            durability: if self.no_fsync { Durability::Throwaway } else { Durability::Safe },
            cancel: requests.cancel.clone(),
        };
        let mut servers = match Servers::start(spec, &mut |progress| say(&progress.to_string())) {
            Err(DevError::Cancelled) => return Ok(ExitCode::from(INTERRUPTED)),
            started => started?,
        };

        let outcome = if self.command.is_empty() {
            wait_for_request(&mut servers, &requests)
        } else {
            run_command(&self.command, &mut servers, &requests)
        };
        say("stopping the servers");
        let stopped = servers.stop();
        let code = outcome?;
        stopped?;
        Ok(code)
    }
}

fn wait_for_request(servers: &mut Servers, requests: &Requests) -> Result<ExitCode, DevError> {
    for (name, value) in servers.endpoints().to_env() {
        say(&format!("{name}={value}"));
    }
    say("all servers are ready; Ctrl-C stops them");
    while !requests.cancel.is_cancelled() {
        if let Some(death) = servers.try_wait() {
            return Err(death.error);
        }
        thread::sleep(POLL);
    }
    Ok(ExitCode::SUCCESS)
}

fn run_command(
    command: &[OsString],
    servers: &mut Servers,
    requests: &Requests,
) -> Result<ExitCode, DevError> {
    let [program, arguments @ ..] = command else { return Ok(ExitCode::SUCCESS) };
    let failed = |source| DevError::Command { command: program.to_string_lossy().into_owned(), source };
    // In our own process group: it keeps the terminal, and gets Ctrl-C from it as we do. The kernel tells it
    // when we die, for without servers it has no purpose; this thread lives as long as we do.
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "--"])
        .arg(program)
        .args(arguments)
        .envs(servers.endpoints().to_env())
        .spawn()
        .map_err(failed)?;
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(exit_code(status));
        }
        if requests.cancel.is_cancelled() {
            return end_command(&mut child, requests).map(exit_code).map_err(failed);
        }
        if let Some(death) = servers.try_wait() {
            end_command(&mut child, requests).map_err(failed)?;
            return Err(death.error);
        }
        thread::sleep(POLL);
    }
}

/// Asks the command to end, unless the terminal has done so already, and kills it when it takes too long.
fn end_command(child: &mut Child, requests: &Requests) -> io::Result<ExitStatus> {
    if !requests.from_terminal.load(Ordering::Acquire) {
        send(Signal::Terminate, child.id());
    }
    let asked = Instant::now();
    while asked.elapsed() < COMMAND_ENDS_WITHIN {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(POLL);
    }
    child.kill()?;
    child.wait()
}

/// A command that was ended by a signal counts as 128 and the signal's number, as in a shell.
fn exit_code(status: ExitStatus) -> ExitCode {
    const KILLED_BASE: i32 = 128;
    let code = status.code().or_else(|| status.signal().map(|signal| KILLED_BASE + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// What signals have asked for.
#[derive(Debug)]
pub struct Requests {
    cancel: Cancel,
    /// Whether it was Ctrl-C, which the command has got as well.
    from_terminal: Arc<AtomicBool>,
}

impl Requests {
    /// What becomes cancelled at the first signal.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Takes over SIGINT, SIGTERM and SIGHUP for the rest of the process.
    ///
    /// # Errors
    /// When the system does not let us have the signals or a thread.
    pub fn listen() -> Result<Self, DevError> {
        let requests = Self { cancel: Cancel::default(), from_terminal: Arc::default() };
        let (cancel, from_terminal) = (requests.cancel.clone(), requests.from_terminal.clone());
        let failed = |source| DevError::System { action: "listen for signals", source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handlers = {
            let _entered = runtime.enter();
            let listen = |kind| signal(kind).map_err(failed);
            (
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
            )
        };
        let work = move || {
            let (mut interrupt, mut terminate, mut hangup) = handlers;
            runtime.block_on(async move {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => from_terminal.store(true, Ordering::Release),
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                    cancel.cancel();
                }
            });
        };
        thread::Builder::new().name("signals".to_owned()).spawn(work).map_err(failed)?;
        Ok(requests)
    }
}

/// Progress goes to stderr: stdout belongs to the command.
fn say(line: &str) {
    // Nobody reads on: nothing to be done about it.
    drop(writeln!(io::stderr(), "{line}"));
}
