//! All servers together, and each by itself.

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
use super::process::{Nursery, ServerProcess, Signal};
use super::programs::Programs;
use super::progress::{Progress, Server};
use super::rabbitmq::{self, NODES_MAX};
use super::redis;
use super::spec::{Cancel, ServersSpec};
use super::startup::{Startup, log_folder};

/// Running servers. [`Servers::stop`] ends them and says how that went; dropping ends them too.
#[derive(Debug)]
pub struct Servers {
    endpoints: Endpoints,
    site: Site,
    /// Those that run.
    running: Vec<ServerProcess>,
    /// Declared last: the folder is free only when nothing works in it any more.
    _lock: FolderLock,
}

/// What it takes to start a server.
#[derive(Debug)]
struct Site {
    spec: ServersSpec,
    programs: Programs,
    account: Account,
    nursery: Nursery,
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
const STARTS: [Start; 4] = [
    |startup| Ok(vec![start_one(startup, Server::UserPostgres)?]),
    |startup| Ok(vec![start_one(startup, Server::SharedPostgres)?]),
    |startup| Ok(vec![start_one(startup, Server::Redis)?]),
    rabbitmq::start,
];

impl Servers {
    /// Starts all servers and waits until each answers. Blocks for 1 to 15 seconds, twice as long for the first start of a
    /// cluster.
    ///
    /// `report` is called on this thread for each step that a person may want to see.
    ///
    /// # Errors
    /// Whatever keeps a server from starting, in one line; everything that had been started is stopped.
    pub fn start(mut spec: ServersSpec, report: &mut dyn FnMut(Progress)) -> Result<Self, DevError> {
        let wanted = spec.rabbitmq_nodes;
        if !(1..=NODES_MAX).contains(&wanted) {
            return Err(DevError::ClusterRange { wanted, most: NODES_MAX });
        }
        let programs = Programs::find()?;
        let account = Account::find()?;
        spec.data_dir = prepare_folder(&spec.data_dir)?;
        let lock = FolderLock::take(&spec.data_dir)?;
        orphans::stop(&spec.data_dir, report)?;
        spec.ports.check_free(spec.rabbitmq_nodes)?;

        let endpoints = Endpoints::new(&spec.ports, spec.rabbitmq_nodes);
        let site = Site { spec, programs, account, nursery: Nursery::open()? };
        let given_up = AtomicBool::new(false);
        let (news, inbox) = mpsc::channel();
        let groups = start_all(site.startup(news, &given_up), &inbox, report);
        // From here on nobody gives up a start any more: servers that are started again are no part of it.
        let spec = ServersSpec { cancel: Cancel::default(), ..site.spec };
        let site = Site { spec, ..site };
        let mut servers = Self { endpoints, site, running: Vec::new(), _lock: lock };
        let mut failures = Vec::new();
        for group in groups {
            match group {
                Ok(processes) => servers.running.extend(processes),
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

    /// The process of one server, while it runs.
    #[must_use]
    pub fn pid(&self, server: Server) -> Option<u32> {
        self.running.iter().find(|process| process.server == server).map(ServerProcess::pid)
    }

    /// The first server that has ended by itself, if any. Does not block: call it now and then.
    pub fn try_wait(&mut self) -> Option<Death> {
        for process in &mut self.running {
            let server = process.server;
            match process.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Some(Death { server, error: process.died(status) }),
                Err(error) => return Some(Death { server, error }),
            }
        }
        None
    }

    /// Stops one server in order while the others work on. Blocks until nothing is left of it.
    ///
    /// # Errors
    /// [`DevError::State`] when it does not run, [`DevError::Killed`] when it had to be killed.
    pub fn stop_one(&mut self, server: Server) -> Result<(), DevError> {
        let stopped = self.take(server)?.stop();
        orphans::sweep_of(&self.site.spec.data_dir, &[server])?;
        stopped
    }

    /// Ends one server as the crash of its machine would, with all of its processes, while the others work on.
    ///
    /// # Errors
    /// [`DevError::State`] when it does not run.
    pub fn kill_one(&mut self, server: Server) -> Result<(), DevError> {
        self.take(server)?.kill()?;
        orphans::kill(&self.site.spec.data_dir, &[server])
    }

    /// Starts one server that was stopped or killed, where it was, and waits until it answers.
    ///
    /// # Errors
    /// [`DevError::State`] when it runs, and whatever keeps it from starting. One that ended by itself has to be taken out
    /// with [`Servers::kill_one`] first.
    pub fn start_one(&mut self, server: Server) -> Result<(), DevError> {
        if self.pid(server).is_some() {
            return Err(DevError::State { server, state: "runs already" });
        }
        let given_up = AtomicBool::new(false);
        let (news, _nobody_listens) = mpsc::channel();
        let process = start_one(&self.site.startup(news, &given_up), server)?;
        self.running.push(process);
        Ok(())
    }

    /// Freezes every process of one server: its connections stay open and nothing answers, until [`Servers::thaw`].
    ///
    /// # Errors
    /// [`DevError::State`] when it does not run.
    pub fn freeze(&self, server: Server) -> Result<(), DevError> {
        self.signal(server, Signal::Stop)
    }

    /// Lets a frozen server go on as if nothing had been.
    ///
    /// # Errors
    /// [`DevError::State`] when it does not run.
    pub fn thaw(&self, server: Server) -> Result<(), DevError> {
        self.signal(server, Signal::Continue)
    }

    fn signal(&self, server: Server, signal: Signal) -> Result<(), DevError> {
        self.pid(server).ok_or(DevError::State { server, state: "does not run" })?;
        orphans::signal(&self.site.spec.data_dir, &[server], signal);
        Ok(())
    }

    fn take(&mut self, server: Server) -> Result<ServerProcess, DevError> {
        let place = self.running.iter().position(|process| process.server == server);
        let place = place.ok_or(DevError::State { server, state: "does not run" })?;
        Ok(self.running.remove(place))
    }

    /// Stops all servers and waits until no process of them is left. Takes 2 seconds as a rule.
    ///
    /// # Errors
    /// [`DevError::Killed`] when one had to be killed: its next start will take longer.
    pub fn stop(mut self) -> Result<(), DevError> {
        self.stop_all()
    }

    fn stop_all(&mut self) -> Result<(), DevError> {
        let running = std::mem::take(&mut self.running);
        // The nodes of RabbitMQ need their port mapper while they stop.
        let (last, first): (Vec<_>, Vec<_>) =
            running.into_iter().partition(|process| process.server == Server::Epmd);
        let outcomes = end_together(first).into_iter().chain(end_together(last)).collect::<Vec<_>>();
        orphans::sweep(&self.site.spec.data_dir)?;
        outcomes.into_iter().collect()
    }
}

impl Site {
    /// What a start needs to know from now on.
    fn startup<'a>(&'a self, news: mpsc::Sender<Progress>, given_up: &'a AtomicBool) -> Startup<'a> {
        Startup {
            spec: &self.spec,
            programs: &self.programs,
            account: self.account,
            nursery: self.nursery.clone(),
            news,
            given_up,
            asked: Instant::now(),
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if self.running.is_empty() {
            return;
        }
        if let Err(error) = self.stop_all() {
            tracing::warn!(%error, "the development servers did not stop cleanly");
        }
    }
}

fn end_together(processes: Vec<ServerProcess>) -> Vec<Result<(), DevError>> {
    thread::scope(|scope| {
        let ends: Vec<_> =
            processes.into_iter().map(|mut process| scope.spawn(move || process.end())).collect();
        ends.into_iter().flat_map(|end| end.join().ok()).collect()
    })
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

fn start_one(startup: &Startup<'_>, server: Server) -> Result<ServerProcess, DevError> {
    let ports = &startup.spec.ports;
    match server {
        Server::UserPostgres => {
            postgres::start(startup, Cluster { server, port: ports.postgres_user, database: "user_psql" })
        }
        Server::SharedPostgres => {
            postgres::start(startup, Cluster { server, port: ports.postgres_shared, database: "shared_psql" })
        }
        Server::Redis => redis::start(startup),
        Server::Epmd => rabbitmq::start_epmd(startup),
        Server::RabbitMq(node) if (1..=startup.spec.rabbitmq_nodes).contains(&node) => {
            rabbitmq::start_node(startup, node)
        }
        Server::RabbitMq(_) => Err(DevError::State { server, state: "is no part of this cluster" }),
    }
}

/// Makes the data folder and answers with its canonical path, by which its processes can be recognised.
fn prepare_folder(folder: &Path) -> Result<PathBuf, DevError> {
    let logs = log_folder(folder);
    fs::create_dir_all(&logs).map_err(DevError::file("create", &logs))?;
    fs::canonicalize(folder).map_err(DevError::file("find", folder))
}
