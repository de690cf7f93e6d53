//! What a drain costs: all clients of one replica come to the other at once. Run by hand, on a quiet machine; clients
//! and services are processes of their own, and each client and its seat are an open file. The command is in
//! docs/reliability.md; `SOCKETS` says how many.
#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "measurements are for reading, and take their size from outside"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use toml::Value;

use botberi::actors::system::Backoff;

use crate::support::client::{Caller, id_of};
use crate::support::program::Program;
use crate::support::stage::Stage;

const USERS: usize = 50;
/// Events of all users together; each goes to all sockets of its user.
const EVENTS_PER_SECOND: u64 = 20;
const THE_END: &str = "the end";
/// How long it is looked at, with and without the clients that come.
const LOOKED_AT: Duration = Duration::from_secs(20);

const RETRY: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(5) };

/// What happens to a client.
enum News {
    Greeted,
    Closed,
    Resumed(Instant),
}

struct Client {
    places: [String; 2],
    token: String,
    tell: mpsc::UnboundedSender<News>,
    at_once: Arc<Semaphore>,
    /// Where it began, and what it has seen.
    begin: i64,
    seen: Vec<i64>,
    position: i64,
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Client {
    async fn connect(&self, place: usize, since: Option<i64>) -> Stream {
        let since = since.map(|since| format!("?since={since}")).unwrap_or_default();
        let mut failures = 0;
        loop {
            let url = format!("{}/api/v1/ws{since}", self.places[place].replacen("http", "ws", 1));
            let mut request = url.into_client_request().unwrap();
            request.headers_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
            let small = WebSocketConfig::default().read_buffer_size(2048).write_buffer_size(0);
            match connect_async_with_config(request, Some(small), true).await {
                Ok((stream, _)) => return stream,
                Err(Error::Http(refusal)) => assert_eq!(refusal.status(), 503),
                Err(_nobody) => {}
            }
            // As good clients do: whoever is told to come later does not come at once.
            failures += 1;
            tokio::time::sleep(RETRY.pause_now(failures)).await;
        }
    }

    async fn live(mut self) -> Self {
        let permit = self.at_once.clone().acquire_owned().await.unwrap();
        let mut stream = self.connect(0, None).await;
        let mut permit = Some(permit);
        loop {
            let text = match stream.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    self.tell.send(News::Closed).unwrap();
                    stream = self.connect(1, Some(self.position)).await;
                    continue;
                }
                Some(Ok(_)) => continue,
            };
            let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
            match frame["type"].as_str().unwrap() {
                "hello" => {
                    if permit.take().is_some() {
                        self.position = frame["position"].as_i64().unwrap();
                        self.begin = self.position;
                        self.tell.send(News::Greeted).unwrap();
                    }
                }
                "event" => {
                    self.position = frame["position"].as_i64().unwrap();
                    self.seen.push(self.position);
                    if text.contains(THE_END) {
                        return self;
                    }
                }
                "heartbeat" => self.position = frame["position"].as_i64().unwrap(),
                "resumed" => {
                    self.position = frame["to"].as_i64().unwrap();
                    self.tell.send(News::Resumed(Instant::now())).unwrap();
                }
                "error" => assert_eq!(frame["code"], "service_restart"),
                other => panic!("{other}: {frame}"),
            }
        }
    }
}

/// Both databases.
struct Databases {
    user: tokio_postgres::Client,
    shared: tokio_postgres::Client,
}

/// Transactions of each.
#[derive(Clone, Copy)]
struct Commits {
    user: i64,
    shared: i64,
}

impl Databases {
    async fn commits(&self) -> Commits {
        // A session tells its counts when it has been idle for a second.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let count = async |sql: &tokio_postgres::Client| {
            let query =
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
            sql.query_one(query, &[]).await.unwrap().get(0)
        };
        Commits { user: count(&self.user).await, shared: count(&self.shared).await }
    }
}

impl Commits {
    fn since(self, before: Self) -> Self {
        Self { user: self.user - before.user, shared: self.shared - before.shared }
    }

    /// What was done in `seconds`, and what two replicas do in that time without clients that come, and one alone, which is what
    /// soon is left.
    fn beside(self, of_two: Self, of_one: Self, seconds: f64) -> String {
        let usual = |count: i64| count as f64 * seconds / LOOKED_AT.as_secs_f64();
        let told = |name, there, of_two, of_one| {
            format!("{there} of {name} (usual: {:.0} of two, {:.0} of one)", usual(of_two), usual(of_one))
        };
        let user = told("user_psql", self.user, of_two.user, of_one.user);
        let shared = told("shared_psql", self.shared, of_two.shared, of_one.shared);
        format!("transactions in {seconds:.1} s: {user}, {shared}")
    }
}

async fn page_counts(caller: &Caller) -> String {
    let text = caller.request(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with("botberi_ws_history_pages_total"));
    lines.collect::<Vec<&str>>().join(" ")
}

async fn storm(recent_events_max: i64) {
    let sockets: usize = std::env::var("SOCKETS").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let stage = Stage::set().await;
    let settings: Vec<(&str, Value)> = [
        ("websocket.sessions_max", 100_000),
        ("websocket.sessions_per_user_max", 100_000),
        ("websocket.heartbeat_seconds", 300),
        ("websocket.recent_events_max", recent_events_max),
        ("rate_limits.user_max", 1_000_000),
        ("rate_limits.socket_max", 1_000_000),
        ("rate_limits.auth_max", 1_000_000),
        ("rate_limits.address_max", 1_000_000),
        ("service.shutdown_deadline_ms", 15_000),
    ]
    .map(|(key, value)| (key, Value::from(value)))
    .to_vec();
    let (first, second) = (Program::serve(&stage, &settings).await, Program::serve(&stage, &settings).await);
    let (mut users, mut instances) = (Vec::new(), Vec::new());
    for n in 0..USERS {
        let user = Caller::stranger(&first.user_api).sign_up(&format!("user{n}")).await;
        let agent = user.an_agent().await;
        instances.push(id_of(&user.create(agent).await));
        users.push(user);
    }
    stage.until_all(&instances, "running").await;

    let (tell, mut news) = mpsc::unbounded_channel();
    let at_once = Arc::new(Semaphore::new(100));
    let mut clients = JoinSet::new();
    for n in 0..sockets {
        let client = Client {
            places: [first.user_api.clone(), second.user_api.clone()],
            token: users[n % USERS].token().to_owned(),
            tell: tell.clone(),
            at_once: at_once.clone(),
            begin: 0,
            seen: Vec::new(),
            position: 0,
        };
        clients.spawn(async move { (n % USERS, client.live().await) });
    }
    let began = Instant::now();
    for _ in 0..sockets {
        assert!(matches!(news.recv().await, Some(News::Greeted)));
    }
    eprintln!("{sockets} sockets open after {:?}", began.elapsed());

    let sql = stage.sql().await;
    let writer = tokio::spawn({
        let (sql, instances) = (stage.sql().await, instances.clone());
        async move {
            let mut tick = tokio::time::interval(Duration::from_millis(1_000 / EVENTS_PER_SECOND));
            for n in 0_usize.. {
                tick.tick().await;
                let change = "UPDATE instances SET title = $2 WHERE id::text = $1";
                sql.execute(change, &[&instances[n % USERS], &n.to_string()]).await.unwrap();
            }
        }
    });
    let databases = Databases {
        user: stage.databases.plain_user("postgres").await,
        shared: stage.databases.plain("postgres").await,
    };
    let before = databases.commits().await;
    tokio::time::sleep(LOOKED_AT).await;
    let of_two = databases.commits().await.since(before);

    let before = databases.commits().await;
    let looked_from = Instant::now();
    first.terminate();
    let terminated = Instant::now();
    let (mut resumed, mut last, mut closed) = (0, terminated, 0);
    while resumed < sockets {
        match news.recv().await.unwrap() {
            News::Resumed(at) => (resumed, last) = (resumed + 1, last.max(at)),
            News::Closed => closed += 1,
            News::Greeted => {}
        }
    }
    let took = last - terminated;
    tokio::time::sleep(LOOKED_AT.saturating_sub(looked_from.elapsed())).await;
    let seconds = looked_from.elapsed().as_secs_f64();
    let with_clients = databases.commits().await.since(before);
    let before = databases.commits().await;
    tokio::time::sleep(LOOKED_AT).await;
    let of_one = databases.commits().await.since(before);
    writer.abort();
    eprintln!(
        "recent_events_max {recent_events_max}: {sockets} closed ({closed} closes) and resumed within {took:?} of SIGTERM; \
         {}; {}",
        with_clients.beside(of_two, of_one, seconds),
        page_counts(&users[0].at(&second.user_api)).await
    );

    for instance in &instances {
        let change = "UPDATE instances SET title = $2 WHERE id::text = $1";
        sql.execute(change, &[instance, &THE_END]).await.unwrap();
    }
    let mut expected = Vec::new();
    for instance in &instances {
        let query = "SELECT position FROM event_outbox WHERE user_id = (SELECT user_id FROM instances WHERE id::text = $1)
                     AND position IS NOT NULL ORDER BY position";
        stage.until_told().await;
        let rows = sql.query(query, &[instance]).await.unwrap();
        expected.push(rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<i64>>());
    }
    let mut events = 0;
    while let Some(client) = clients.join_next().await {
        let (user, client) = client.unwrap();
        let wanted = expected[user].iter().copied().filter(|position| *position > client.begin);
        assert!(wanted.eq(client.seen.iter().copied()), "a client has missed something, or has it twice");
        events += client.seen.len();
    }
    eprintln!("{events} events seen, none missed, none twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_drain_with_the_last_events_in_memory() {
    storm(32_768).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_drain_with_nothing_in_memory() {
    storm(0).await;
}
