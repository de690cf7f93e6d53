//! Every kind of fault, and how it is made.

use std::time::Duration;

use botberi::actors::system::{inject_hang, inject_panic};
use botberi::cli::dev::Server;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::support::proxy::{Cable, FaultProxy};
use crate::support::wait::eventually;

use super::checker::{Fault, Moment};
use super::platform::{LEASE_MS, Platform};

/// Longer than the lease: when it goes on, others have what it had.
const PAUSE: Duration = Duration::from_millis(LEASE_MS as u64 + 4_000);

/// A leader that does not beat is deposed after 5 s, and looked at every half second.
const PAUSE_OF_A_LEADER: Duration = Duration::from_secs(8);

/// How long a cable is bad: longer than some deadlines.
const BAD: Duration = Duration::from_secs(4);

/// An actor that hangs is built again when its handler's time is over (3 s, in a run).
const FROZEN_WITHIN: Duration = Duration::from_secs(10);

/// A process that was asked to end has as long.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

macro_rules! kinds {
    ($($kind:ident $name:literal,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum FaultKind { $($kind,)+ }

        impl FaultKind {
            pub(super) const ALL: &[Self] = &[$(Self::$kind,)+];

            /// As the table shows it, and as it is asked for.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }
        }
    };
}

kinds! {
    Kill "kill",
    PauseOwner "pause-owner",
    PauseLeader "pause-leader",
    Terminate "terminate",
    EndBackends "end-backends",
    RestartPostgres "restart-postgres",
    KillPostgres "kill-postgres",
    CloseBusConnections "close-bus-connections",
    RestartBus "restart-bus",
    FreezeBus "freeze-bus",
    BothAway "both-away",
    KillRedis "kill-redis",
    Latency "latency",
    Drops "drops",
    Silence "silence",
    HalfOpen "half-open",
    EndListener "end-listener",
    Poison "poison",
    Panic "panic",
    Hang "hang",
    KillClusterNode "kill-cluster-node",
}

impl FaultKind {
    /// Those of the short form: none that waits for a RabbitMQ to start.
    pub(super) fn is_quick(self) -> bool {
        !matches!(
            self,
            Self::RestartBus
                | Self::FreezeBus
                | Self::BothAway
                | Self::KillClusterNode
                | Self::Latency
                | Self::Drops
                | Self::RestartPostgres
                | Self::PauseLeader
        )
    }
}

impl FaultKind {
    /// Whether it is done to the inner replica, and to no other.
    fn hits_one(self) -> bool {
        matches!(
            self,
            Self::Latency | Self::Drops | Self::Silence | Self::HalfOpen | Self::Panic | Self::Hang
        )
    }
}

/// What was done, and since when the platform is on its own.
struct Done {
    healed: Moment,
    killed: Option<String>,
}

impl Platform {
    /// Does it. Servers are up again at the end of it; processes are down until the platform is mended.
    pub(super) async fn suffer(
        &mut self,
        kind: FaultKind,
        random: &mut StdRng,
        poisons: &mut Vec<String>,
    ) -> Fault {
        let began = self.recorder.now();
        let Done { healed, killed } = match kind {
            FaultKind::Kill => self.kill(random).await,
            FaultKind::PauseOwner => self.pause(random.random_range(0..self.slots.len()), PAUSE).await,
            FaultKind::PauseLeader => match self.leader_among_the_processes().await {
                Some(leader) => self.pause(leader, PAUSE_OF_A_LEADER).await,
                // What is done then is another fault, and has its name in the record.
                None => return Box::pin(self.suffer(FaultKind::PauseOwner, random, poisons)).await,
            },
            FaultKind::Terminate => self.terminate(random).await,
            FaultKind::EndBackends => self.end_backends("usename = 'botberi' AND random() < 0.5").await,
            FaultKind::EndListener => {
                let listens = "application_name IN ('botberi notify_listener', 'botberi revocations')";
                self.end_backends(listens).await
            }
            FaultKind::RestartPostgres => {
                let server = a_postgres(random);
                self.on_servers(move |servers| servers.stop_one(server)).await;
                self.starts_after(server, random).await
            }
            FaultKind::KillPostgres => {
                let server = a_postgres(random);
                self.on_servers(move |servers| servers.kill_one(server)).await;
                self.starts_after(server, random).await
            }
            FaultKind::KillRedis => {
                self.on_servers(|servers| servers.kill_one(Server::Redis)).await;
                self.starts_after(Server::Redis, random).await
            }
            FaultKind::CloseBusConnections => {
                self.stage.bus.close_all_connections().await;
                self.done()
            }
            FaultKind::RestartBus => {
                self.on_servers(|servers| servers.stop_one(Server::RabbitMq(1))).await;
                self.starts_after(Server::RabbitMq(1), random).await
            }
            FaultKind::FreezeBus => {
                self.on_servers(|servers| servers.freeze(Server::RabbitMq(1))).await;
                sleep(BAD).await;
                self.on_servers(|servers| servers.thaw(Server::RabbitMq(1))).await;
                self.done()
            }
            FaultKind::BothAway => self.both_away().await,
            FaultKind::KillClusterNode => {
                let began = self.recorder.now();
                let node = Server::RabbitMq(random.random_range(1..=3));
                self.on_servers(move |servers| servers.kill_one(node)).await;
                self.down.push(node);
                Done { healed: began, killed: None }
            }
            FaultKind::Latency | FaultKind::Drops | FaultKind::Silence | FaultKind::HalfOpen => {
                self.spoil_a_cable(kind, random).await
            }
            FaultKind::Poison => self.poison(poisons).await,
            FaultKind::Panic => self.panic(random).await,
            FaultKind::Hang => self.hang(random).await,
        };
        let (hits_one, kind) = (kind.hits_one(), kind.name().to_owned());
        Fault { kind, began, healed, until: Moment::MAX, killed, hits_one }
    }

    fn done(&self) -> Done {
        Done { healed: self.recorder.now(), killed: None }
    }

    async fn kill(&mut self, random: &mut StdRng) -> Done {
        let number = random.random_range(0..self.slots.len());
        let killed = Some(self.slots[number].process());
        let healed = self.recorder.now();
        if let Some(program) = self.take(number) {
            program.kill();
        }
        Done { healed, killed }
    }

    /// The others have to do without it meanwhile.
    async fn pause(&mut self, number: usize, pause: Duration) -> Done {
        let killed = Some(self.slots[number].process());
        let healed = self.recorder.now();
        if let Some(program) = &self.slots[number].program {
            program.pause();
            sleep(pause).await;
            program.go_on();
        }
        Done { healed, killed }
    }

    async fn terminate(&mut self, random: &mut StdRng) -> Done {
        let number = random.random_range(0..self.slots.len());
        let process = self.slots[number].process();
        let healed = self.recorder.now();
        if let Some(program) = self.take(number) {
            program.terminate();
            let status = spawn_blocking(move || program.ended_within(ENDS_WITHIN)).await.unwrap();
            if status.code() != Some(0) {
                self.deaths.push(format!("{process} was asked to end, and ended with {status}"));
            }
        }
        Done { healed, killed: Some(process) }
    }

    /// Of both databases; RabbitMQ and Redis notice nothing.
    async fn end_backends(&self, which: &str) -> Done {
        let clients = [self.stage.sql().await, self.stage.databases.plain_user("postgres").await];
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND {which}"
        );
        for _ in 0..3 {
            for sql in &clients {
                sql.execute(&end, &[]).await.unwrap();
            }
            sleep(Duration::from_millis(300)).await;
        }
        self.done()
    }

    async fn starts_after(&self, server: Server, random: &mut StdRng) -> Done {
        sleep(Duration::from_millis(random.random_range(200..2_500))).await;
        self.on_servers(move |servers| servers.start_one(server)).await;
        self.done()
    }

    /// First one, then the other, too; and they come back in that order.
    async fn both_away(&self) -> Done {
        self.on_servers(|servers| servers.stop_one(Server::SharedPostgres)).await;
        sleep(Duration::from_secs(1)).await;
        self.on_servers(|servers| servers.kill_one(Server::RabbitMq(1))).await;
        sleep(Duration::from_secs(1)).await;
        self.on_servers(|servers| servers.start_one(Server::SharedPostgres)).await;
        self.on_servers(|servers| servers.start_one(Server::RabbitMq(1))).await;
        self.done()
    }

    async fn spoil_a_cable(&self, kind: FaultKind, random: &mut StdRng) -> Done {
        let cables = self.replica.cables.as_ref().expect("it was started with cables");
        let all = [&cables.shared_postgres, &cables.rabbitmq, &cables.user_postgres, &cables.redis];
        let cable: &FaultProxy = all.choose(random).expect("there are some");
        match kind {
            FaultKind::Latency => cable.set(Cable::Slow(Duration::from_millis(random.random_range(20..300)))),
            FaultKind::Silence => cable.set(Cable::Silent),
            FaultKind::HalfOpen => cable.set(Cable::OneWay),
            _ => {
                for _ in 0..5 {
                    cable.drop_connections();
                    sleep(BAD / 8).await;
                }
            }
        }
        if kind != FaultKind::Drops {
            sleep(BAD).await;
        }
        cable.set(Cable::Sound);
        self.done()
    }

    async fn poison(&self, poisons: &mut Vec<String>) -> Done {
        for _ in 0..3 {
            let poison = format!("no event at all, number {}", poisons.len());
            eventually("the queue of hints takes it", async || {
                let taken = self.stage.bus.publish("amq.default", "agents_worker.instance", &poison).await;
                taken.then_some(())
            })
            .await;
            poisons.push(poison);
        }
        self.done()
    }

    async fn panic(&self, random: &mut StdRng) -> Done {
        for _ in 0..3 {
            let path = self.paths(random).pop().expect("there is a tree");
            // Whoever is just being built again needs no further accident.
            let _nobody_there = inject_panic(&self.replica.tree, &path);
            sleep(Duration::from_millis(300)).await;
        }
        self.done()
    }

    /// The others do its work until it is found to be frozen, and built again.
    async fn hang(&mut self, random: &mut StdRng) -> Done {
        let healed = self.recorder.now();
        let tree = self.replica.tree.clone();
        let restarts =
            |path: &str| tree.report().into_iter().find(|part| part.path == path).map(|part| part.restarts);
        let mut hangs = None;
        for path in self.paths(random) {
            let before = restarts(&path);
            if inject_hang(&tree, &path) {
                hangs = Some((path, before));
                break;
            }
        }
        let (path, before) = hangs.expect("there is an actor somewhere");
        let again = tree
            .wait_until(|report| report.iter().any(|part| part.path == path && Some(part.restarts) > before));
        if timeout(FROZEN_WITHIN, again).await.is_err() {
            self.deaths.push(format!("{path} hangs, and is not built again"));
        }
        Done { healed, killed: None }
    }

    /// Those of the inner replica's tree, in a random order.
    fn paths(&self, random: &mut StdRng) -> Vec<String> {
        let mut paths: Vec<String> = self.replica.tree.report().into_iter().map(|part| part.path).collect();
        paths.shuffle(random);
        paths
    }

    /// Who publishes, if it is a process; else its session is ended until it is one, for a while. `None`: it was none all the while.
    async fn leader_among_the_processes(&self) -> Option<usize> {
        let sql = self.stage.sql().await;
        let leader = "SELECT process FROM chaos.writes
                      WHERE new_owner = (SELECT replica_id::text FROM publisher_state)
                          AND new_owner IS DISTINCT FROM old_owner LIMIT 1";
        for _ in 0..20 {
            let process = sql.query_opt(leader, &[]).await.unwrap().map(|row| row.get::<_, String>(0));
            if let Some(number) = self.slots.iter().position(|slot| Some(slot.process()) == process) {
                return Some(number);
            }
            let end = "SELECT pg_terminate_backend(backend_pid) FROM publisher_state";
            sql.execute(end, &[]).await.unwrap();
            sleep(Duration::from_millis(700)).await;
        }
        None
    }
}

fn a_postgres(random: &mut StdRng) -> Server {
    if random.random_bool(0.7) { Server::SharedPostgres } else { Server::UserPostgres }
}
