//! What a run attacks: servers of its own, replicas as processes and one within this process, and the ways in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use botberi::cli::dev::{DevError, Ports, Server, Servers, ServersSpec};
use tokio::task::spawn_blocking;
use toml::Value;

use crate::support::cables::Places;
use crate::support::edge::{Edge, Upstreams};
use crate::support::folder::Folder;
use crate::support::program::Program;
use crate::support::replica::Replica;
use crate::support::stage::Stage;

use super::onlooker::Seen;
use super::probe;
use super::recorder::Recorder;
use super::schedule::Schedule;
use super::wallet::ACCESS_SECONDS;

/// After so long a replica that is not heard of is dead.
pub(super) const LEASE_MS: i64 = 4_000;

/// The replicas that are processes.
const NAMES: [&str; 3] = ["first", "second", "third"];

/// The one that is not. It has a supervision tree that can be reached, and cables that can be cut.
const INNER: &str = "inner";

/// One process, and the next one after its end.
pub(super) struct Slot {
    name: &'static str,
    /// Counts its lives.
    life: u32,
    port: u16,
    /// Keeps no events in memory: whoever resumes there is sent what is in the log, and told of what is not.
    reads_the_log: bool,
    pub(super) program: Option<Program>,
}

impl Slot {
    /// This life of the process, as it signs what it writes.
    pub(super) fn process(&self) -> String {
        format!("{}-{}", self.name, self.life)
    }
}

pub(super) struct Platform {
    // In the order in which they have to go.
    pub(super) replica: Replica,
    pub(super) slots: Vec<Slot>,
    /// The only way in.
    pub(super) edge: Edge,
    pub(super) stage: Stage,
    servers: Arc<Mutex<Servers>>,
    /// Servers that were taken down and are to come back.
    pub(super) down: Vec<Server>,
    logs: PathBuf,
    pub(super) recorder: Recorder,
    pub(super) seen: Arc<Seen>,
    /// Ends that nobody asked for, or that were not in order.
    pub(super) deaths: Vec<String>,
    _folder: Folder,
}

impl Platform {
    pub(super) async fn start(schedule: &Schedule, logs: &Path) -> Self {
        std::fs::create_dir_all(logs).unwrap();
        let folder = Folder::new("chaos");
        let spec = ServersSpec { rabbitmq_nodes: schedule.rabbitmq_nodes, ..folder.spec() };
        let servers = spawn_blocking(move || Servers::start(spec, &mut |_| {}).unwrap()).await.unwrap();
        let endpoints = servers.endpoints().clone();
        let stage = Stage::set_on_own(&endpoints).await;
        probe::install(&stage.sql().await).await;

        // Its cable leads to one node. The processes know all of them.
        let places = places(&stage, &stage.bus.urls()[0], INNER);
        let replica = Replica::start_at(&places, true, &settings_of_the_inner()).await;
        replica.expect_restarts("/");
        let recorder = Recorder::begin();
        let ports = Ports::free().unwrap();
        let ports = [ports.postgres_user, ports.postgres_shared, ports.redis];
        let slots = NAMES.iter().take(schedule.processes()).zip(ports).map(|(name, port)| Slot {
            name,
            life: 0,
            port,
            reads_the_log: *name != NAMES[0],
            program: None,
        });
        let slots: Vec<Slot> = slots.collect();
        let urls: Vec<String> = slots.iter().map(|slot| format!("http://127.0.0.1:{}", slot.port)).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).chain([replica.user_api.as_str()]).collect();
        let edge = Edge::before(&Upstreams::of_users(&urls)).await;
        let mut platform = Self {
            replica,
            slots,
            edge,
            stage,
            servers: Arc::new(Mutex::new(servers)),
            down: Vec::new(),
            logs: logs.to_owned(),
            recorder,
            seen: Arc::default(),
            deaths: Vec::new(),
            _folder: folder,
        };
        platform.mend().await;
        platform
    }

    /// Starts what is down.
    pub(super) async fn mend(&mut self) {
        for server in std::mem::take(&mut self.down) {
            self.on_servers(move |servers| servers.start_one(server)).await;
        }
        if let Some(cables) = &self.replica.cables {
            cables.mend();
        }
        for number in 0..self.slots.len() {
            self.bury(number);
            if self.slots[number].program.is_none() {
                self.begin(number).await;
            }
        }
    }

    async fn begin(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        slot.life += 1;
        let places = places(&self.stage, &self.stage.bus.url(), &slot.process());
        let mut settings = settings();
        settings.push(("http.user.port", i64::from(slot.port).into()));
        if slot.reads_the_log {
            settings.push(("websocket.recent_events_max", 0.into()));
        }
        let log = self.logs.join(format!("{}.log", slot.process()));
        let program = Program::serve_again(&places, &log, &settings).await;
        self.seen.processes.lock().unwrap().insert(slot.process(), program.pid());
        slot.program = Some(program);
    }

    /// Notes the processes that have ended by themselves.
    pub(super) fn bury_all(&mut self) {
        for number in 0..self.slots.len() {
            self.bury(number);
        }
    }

    /// Notes a process that has ended by itself.
    fn bury(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        let Some(status) = slot.program.as_mut().and_then(Program::has_ended) else { return };
        self.deaths.push(format!("{} ended by itself: {status}", slot.process()));
        self.seen.processes.lock().unwrap().remove(&slot.process());
        slot.program = None;
    }

    /// Takes a process out, to be killed or asked to end.
    pub(super) fn take(&mut self, number: usize) -> Option<Program> {
        self.bury(number);
        let slot = &mut self.slots[number];
        self.seen.processes.lock().unwrap().remove(&slot.process());
        slot.program.take()
    }

    /// Does something with the servers that takes its time.
    pub(super) async fn on_servers(
        &self,
        act: impl FnOnce(&mut Servers) -> Result<(), DevError> + Send + 'static,
    ) {
        let servers = self.servers.clone();
        spawn_blocking(move || act(&mut servers.lock().unwrap()).unwrap()).await.unwrap();
    }

    /// Stops everything in order.
    pub(super) async fn stop(mut self) {
        for number in 0..self.slots.len() {
            self.take(number);
        }
        let Self { replica, edge, stage, servers, _folder: folder, .. } = self;
        spawn_blocking(move || {
            drop(edge);
            replica.stop();
            drop(stage);
            let servers = Arc::into_inner(servers).unwrap().into_inner().unwrap();
            servers.stop().unwrap();
            drop(folder);
        })
        .await
        .unwrap();
    }
}

fn places(stage: &Stage, rabbitmq: &str, process: &str) -> Places {
    let places = stage.places();
    Places {
        shared_postgres: format!("{}?{}", places.shared_postgres, probe::option(process)),
        rabbitmq: rabbitmq.to_owned(),
        ..places
    }
}

fn settings() -> Vec<(&'static str, Value)> {
    let numbers: BTreeMap<&str, i64> = BTreeMap::from([
        ("worker.lease_ms", LEASE_MS),
        ("worker.beat_ms", 500),
        ("worker.provisioning_deadline_ms", 8_000),
        ("service.shutdown_deadline_ms", 8_000),
        // Tokens end and are renewed all the time.
        ("auth.access_token_seconds", ACCESS_SECONDS as i64),
        ("auth.sessions_per_user_max", 10_000),
        // So short that the log is cut all the time, while some come back from before the cut.
        ("retention.events_seconds", 15),
        ("retention.interval_ms", 1_000),
        // As in production. What most tests set is for a RabbitMQ that is away, not for one that is slow because four replicas
        // come back to it at once: they would all give up and begin again, for ever.
        ("rabbitmq.connect_timeout_ms", 5_000),
        ("rabbitmq.confirm_timeout_ms", 5_000),
        ("rabbitmq.backoff_ms_max", 5_000),
        ("rabbitmq.heartbeat_seconds", 4),
        ("postgres.user.acquire_timeout_ms", 5_000),
        ("postgres.shared.acquire_timeout_ms", 5_000),
    ]);
    numbers.into_iter().map(|(key, value)| (key, Value::from(value))).collect()
}

fn settings_of_the_inner() -> Vec<(&'static str, Value)> {
    let mut settings = settings();
    settings.retain(|(key, _)| *key != "service.shutdown_deadline_ms");
    settings.extend([
        // It is made to panic more often than a replica is meant to bear.
        ("supervision.max_restarts", Value::from(1_000)),
        // And to hang for so long.
        ("supervision.handler_deadline_ms", Value::from(3_000)),
    ]);
    settings
}
