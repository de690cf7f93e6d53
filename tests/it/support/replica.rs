//! The whole program in this process, on a thread of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use botberi::actors::system::{Node, NodeReport, Phase, inject_panic};
use botberi::app::{self, App};
use botberi::settings::{Profile, Purpose, Role, Settings, Sources};
use tokio::sync::oneshot;
use toml::Value;

use super::cables::{Cables, Places};
use super::stage::Stage;
use super::wait::within;

/// The administrator's password, in every test.
pub(crate) const ADMIN_PASSWORD: &str = "an administrator's password";

/// How long an orderly stop may take, with sockets that are told over half a second.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Every rate limit, for tests that ask more often than people do.
pub(crate) const RATE_LIMITS: [&str; 8] = [
    "rate_limits.user_max",
    "rate_limits.read_max",
    "rate_limits.write_max",
    "rate_limits.socket_max",
    "rate_limits.auth_max",
    "rate_limits.account_max",
    "rate_limits.account_everywhere_max",
    "rate_limits.address_max",
];

/// What tests set: free ports, cheap hashes, and everything that is waited for short.
const QUICK: &[(&str, i64)] = &[
    ("http.user.port", 0),
    ("http.admin.port", 0),
    ("http.broker.port", 0),
    ("http.console.port", 0),
    ("http.workers", 1),
    ("service.shutdown_deadline_ms", 2_500),
    ("service.drain_ms", 50),
    ("postgres.user.pool_size_max", 4),
    ("postgres.shared.pool_size_max", 8),
    ("rabbitmq.backoff_ms_min", 20),
    ("rabbitmq.backoff_ms_max", 200),
    ("rabbitmq.confirm_timeout_ms", 1_500),
    ("rabbitmq.connect_timeout_ms", 1_500),
    ("rabbitmq.heartbeat_seconds", 2),
    ("auth.password_hash.memory_kib", 64),
    ("auth.password_hash.iterations", 1),
    ("worker.lease_ms", 3_000),
    ("worker.beat_ms", 300),
    ("worker.sweep_ms", 200),
    ("kb_ingestor.sweep_ms", 200),
    ("websocket.heartbeat_seconds", 1),
    ("supervision.backoff_ms_min", 10),
    ("supervision.backoff_ms_max", 200),
];

/// Settings of a test, over those of the `dev` profile and [`QUICK`].
pub(crate) fn sources(places: &Places, own: &[(&str, Value)]) -> Sources {
    let mut sources = Sources { profile: Some(Profile::Dev), ..Sources::default() };
    for (key, value) in QUICK {
        sources.set("test", key, *value);
    }
    // The program of this process is a test.
    sources.set("test", "kb_ingestor.program", env!("CARGO_BIN_EXE_botberi"));
    for (key, url) in [
        ("postgres.user.url", &places.user_postgres),
        ("postgres.shared.url", &places.shared_postgres),
        ("rabbitmq.url", &places.rabbitmq),
        ("redis.url", &places.redis),
    ] {
        sources.set("test", key, url.clone());
    }
    for (key, value) in own {
        sources.set("test", key, value.clone());
    }
    sources
}

/// Sees to it that there are an administrator and the sample catalog. Blocks.
pub(crate) fn prepare(settings: &Settings) {
    app::prepare(settings, "admin", ADMIN_PASSWORD).unwrap();
}

/// A running replica. Dropped, it is stopped in order, and fails the test if anything in it panicked that was not told
/// to, or if the stop took too long.
pub(crate) struct Replica {
    pub(crate) tree: Arc<Node>,
    /// There when it was started with them.
    pub(crate) cables: Option<Cables>,
    pub(crate) user_api: String,
    pub(crate) admin_api: String,
    pub(crate) broker_api: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<String>>,
    /// Paths whose restarts are the test's own doing, with all that is below them.
    restarts_expected: Mutex<BTreeSet<String>>,
}

struct Started {
    tree: Arc<Node>,
    addresses: Vec<Option<std::net::SocketAddr>>,
}

impl Replica {
    /// Starts one and waits until every part of it can do its work.
    pub(crate) async fn start(stage: &Stage, with_cables: bool, own: &[(&str, Value)]) -> Self {
        Self::start_at(&stage.places(), with_cables, own).await
    }

    /// The same with servers anywhere.
    pub(crate) async fn start_at(places: &Places, with_cables: bool, own: &[(&str, Value)]) -> Self {
        let (cables, places) = if with_cables {
            let (cables, through) = Cables::to(places).await;
            (Some(cables), through)
        } else {
            (None, places.clone())
        };
        let settings = Settings::load(&sources(&places, own), Purpose::Serve).unwrap();
        let ((tell, started), (stop, stopped)) = (oneshot::channel(), oneshot::channel());
        let thread = std::thread::spawn(move || {
            prepare(&settings);
            actix::System::new().block_on(serve(settings, tell, stopped))
        });
        let Started { tree, addresses } =
            within("the replica starts", started).await.expect("it did not start");
        let api =
            |index: usize| addresses[index].map(|address| format!("http://{address}")).unwrap_or_default();
        let replica = Self {
            tree,
            cables,
            user_api: api(0),
            admin_api: api(1),
            broker_api: api(2),
            stop: Some(stop),
            thread: Some(thread),
            restarts_expected: Mutex::default(),
        };
        replica.until_well().await;
        replica
    }

    /// Waits until every part can do its work.
    pub(crate) async fn until_well(&self) {
        let all_well = |report: &[NodeReport]| report.iter().all(NodeReport::is_well);
        if tokio::time::timeout(super::wait::PATIENCE, self.tree.wait_until(all_well)).await.is_err() {
            panic!("not all well: {:#?}", self.unwell());
        }
    }

    /// Waits until the part at `path` says that it lacks something, and answers with what.
    pub(crate) async fn until_impaired(&self, path: &str) -> String {
        let of_it = |part: &&NodeReport| part.path == path && part.impaired.is_some();
        let impaired = self.tree.wait_until(|report| report.iter().any(|part| of_it(&part)));
        within(&format!("{path} is impaired"), impaired).await;
        self.part(path).impaired.unwrap_or_default()
    }

    /// What the tree says of one part.
    pub(crate) fn part(&self, path: &str) -> NodeReport {
        self.tree.report().into_iter().find(|part| part.path == path).unwrap_or_else(|| panic!("no {path}"))
    }

    fn unwell(&self) -> Vec<NodeReport> {
        self.tree.report().into_iter().filter(|part| !part.is_well()).collect()
    }

    /// Makes the part at `path` panic, and waits until it has been built again and is up. Answers with how long that
    /// took.
    pub(crate) async fn panics(&self, path: &str) -> Duration {
        let before = self.part(path).restarts;
        self.expect_restarts(path);
        let began = Instant::now();
        assert!(inject_panic(&self.tree, path), "nobody lives at {path}");
        let is_again =
            |part: &NodeReport| part.path == path && part.restarts > before && part.phase == Phase::Up;
        let again = self.tree.wait_until(|report| report.iter().any(is_again));
        within(&format!("{path} is up again"), again).await;
        began.elapsed()
    }

    /// Restarts at `path` and below it are no surprise from now on.
    pub(crate) fn expect_restarts(&self, path: &str) {
        self.restarts_expected.lock().unwrap().insert(path.to_owned());
    }

    /// Stops it in order and checks how that went.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    /// Waits until it ends by itself, and answers with how.
    pub(crate) async fn ends_by_itself(mut self) -> String {
        let thread = self.thread.take().expect("it runs");
        let ended = tokio::task::spawn_blocking(|| thread.join().expect("the replica panicked"));
        within("the replica ends", ended).await.unwrap()
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if let Some(cables) = &self.cables {
            cables.mend();
        }
        let began = Instant::now();
        let _it_has_ended_by_itself = self.stop.take().map(|stop| stop.send(()));
        let report = self.tree.report();
        let exit = thread.join();
        if std::thread::panicking() {
            return;
        }
        assert_eq!(exit.expect("the replica panicked"), "stopped");
        assert!(began.elapsed() < STOP_WITHIN, "the stop took {:?}", began.elapsed());
        self.assert_no_surprises(&report);
    }

    fn assert_no_surprises(&self, report: &[NodeReport]) {
        let expected = self.restarts_expected.lock().unwrap();
        let is_expected = |path: &str| expected.iter().any(|known| path.starts_with(known.as_str()));
        for part in report {
            assert!(part.restarts == 0 || is_expected(&part.path), "it was restarted unasked: {part:?}");
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.end();
    }
}

/// Until it is told to stop, or ends by itself. Answers with how it ended.
async fn serve(
    settings: Settings,
    started: oneshot::Sender<Started>,
    stopped: oneshot::Receiver<()>,
) -> String {
    let mut app = App::start(settings).await.unwrap();
    let addresses = [Role::User, Role::Admin, Role::Broker].map(|role| app.address(role)).to_vec();
    let _the_test_is_over = started.send(Started { tree: app.tree().clone(), addresses });
    tokio::select! {
        exit = app.ended() => format!("ended by itself: {exit}"),
        _asked_or_forgotten = stopped => app.stop().await.to_string(),
    }
}
