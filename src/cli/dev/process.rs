//! One server process: how it is started, watched and stopped.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::account::Account;
use super::error::DevError;
use super::programs::Programs;
use super::progress::Server;

const POLL: Duration = Duration::from_millis(20);

/// The signals that servers understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Terminate,
    Interrupt,
    Quit,
    Kill,
    Stop,
    Continue,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// Sends a signal; a process that has ended is not an error.
///
/// Through the shell's built-in `kill`: the standard library can only kill outright.
pub(super) fn send(signal: Signal, pid: u32) {
    let sent = Command::new("/bin/sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", signal.name(), &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = sent {
        tracing::warn!(pid, signal = signal.name(), %error, "cannot send a signal");
    }
}

/// Starts children from one thread that lives as long as any of them.
///
/// The kernel sends a child its death signal when the *thread* that started it ends, so a child must not be
/// started from a thread that only helps with the start.
#[derive(Debug, Clone)]
pub(super) struct Nursery {
    orders: mpsc::Sender<Order>,
}

struct Order {
    command: Command,
    reply: mpsc::Sender<io::Result<Child>>,
}

impl Nursery {
    pub(super) fn open() -> Result<Self, DevError> {
        let (orders, inbox) = mpsc::channel::<Order>();
        let work = move || {
            for Order { mut command, reply } in inbox {
                // Nobody waits for the reply only if the start was given up: then the child must go.
                if let Err(mpsc::SendError(Ok(mut child))) = reply.send(command.spawn()) {
                    drop(child.kill().and_then(|()| child.wait()));
                }
            }
        };
        thread::Builder::new()
            .name("server-nursery".to_owned())
            .spawn(work)
            .map_err(|source| DevError::System { action: "start a thread", source })?;
        Ok(Self { orders })
    }

    fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = mpsc::channel();
        let gone = || io::Error::other("the thread that starts servers has ended");
        self.orders.send(Order { command, reply }).map_err(|_closed| gone())?;
        answer.recv().map_err(|_closed| gone())?
    }
}

/// What to run as a server.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) server: Server,
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<OsString>,
    /// The whole environment beside `PATH` and the locale: nothing of ours leaks in.
    pub(super) environment: Vec<(&'static str, OsString)>,
    pub(super) account: Account,
    /// Where it works, by which a later start knows it as ours.
    pub(super) folder: &'a Path,
    pub(super) log: PathBuf,
    /// What the kernel sends it when we die without stopping it.
    pub(super) death_signal: Signal,
    /// What to run before it is asked to end, if that makes the end better. May fail without harm.
    pub(super) farewell: Option<Command>,
    /// How to end it: each signal, and how long it then has. After the last it is killed.
    pub(super) stop_plan: &'static [(Signal, Duration)],
    /// Whether it may be killed instead when all servers end together.
    pub(super) expendable: bool,
}

/// How long a farewell may delay the end.
const FAREWELL_WITHIN: Duration = Duration::from_secs(5);

/// A running server process. Dropping it kills it: [`ServerProcess::stop`] is the kind way.
#[derive(Debug)]
pub(super) struct ServerProcess {
    pub(super) server: Server,
    child: Child,
    log: PathBuf,
    farewell: Option<Command>,
    stop_plan: &'static [(Signal, Duration)],
    expendable: bool,
    /// Keeps the thread that started the child alive.
    _nursery: Nursery,
}

impl ServerProcess {
    pub(super) fn start(
        launch: Launch<'_>,
        programs: &Programs,
        nursery: &Nursery,
    ) -> Result<Self, DevError> {
        let Launch { server, program, log, farewell, stop_plan, expendable, .. } = launch;
        let output = open_log(&log)?;
        let errors = output.try_clone().map_err(DevError::file("open", &log))?;

        let mut command = launch.account.enter(launch.folder, &programs.setpriv);
        command
            .args(["--pdeathsig", launch.death_signal.name(), "--"])
            .arg(program)
            .args(&launch.arguments)
            .env_clear()
            .env("PATH", &programs.path)
            .env("LC_ALL", "C.UTF-8")
            .envs(launch.environment)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C goes to the terminal's whole process group: the servers must outlive what uses them.
            .process_group(0);
        let child = nursery.spawn(command).map_err(|source| DevError::Spawn {
            server,
            program: program.to_path_buf(),
            source,
        })?;
        Ok(Self { server, child, log, farewell, stop_plan, expendable, _nursery: nursery.clone() })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(super) fn try_wait(&mut self) -> Result<Option<ExitStatus>, DevError> {
        self.child.try_wait().map_err(|source| DevError::System { action: "wait for a server", source })
    }

    /// Waits for it to end by itself.
    pub(super) fn wait(&mut self) -> Result<ExitStatus, DevError> {
        self.child.wait().map_err(|source| DevError::System { action: "wait for a server", source })
    }

    /// The error that says that it ended although nobody asked.
    pub(super) fn died(&self, status: ExitStatus) -> DevError {
        DevError::Died {
            server: self.server,
            status: status.to_string(),
            last_words: last_words(&self.log),
            log: self.log.clone(),
        }
    }

    /// The error that says that it lives but does not answer.
    pub(super) fn not_ready(&self, waited: Duration) -> DevError {
        DevError::NotReady {
            server: self.server,
            waited_s: waited.as_secs(),
            last_words: last_words(&self.log),
            log: self.log.clone(),
        }
    }

    /// Ends it by its plan; an error means that it had to be killed. Ending an ended one is fine.
    pub(super) fn stop(&mut self) -> Result<(), DevError> {
        let asked = Instant::now();
        if self.try_wait()?.is_none()
            && let Some(farewell) = self.farewell.take()
            && let Err(error) = run_briefly(farewell, FAREWELL_WITHIN)
        {
            tracing::debug!(server = %self.server, %error, "could not prepare the stop");
        }
        for (signal, patience) in self.stop_plan {
            if self.try_wait()?.is_some() {
                return Ok(());
            }
            send(*signal, self.child.id());
            if self.ended_within(*patience)? {
                return Ok(());
            }
        }
        self.kill()?;
        // A plan without steps says that killing it is the way.
        if self.stop_plan.is_empty() {
            return Ok(());
        }
        let waited_s = asked.elapsed().as_secs();
        Err(DevError::Killed { server: self.server, waited_s, log: self.log.clone() })
    }

    /// Ends it as fast as may be, now that all others end, too.
    pub(super) fn end(&mut self) -> Result<(), DevError> {
        if self.expendable { self.kill() } else { self.stop() }
    }

    /// Ends it as a crash would.
    pub(super) fn kill(&mut self) -> Result<(), DevError> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(|source| DevError::System { action: "kill a server", source })
    }

    fn ended_within(&mut self, patience: Duration) -> Result<bool, DevError> {
        let asked = Instant::now();
        while asked.elapsed() < patience {
            if self.try_wait()?.is_some() {
                return Ok(true);
            }
            thread::sleep(POLL);
        }
        Ok(false)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            drop(self.child.kill().and_then(|()| self.child.wait()));
        }
    }
}

/// Runs a command to its end, or to the end of our patience.
fn run_briefly(mut command: Command, patience: Duration) -> io::Result<()> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let asked = Instant::now();
    while asked.elapsed() < patience {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        thread::sleep(POLL);
    }
    child.kill()?;
    child.wait().map(drop)
}

/// A fresh log; that of the run before is kept beside it, for whoever asks why it ended.
fn open_log(path: &Path) -> Result<File, DevError> {
    match fs::rename(path, path.with_extension("log.before")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(DevError::file("rename", path)(error));
        }
        _ => {}
    }
    File::create(path).map_err(DevError::file("create", path))
}

/// The last line of a log that says something.
fn last_words(log: &Path) -> String {
    const TAIL_BYTES: u64 = 4096;
    let tail = || -> io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = tail().unwrap_or_default();
    let telling = text.lines().rev().find(|line| line.contains("FATAL") || line.contains("[error]"));
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    telling.or(last).map_or_else(|| "it said nothing".to_owned(), |line| line.trim().to_owned())
}
