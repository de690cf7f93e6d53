//! A replica with sockets and a log of its own; the bus is played by hand.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::database::TestDatabases;
use crate::support::event_stream::EventStream;
use botberi::actors::event_consumers::{Bound, BusEvent, Deliver};
use botberi::actors::revocations::RevocationView;
use botberi::actors::system::{AskLimits, ChildSpec, Handle, Node, Root, Strategy, Supervisor, actor};
use botberi::actors::ws_sessions::{Join, Joined, Story, WebsocketSettings, WsSessions};
use botberi::http::event_stream;
use botberi::http::problem::Problem;
use botberi::http::ws_session::{check_upgrade, open};
use botberi::models::store::outbox;
use botberi::models::{Credential, Principal, Role, SessionId, TokenId, UserId};

const WITHIN: Duration = Duration::from_secs(10);

/// The log, and a writer to it that needs no publisher.
pub(crate) struct Log {
    databases: TestDatabases,
    sql: tokio_postgres::Client,
    end: Cell<i64>,
}

impl Log {
    pub(crate) async fn new() -> Self {
        let databases = TestDatabases::create().await;
        let sql = databases.plain("postgres").await;
        Self { databases, sql, end: Cell::new(0) }
    }

    /// Commits events, one for each owner, and gives them their places.
    pub(crate) async fn write(&self, owners: &[UserId]) -> Vec<BusEvent> {
        self.write_padded(owners, 0).await
    }

    /// Events with so many bytes of nothing in them.
    pub(crate) async fn write_padded(&self, owners: &[UserId], padding: i32) -> Vec<BusEvent> {
        let before = self.end.get();
        let owners: Vec<uuid::Uuid> = owners.iter().map(|owner| owner.as_uuid()).collect();
        let insert = "INSERT INTO event_outbox
            (routing_key, table_name, event_type, aggregate_id, revision, user_id, body, position)
            SELECT CASE WHEN n % 3 = 0 THEN 'execution.updated' ELSE 'instance.updated' END, 'instances', 'update', n::text,
                n, owner, json_build_object('user_id', owner, 'n', n, 'padding', repeat('x', $3)), $2 + n
            FROM unnest($1::uuid[]) WITH ORDINALITY AS of (owner, n)";
        self.sql.execute(insert, &[&owners, &before, &padding]).await.unwrap();
        let end = before + i64::try_from(owners.len()).unwrap();
        self.sql.execute("UPDATE publisher_state SET last_position = $1", &[&end]).await.unwrap();
        self.end.set(end);
        let connection = self.databases.shared().await;
        let stored = outbox::range(&connection, before, end, 100_000).await.unwrap();
        let on_the_bus = stored.iter().map(|event| BusEvent {
            position: event.position,
            event_id: event.event_id,
            routing_key: event.routing_key.clone(),
            user_id: event.user_id,
            team_id: event.team_id,
            instance_id: None,
            revision: event.revision,
            origin: event.origin.clone(),
            body: event.message_body().into(),
        });
        on_the_bus.collect()
    }

    pub(crate) fn end(&self) -> i64 {
        self.end.get()
    }

    /// Keeps everybody from reading it until [`Log::release`].
    pub(crate) async fn hold(&self) {
        self.run("BEGIN; LOCK TABLE event_outbox IN ACCESS EXCLUSIVE MODE").await;
    }

    pub(crate) async fn release(&self) {
        self.run("COMMIT").await;
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.sql.batch_execute(sql).await.unwrap();
    }
}

pub(crate) fn settings() -> WebsocketSettings {
    WebsocketSettings {
        heartbeat_seconds: 60,
        session_queue_max: 256,
        session_queue_bytes_max: 1 << 20,
        replay_page_rows: 7,
        replay_pages_max: 4,
        recent_events_max: 0,
        recent_bytes_max: 1 << 20,
        ticket_seconds: 30,
        sessions_max: 10_000,
        sessions_per_user_max: 2_000,
        allowed_origins: Vec::new(),
    }
}

/// One replica: a tree with `WsSessions`, and a listener.
pub(crate) struct Replica {
    pub(crate) sessions: Handle<WsSessions>,
    pub(crate) tree: Arc<Node>,
    pub(crate) address: SocketAddr,
    server: ServerHandle,
    root: Root,
}

/// What the route of a test knows.
struct Door {
    sessions: Handle<WsSessions>,
    heartbeat_seconds: u64,
}

impl Replica {
    pub(crate) async fn start(log: &Log, settings: WebsocketSettings) -> Self {
        let sessions = Handle::new(WsSessions::NAME, AskLimits::default());
        let (db, heartbeat_seconds) = (log.databases.shared.clone(), settings.heartbeat_seconds);
        let view = RevocationView::default();
        let child = actor(ChildSpec::permanent(WsSessions::NAME), &sessions, move |lifeline| {
            WsSessions::new(db.clone(), settings.clone(), view.clone(), lifeline)
        });
        let tree = Node::root();
        let mut root = Supervisor::new(Strategy::OneForOne).with(child).start(tree.clone());
        root.ready().await.unwrap();
        let door = Data::new(Door { sessions: sessions.clone(), heartbeat_seconds });
        let app = move || {
            let app = App::new().app_data(door.clone());
            app.route("/ws", web::get().to(enter)).route("/events", web::get().to(listen))
        };
        let server = HttpServer::new(app).workers(2).disable_signals().shutdown_timeout(1);
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix::spawn(server);
        let replica = Self { sessions, tree, address, server: handle, root };
        replica.bind().await;
        eventually("it knows where it stands", async || replica.probe().await).await;
        replica
    }

    pub(crate) async fn probe(&self) -> bool {
        let (user_id, role) = (UserId::new(), Role::Viewer);
        let credential = Credential::Session { session_id: SessionId::new(), token_id: TokenId::new() };
        let holder = Principal { user_id, role, credential, expires_at: Timestamp::MAX };
        self.sessions
            .ask(Join {
                holder,
                looked_at: std::time::Instant::now(),
                teams: Vec::new(),
                teams_as_of: 0,
                since: None,
            })
            .await
            .is_ok()
    }

    /// Says that the queue is bound, and waits until that is taken in.
    pub(crate) async fn bind(&self) {
        self.sessions.ask(Bound).await.unwrap();
    }

    pub(crate) async fn deliver(&self, events: &[BusEvent]) {
        for events in events.chunks(32) {
            self.sessions.ask(Deliver { events: events.to_vec() }).await.unwrap();
        }
    }

    pub(crate) async fn client(&self, user: UserId, since: Option<i64>) -> Client {
        self.try_client(user, since, "").await.unwrap()
    }

    /// `more`: further parameters. The error is the HTTP answer's status.
    pub(crate) async fn try_client(
        &self,
        user: UserId,
        since: Option<i64>,
        more: &str,
    ) -> Result<Client, u16> {
        let since = since.map(|since| format!("&since={since}")).unwrap_or_default();
        let url = format!("ws://{}/ws?user={user}{since}{more}", self.address);
        match tokio_tungstenite::connect_async(&url).await {
            Ok((socket, _)) => Ok(Client { socket }),
            Err(WsError::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// An event stream; `more`: further parameters.
    pub(crate) async fn stream(&self, user: UserId, since: Option<i64>, more: &str) -> EventStream {
        let since = since.map(|since| format!("&since={since}")).unwrap_or_default();
        let url = format!("http://{}/events?user={user}{since}{more}", self.address);
        EventStream::open(reqwest::Client::new().get(url)).await.unwrap()
    }

    pub(crate) fn population(&self) -> usize {
        self.tree.report().iter().find_map(|node| node.population).unwrap_or_default()
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
        self.root.stop().await;
    }
}

async fn enter(request: HttpRequest, payload: Payload, door: Data<Door>) -> Result<HttpResponse, Problem> {
    check_upgrade(&request)?;
    let (joined, since) = join(&request, &door).await?;
    open(&request, payload, door.sessions.clone(), joined, since, door.heartbeat_seconds)
}

async fn listen(request: HttpRequest, door: Data<Door>) -> Result<HttpResponse, Problem> {
    let (joined, since) = join(&request, &door).await?;
    let story = Story::new(joined, since);
    Ok(event_stream::open(&request, door.sessions.clone(), story, door.heartbeat_seconds))
}

async fn join(request: &HttpRequest, door: &Door) -> Result<(Joined, Option<i64>), Problem> {
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string()).unwrap();
    let get = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let seconds = get("expires_in").map_or(3600, |seconds| seconds.parse().unwrap());
    let holder = Principal {
        user_id: get("user").unwrap().parse().unwrap(),
        role: Role::Developer,
        credential: Credential::Session {
            session_id: get("sign_in").map_or_else(SessionId::new, |id| id.parse().unwrap()),
            token_id: TokenId::new(),
        },
        expires_at: Timestamp::now() + jiff::SignedDuration::from_secs(seconds),
    };
    let since: Option<i64> = get("since").map(|since| since.parse().unwrap());
    Ok((
        door.sessions
            .ask(Join {
                holder,
                looked_at: std::time::Instant::now(),
                teams: Vec::new(),
                teams_as_of: 0,
                since,
            })
            .await?,
        since,
    ))
}

/// One client.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// The next text frame, or the code that the socket was closed with.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = timeout(WITHIN, self.socket.next()).await.expect("a frame in time");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The next frame, which is of that type. Heartbeats come when they come.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap();
            if frame["type"] == kind {
                return frame;
            }
            assert_eq!(frame["type"], "heartbeat", "{frame} instead of {kind}");
        }
    }

    /// The positions of the next events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<i64> {
        let mut positions = Vec::new();
        while positions.len() < count {
            positions.push(self.expect("event").await["position"].as_i64().unwrap());
        }
        positions
    }

    /// Reads to the end, and gives the code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// The `error` that comes before the close, and the code.
    pub(crate) async fn refused(&mut self) -> (String, u16) {
        let error = self.expect("error").await;
        (error["code"].as_str().unwrap().to_owned(), self.closed().await)
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }
}

/// Waits until it is true.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within ten seconds: {what}");
}
