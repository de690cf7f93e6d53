//! All servers together.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::account::Account;
use super::endpoints::Endpoints;
use super::error::DevError;
use super::lock::FolderLock;
use super::orphans;
use super::postgres::{self, Cluster};
use super::process::{Nursery, ServerProcess};
use super::programs::Programs;
use super::progress::{Progress, Server};
use super::rabbitmq;
use super::redis;
use super::spec::ServersSpec;
use super::startup::{Startup, log_folder};

/// Running servers. [`Servers::stop`] ends them and says how that went; dropping ends them too.
#[derive(Debug)]
pub struct Servers {
    endpoints: Endpoints,
    data_dir: PathBuf,
    /// One group for each server, in the order in which its processes were started.
    groups: Vec<Vec<ServerProcess>>,
    /// Declared last: the folder is free only when nothing works in it any more.
    _lock: FolderLock,
}

/// The end of a server that nobody stopped.
#[derive(Debug)]
pub struct Death {
    /// Which server ended.
    pub server: Server,
    /// How, with its last words, ready to be shown.
    pub error: DevError,
}

type Start = fn(&Startup<'_>) -> Result<Vec<ServerProcess>, DevError>;

/// All are started at once; none needs another.
const STARTS: [Start; 4] = [start_user_postgres, start_shared_postgres, redis::start, rabbitmq::start];

impl Servers {
    /// Starts all servers and waits until each answers. Blocks for 1 to 15 seconds.
    ///
    /// `report` is called on this thread for each step that a person may want to see.
    ///
    /// # Errors
    /// Whatever keeps a server from starting, in one line; everything that had been started is stopped.
    pub fn start(mut spec: ServersSpec, report: &mut dyn FnMut(Progress)) -> Result<Self, DevError> {
        let programs = Programs::find()?;
        let account = Account::find()?;
        spec.data_dir = prepare_folder(&spec.data_dir)?;
        let lock = FolderLock::take(&spec.data_dir)?;
        orphans::stop(&spec.data_dir, report)?;
        spec.ports.check_free()?;

        let given_up = AtomicBool::new(false);
        let (news, inbox) = mpsc::channel();
        let startup = Startup {
            spec: &spec,
            programs: &programs,
            account,
            nursery: Nursery::open()?,
            news,
            given_up: &given_up,
            asked: Instant::now(),
        };
        let groups = start_all(startup, &inbox, report);
        let mut servers = Self {
            endpoints: Endpoints::new(&spec.ports),
            data_dir: spec.data_dir.clone(),
            groups: Vec::new(),
            _lock: lock,
        };
        let mut failures = Vec::new();
        for group in groups {
            match group {
                Ok(processes) => servers.groups.push(processes),
                Err(error) => failures.push(error),
            }
        }
        // The first failure made the others give up: it is the one to tell.
        failures.sort_by_key(|error| matches!(error, DevError::Cancelled));
        match failures.into_iter().next() {
            None => Ok(servers),
            Some(error) => {
                if let Err(stop_error) = servers.stop_all() {
                    tracing::warn!(error = %stop_error, "a failed start left something behind");
                }
                Err(error)
            }
        }
    }

    /// Where they answer.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The first server that has ended by itself, if any. Does not block: call it now and then.
    pub fn try_wait(&mut self) -> Option<Death> {
        for process in self.groups.iter_mut().flatten() {
            let server = process.server;
            match process.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Some(Death { server, error: process.died(status) }),
                Err(error) => return Some(Death { server, error }),
            }
        }
        None
    }

    /// Stops all servers and waits until no process of them is left. Takes 2 seconds as a rule.
    ///
    /// # Errors
    /// [`DevError::Killed`] when one had to be killed: its next start will take longer.
    pub fn stop(mut self) -> Result<(), DevError> {
        self.stop_all()
    }

    fn stop_all(&mut self) -> Result<(), DevError> {
        let groups = std::mem::take(&mut self.groups);
        let outcomes: Vec<Result<(), DevError>> = thread::scope(|scope| {
            let stops: Vec<_> = groups.into_iter().map(|group| scope.spawn(|| stop_group(group))).collect();
            stops.into_iter().flat_map(|stop| stop.join().ok()).collect()
        });
        orphans::sweep(&self.data_dir)?;
        outcomes.into_iter().collect()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if self.groups.is_empty() {
            return;
        }
        if let Err(error) = self.stop_all() {
            tracing::warn!(%error, "the development servers did not stop cleanly");
        }
    }
}

/// Ends the processes of one server, the one that was started last first.
fn stop_group(group: Vec<ServerProcess>) -> Result<(), DevError> {
    let mut outcome = Ok(());
    for mut process in group.into_iter().rev() {
        outcome = outcome.and(process.stop());
    }
    outcome
}

fn start_all(
    startup: Startup<'_>,
    inbox: &mpsc::Receiver<Progress>,
    report: &mut dyn FnMut(Progress),
) -> Vec<Result<Vec<ServerProcess>, DevError>> {
    thread::scope(|scope| {
        let starts: Vec<_> = STARTS
            .into_iter()
            .map(|start| {
                let startup = startup.clone();
                scope.spawn(move || {
                    let group = start(&startup);
                    if group.is_err() {
                        startup.given_up.store(true, Ordering::Release);
                    }
                    group
                })
            })
            .collect();
        // The inbox ends when the last start has dropped its sender.
        drop(startup);
        for progress in inbox {
            report(progress);
        }
        starts.into_iter().flat_map(|start| start.join().ok()).collect()
    })
}

fn start_user_postgres(startup: &Startup<'_>) -> Result<Vec<ServerProcess>, DevError> {
    let port = startup.spec.ports.postgres_user;
    postgres::start(startup, Cluster { server: Server::UserPostgres, port, database: "user_psql" })
}

fn start_shared_postgres(startup: &Startup<'_>) -> Result<Vec<ServerProcess>, DevError> {
    let port = startup.spec.ports.postgres_shared;
    postgres::start(startup, Cluster { server: Server::SharedPostgres, port, database: "shared_psql" })
}

/// Makes the data folder and answers with its canonical path, by which its processes can be recognised.
fn prepare_folder(folder: &Path) -> Result<PathBuf, DevError> {
    let logs = log_folder(folder);
    fs::create_dir_all(&logs).map_err(DevError::file("create", &logs))?;
    fs::canonicalize(folder).map_err(DevError::file("find", folder))
}
