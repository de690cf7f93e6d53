//! Start, wait, stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::AppError;
use super::graph::{self, Handles};
use super::listeners::{Bound, Serving};
use super::parts::Parts;
use crate::actors::instance_directory::{HandBack, InstanceDirectory};
use crate::actors::system::{BlockedThreads, Exit, Handle, Node, Root, gather_here};
use crate::actors::ws_sessions::{Drain, WsSessions};
use crate::models::store::migrate::{self as schemas, Schema};
use crate::settings::{Role, ServiceSettings, Settings, StoreSettings};

/// What a process exits with when a thread does not come back. Nothing can be stopped in order then.
const EXIT_BLOCKED: i32 = 70;

/// How long the line that says so may take to be written. What the thread waits for may be the log itself, which nobody reads.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// How long the comparison of the schemas may hold up a start. A database that is away is found out by its users later.
const COMPARED_WITHIN: Duration = Duration::from_secs(2);

/// A running service.
pub struct App {
    tree: Arc<Node>,
    root: Root,
    serving: Serving,
    ws_sessions: Option<Handle<WsSessions>>,
    directory: Option<Handle<InstanceDirectory>>,
    stopping: Stopping,
}

/// How long the steps of an orderly stop may take.
#[derive(Clone, Copy)]
struct Stopping {
    /// From `/readyz` saying so to the first farewell.
    pause: Duration,
    /// Over how long the sockets' farewells are spread.
    farewells_over: Duration,
    /// The handing back of instances: not so long that a database which is away takes the rest of the time with it.
    hand_back_within: Duration,
}

impl Stopping {
    fn of(settings: &ServiceSettings) -> Self {
        let whole = Duration::from_millis(settings.shutdown_deadline_ms);
        // What follows has deadlines of its own.
        Self {
            pause: Duration::from_millis(settings.drain_ms),
            farewells_over: whole / 5,
            hand_back_within: whole * 2 / 5,
        }
    }
}

impl App {
    /// Builds the actors and listeners of the configured roles on this thread's actix system, and waits until all are
    /// ready. Servers that are away delay nothing: what needs them says so in the tree.
    ///
    /// # Errors
    /// When a setting cannot be used, a schema is not up to date, or a port is taken.
    pub async fn start(settings: Settings) -> Result<Self, AppError> {
        gather_here();
        let parts = Parts::new(settings)?;
        if parts.callers.is_some() {
            compare("user_psql", Schema::User, &parts.settings.postgres.user).await?;
        }
        compare("shared_psql", Schema::Shared, &parts.settings.postgres.shared).await?;
        let handles = Handles::new(&parts);
        let tree = Node::root();
        let bound = Bound::bind(&parts, &handles, &tree)?;
        let mut root = graph::root(&parts, &handles).start(tree.clone());
        root.ready().await.map_err(|exit| AppError::TreeEnded(exit.to_string()))?;
        let serving = bound.serve();
        let ws_sessions = parts.plays(Role::User).then(|| handles.ws_sessions.lane(1));
        let directory = parts.plays(Role::Worker).then(|| handles.directory.clone());
        let stopping = Stopping::of(&parts.settings.service);
        Ok(Self { tree, root, serving, ws_sessions, directory, stopping })
    }

    /// Where a role listens; `None` for one that this process does not play or that has no listener.
    pub fn address(&self, role: Role) -> Option<SocketAddr> {
        self.serving.addresses().iter().find(|(known, _)| *known == role).map(|(_, address)| *address)
    }

    /// The supervision tree.
    pub fn tree(&self) -> &Arc<Node> {
        &self.tree
    }

    /// Resolves when the tree ends by itself, which it should not.
    pub async fn ended(&mut self) -> Exit {
        self.root.ended().await
    }

    /// Stops everything in order. `/readyz` says so from the first moment. Instances are handed back at once, for others to
    /// take over; meanwhile, after a pause for balancers, sockets are told, so that their clients go elsewhere, and no request
    /// is taken any more. Then the actors end, the last started first.
    pub async fn stop(self) -> Exit {
        self.tree.drain();
        tokio::join!(self.hand_back(), self.farewell());
        self.root.stop().await
    }

    async fn hand_back(&self) {
        let (Some(directory), within) = (&self.directory, self.stopping.hand_back_within) else { return };
        match timeout(within, directory.ask(HandBack)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "instances may not be handed back yet"),
            Err(_elapsed) => tracing::warn!(?within, "instances could not be handed back in time"),
        }
    }

    async fn farewell(&self) {
        if !self.serving.addresses().is_empty() {
            sleep(self.stopping.pause).await;
        }
        let over = self.stopping.farewells_over;
        if let Some(ws_sessions) = &self.ws_sessions
            && let Err(error) = ws_sessions.ask(Drain { over }).await
        {
            tracing::warn!(%error, "the sockets could not be told");
        }
        self.serving.stop().await;
    }
}

/// Plays the configured roles until SIGINT, SIGTERM or `stop` asks for the end. Calls `ready` once all are up.
///
/// # Errors
/// When a part cannot start, or the root of the supervision tree gave up.
pub fn run(settings: Settings, stop: &CancellationToken, ready: &dyn Fn(&App)) -> Result<(), AppError> {
    let blocked = Duration::from_millis(settings.supervision.blocked_thread_ms);
    let _watch = BlockedThreads::watch(blocked, |path, stay| {
        let _ends_all_the_same = thread::Builder::new().spawn(|| {
            thread::sleep(LAST_WORDS_WITHIN);
            std::process::exit(EXIT_BLOCKED);
        });
        tracing::error!(actor = path, ?stay, "a handler keeps its thread; the process ends");
        std::process::exit(EXIT_BLOCKED);
    })
    .map_err(|source| AppError::System { action: "start a thread", source })?;
    actix::System::new().block_on(serve(settings, stop, ready))
}

async fn serve(settings: Settings, stop: &CancellationToken, ready: &dyn Fn(&App)) -> Result<(), AppError> {
    let system = |source| AppError::System { action: "listen for signals", source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(system)?;
    let deadline_ms = settings.service.shutdown_deadline_ms;

    let mut app = App::start(settings).await?;
    for (role, address) in app.serving.addresses() {
        tracing::info!(listener = role.name(), %address, "listening");
    }
    tracing::info!("ready");
    ready(&app);
    tokio::select! {
        exit = app.ended() => return Err(AppError::TreeEnded(exit.to_string())),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = stop.cancelled() => {}
    }
    tracing::info!("stopping");
    let stopped = timeout(Duration::from_millis(deadline_ms), app.stop()).await;
    stopped.map_err(|_elapsed| AppError::StopOverdue(deadline_ms))?;
    tracing::info!("stopped");
    Ok(())
}

/// Brings both schemas up to date; with `check_only` it changes nothing, and fails when they are not.
///
/// # Errors
/// When a database cannot be reached or a migration fails, or when `check_only` finds one missing.
pub fn migrate(settings: &Settings, check_only: bool) -> Result<(), AppError> {
    let databases = [
        ("user_psql", Schema::User, &settings.postgres.user),
        ("shared_psql", Schema::Shared, &settings.postgres.shared),
    ];
    actix::System::new().block_on(async {
        for (database, schema, settings) in databases {
            if check_only {
                check(database, schema, settings).await?;
            } else {
                let applied = schemas::run(schema, settings.owner_url.expose()).await;
                let applied = applied.map_err(|source| AppError::Migrate { database, source })?;
                tracing::info!(database, applied = applied.len(), "the schema is up to date");
            }
        }
        Ok(())
    })
}

/// A schema that lacks something would fail request by request, each with a riddle: the start is refused. One that cannot be
/// read now is taken on trust.
async fn compare(database: &'static str, schema: Schema, settings: &StoreSettings) -> Result<(), AppError> {
    let pending = schemas::pending(schema, settings.url.expose());
    match timeout(COMPARED_WITHIN, pending).await {
        Ok(Ok(missing)) => none_missing(database, &missing),
        Ok(Err(error)) => {
            tracing::warn!(database, %error, "the schema could not be compared");
            Ok(())
        }
        Err(_elapsed) => {
            tracing::warn!(database, within = ?COMPARED_WITHIN, "the schema could not be compared in time");
            Ok(())
        }
    }
}

async fn check(database: &'static str, schema: Schema, settings: &StoreSettings) -> Result<(), AppError> {
    let missing = schemas::pending(schema, settings.owner_url.expose()).await;
    none_missing(database, &missing.map_err(|source| AppError::Migrate { database, source })?)
}

fn none_missing(database: &'static str, missing: &[String]) -> Result<(), AppError> {
    if missing.is_empty() {
        return Ok(());
    }
    Err(AppError::OutOfDate { database, missing: missing.join(", ") })
}
