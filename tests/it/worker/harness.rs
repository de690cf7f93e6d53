//! One worker's actors, and a user who makes instances for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use botberi::actors::bell::Bell;
use botberi::actors::courier::Courier;
use botberi::actors::event_consumers::{BusEvent, Deliver};
use botberi::actors::instance_directory::{BreakOne, InstanceDirectory, SweepCall, WorkerSettings};
use botberi::actors::instance_ledger::InstanceLedger;
use botberi::actors::reaper::Reaper;
use botberi::actors::replica::{Replica, ReplicaLease};
use botberi::actors::system::{
    AskLimits, ChildSpec, Handle, Node, Root, Strategy, Supervisor, actor, inject_panic,
};
use botberi::models::agent::{Agent, AgentDraft};
use botberi::models::store::instances::InsertOutcome;
use botberi::models::store::{SharedDb, StoreSettings, agents, instances};
use botberi::models::{
    EventId, Instance, InstanceId, InstanceStatus, KnowledgeBaseId, NewInstance, ReplicaId, RoutingKey,
    UserId,
};
use botberi::secret::Secret;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::database::TestDatabases;

/// Short enough that a test can wait for it, long enough for a busy machine.
pub(crate) const LEASE_MS: u64 = 1_500;

pub(crate) fn settings() -> WorkerSettings {
    WorkerSettings {
        prefetch: 32,
        lease_ms: LEASE_MS,
        beat_ms: 200,
        provisioning_deadline_ms: 20_000,
        sweep_ms: 100,
        instances_max: 10_000,
    }
}

/// A worker that does not hear of anything unless a [`TestBus`] tells it.
pub(crate) struct TestWorker {
    pub(crate) id: ReplicaId,
    pub(crate) directory: Handle<InstanceDirectory>,
    pub(crate) ledger: Handle<InstanceLedger>,
    pub(crate) tree: Arc<Node>,
    root: Root,
}

impl TestWorker {
    pub(crate) async fn start(shared_db: &SharedDb, settings: &WorkerSettings) -> Self {
        Self::start_as(Strategy::OneForOne, shared_db, settings).await
    }

    pub(crate) async fn start_as(
        strategy: Strategy,
        shared_db: &SharedDb,
        settings: &WorkerSettings,
    ) -> Self {
        let id = ReplicaId::new();
        let lease = ReplicaLease::new(id, settings.lease_ms);
        let limits = AskLimits::default();
        let replica = Handle::new(Replica::NAME, limits);
        let bell = Handle::new(Bell::NAME, limits);
        let ledger = Handle::new(InstanceLedger::NAME, InstanceLedger::LIMITS);
        let directory = Handle::new(InstanceDirectory::NAME, InstanceDirectory::LIMITS);
        let reaper = Handle::new(Reaper::NAME, limits);
        let sweep_call = SweepCall::default();
        let spec = |name| ChildSpec { stop_within: Duration::from_secs(10), ..ChildSpec::permanent(name) };

        let supervisor = Supervisor::new(strategy)
            .with(actor(spec(Replica::NAME), &replica, {
                let (db, lease, settings) = (shared_db.clone(), lease.clone(), settings.replica());
                move |lifeline| {
                    Replica::new(
                        db.clone(),
                        vec!["worker".to_owned()],
                        lease.clone(),
                        settings.clone(),
                        lifeline,
                    )
                }
            }))
            .with(actor(spec(Bell::NAME), &bell, {
                let db = shared_db.clone();
                move |lifeline| Bell::new(db.clone(), lifeline)
            }))
            .with(actor(spec(InstanceLedger::NAME), &ledger, {
                let (db, lease, bell) = (shared_db.clone(), lease.clone(), bell.clone());
                let deadline_ms = settings.provisioning_deadline_ms;
                move |lifeline| {
                    InstanceLedger::new(db.clone(), lease.clone(), bell.clone(), deadline_ms, lifeline)
                }
            }))
            .with(actor(spec(InstanceDirectory::NAME), &directory, {
                let (db, lease, ledger) = (shared_db.clone(), lease.clone(), ledger.clone());
                let (sweep_call, settings) = (sweep_call.clone(), settings.clone());
                move |lifeline| {
                    let supervisors = InstanceDirectory::supervisors();
                    let (db, ledger, lease) = (db.clone(), ledger.clone(), lease.clone());
                    InstanceDirectory::new(
                        db,
                        ledger,
                        // Nobody carries its orders.
                        Courier::handle(),
                        lease,
                        sweep_call.clone(),
                        supervisors,
                        &settings,
                        lifeline,
                    )
                }
            }))
            .with(actor(spec(Reaper::NAME), &reaper, {
                let (db, lease, directory, bell) =
                    (shared_db.clone(), lease.clone(), directory.clone(), bell.clone());
                let (sweep_call, settings) = (sweep_call.clone(), settings.clone());
                move |lifeline| {
                    let (db, directory, bell) = (db.clone(), directory.clone(), bell.clone());
                    Reaper::new(db, directory, bell, lease.clone(), sweep_call.clone(), &settings, lifeline)
                }
            }));
        let tree = Node::root();
        let mut root = supervisor.start(tree.clone());
        root.ready().await.unwrap();
        Self { id, directory, ledger, tree, root }
    }

    /// An orderly stop, as at SIGTERM.
    pub(crate) async fn stop(self) {
        let _stopped = self.root.stop().await;
    }

    pub(crate) fn supervised(&self) -> usize {
        let report = self.tree.report();
        let brood = report.iter().find(|node| node.path.ends_with("/instances")).unwrap();
        brood.population.unwrap_or_default()
    }

    /// Has an actor panic, as soon as it lives.
    pub(crate) async fn break_actor(&self, name: &str) {
        let path = format!("/{name}");
        eventually("it could be broken", async || inject_panic(&self.tree, &path).then_some(())).await;
    }

    pub(crate) async fn break_supervisor(&self, id: InstanceId) -> bool {
        self.directory.ask(BreakOne { id }).await.unwrap()
    }

    pub(crate) async fn hint(&self, id: InstanceId, revision: i64) {
        self.directory.ask(Deliver { events: vec![hint_of(id, revision)] }).await.unwrap();
    }
}

fn hint_of(id: InstanceId, revision: i64) -> BusEvent {
    BusEvent {
        position: 0,
        event_id: EventId::new(),
        routing_key: RoutingKey::INSTANCE_UPDATED,
        user_id: None,
        team_id: None,
        instance_id: Some(id),
        revision: Some(revision),
        origin: botberi::models::Origin::default(),
        body: "{}".into(),
    }
}

/// Carries events from the outbox to one directory until it is dropped.
pub(crate) struct TestBus {
    task: tokio::task::JoinHandle<()>,
}

impl TestBus {
    pub(crate) async fn start(databases: &TestDatabases, worker: &TestWorker) -> Self {
        let outbox = databases.plain("postgres").await;
        let directory = worker.directory.clone();
        let seen = AtomicI64::new(0);
        let task = actix::spawn(async move {
            loop {
                let rows = next_events(&outbox, seen.load(Ordering::Relaxed)).await;
                if rows.is_empty() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                }
                for some in rows.chunks(32) {
                    let events = some.iter().map(|(_, id, revision)| hint_of(*id, *revision)).collect();
                    // As a consumer does: what is not taken comes again.
                    while directory.ask(Deliver { events: Vec::clone(&events) }).await.is_err() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    seen.store(some.last().unwrap().0, Ordering::Relaxed);
                }
            }
        });
        Self { task }
    }
}

impl Drop for TestBus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// By id and not by position: nobody gives positions here, and the gaps of rows that are not committed yet are closed by
/// the sweep.
async fn next_events(outbox: &Client, after: i64) -> Vec<(i64, InstanceId, i64)> {
    let query = "SELECT id, aggregate_id, revision FROM event_outbox
                 WHERE id > $1 AND table_name = 'instances' ORDER BY id LIMIT 1000";
    let rows = outbox.query(query, &[&after]).await.unwrap();
    let event = |row: tokio_postgres::Row| {
        let id: Uuid = row.get::<_, String>(1).parse().unwrap();
        (row.get(0), InstanceId(id), row.get(2))
    };
    rows.into_iter().map(event).collect()
}

/// A user with an agent to make instances of.
pub(crate) struct TestUser {
    pub(crate) id: UserId,
    pub(crate) agent: Agent,
    shared_db: SharedDb,
    plain: Client,
}

impl TestUser {
    pub(crate) async fn new(databases: &TestDatabases) -> Self {
        let content = json!({
            "capabilities": ["chat", "search"], "locale": "en", "model": "none", "description": "an agent",
        });
        Self::with_agent(databases, content).await
    }

    pub(crate) async fn with_agent(databases: &TestDatabases, content: Value) -> Self {
        let db = databases.shared().await;
        let activation_code = format!("code-{}", Uuid::now_v7());
        let draft = AgentDraft { title: "Echo".to_owned(), content, activation_code, rate: 1 };
        let agent = agents::insert(&db, &draft, &botberi::models::Origin::default()).await.unwrap();
        let agent =
            agents::publish(&db, agent.id, None, &botberi::models::Origin::default()).await.unwrap().unwrap();
        let plain = databases.plain("postgres").await;
        Self { id: UserId::new(), agent, shared_db: databases.shared.clone(), plain }
    }

    pub(crate) async fn create(&self) -> InstanceId {
        self.create_with(json!({
            "steps": [{"name": "retrieve", "top_k": 5}, {"name": "answer", "temperature": 0.2}],
            "timeout_s": 30,
        }))
        .await
    }

    pub(crate) async fn create_with(&self, pipeline_config: Value) -> InstanceId {
        let wish = NewInstance {
            id: InstanceId::new(),
            knowledge_base_id: KnowledgeBaseId::new(),
            agent_id: self.agent.id,
            user_id: self.id,
            team_id: None,
            team_roles: botberi::models::TeamRoles::default(),
            title: "Parrot".to_owned(),
            user_config: json!({"language": "en", "channels": ["web", "mail"], "greeting": "hello", "n": 1}),
            pipeline_config,
            origin: botberi::models::Origin::default(),
        };
        let db = self.shared_db.connection().await.unwrap();
        match instances::insert(&db, &wish, i64::MAX).await.unwrap() {
            InsertOutcome::Created(instance) => instance.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn stop(&self, id: InstanceId) {
        let db = self.shared_db.connection().await.unwrap();
        instances::stop(&db, self.id, id, &botberi::models::Origin::default()).await.unwrap().unwrap();
    }

    pub(crate) async fn start(&self, id: InstanceId) {
        let db = self.shared_db.connection().await.unwrap();
        instances::start(&db, self.id, id, &botberi::models::Origin::default()).await.unwrap().unwrap();
    }

    pub(crate) async fn delete(&self, id: InstanceId) {
        let db = self.shared_db.connection().await.unwrap();
        let _outcome =
            instances::tombstone(&db, self.id, id, None, &botberi::models::Origin::default()).await.unwrap();
    }

    pub(crate) async fn find(&self, id: InstanceId) -> Option<Instance> {
        let db = self.shared_db.connection().await.unwrap();
        instances::find(&db, self.id, id).await.unwrap()
    }

    pub(crate) async fn until(&self, id: InstanceId, status: InstanceStatus) -> Instance {
        let is_there = || async { self.find(id).await.filter(|instance| instance.status == status) };
        eventually(&format!("{id} is {status}"), is_there).await
    }

    pub(crate) async fn until_gone(&self, id: InstanceId) {
        let is_gone = || async { (self.count("id = $1", id).await == 0).then_some(()) };
        eventually(&format!("the row of {id} is gone"), is_gone).await;
    }

    pub(crate) async fn count(&self, condition: &str, id: InstanceId) -> i64 {
        let query = format!("SELECT count(*) FROM instances WHERE {condition}");
        self.plain.query_one(&query, &[&id]).await.unwrap().get(0)
    }

    /// Changes rows by plain SQL.
    pub(crate) async fn execute(&self, statement: &str) -> u64 {
        self.plain.execute(statement, &[]).await.unwrap()
    }

    /// The statuses that the events of an instance tell, in order.
    pub(crate) async fn history(&self, id: InstanceId) -> Vec<String> {
        let query = "SELECT coalesce(body ->> 'status', routing_key) FROM event_outbox
                     WHERE aggregate_id = $1 AND table_name = 'instances' ORDER BY revision";
        let rows = self.plain.query(query, &[&id.to_string()]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// Looks until there is something to see; a test that never gets there fails and says what it waited for.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The service's way to `shared_psql` through a cable that may be cut.
pub(crate) fn shared_db_at(databases: &TestDatabases, address: SocketAddr) -> SharedDb {
    let url = databases.shared_url("botberi");
    let (before, after) = url.rsplit_once("127.0.0.1:").unwrap();
    let database = after.split_once('/').unwrap().1;
    let settings = StoreSettings {
        url: Secret::new(format!("{before}{address}/{database}")),
        owner_url: Secret::default(),
        pool_size_max: 4,
        acquire_timeout_ms: 500,
        statement_timeout_ms: 2_000,
        lock_timeout_ms: 1_000,
        idle_in_transaction_timeout_ms: 2_000,
    };
    SharedDb::open(&settings).unwrap()
}
