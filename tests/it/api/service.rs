//! The user and admin listeners over databases of their own; the bus is played by hand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use botberi::actors::accounts::{
    Accounts, AccountsParts, AuthSettings, PasswordHashSettings, Tokens, ensure_admin, hash_password,
};
use botberi::actors::api_keys::{ApiKeys, ApiKeysParts, KeyHasher, KnownKeys};
use botberi::actors::audit_trail::AuditTrail;
use botberi::actors::bell::Bell;
use botberi::actors::catalog::{Catalog, CatalogView};
use botberi::actors::catalog_editor::CatalogEditor;
use botberi::actors::courier::Courier;
use botberi::actors::dead_letter_registry::DeadLetterRegistry;
use botberi::actors::denials::Denials;
use botberi::actors::event_consumers::Bound;
use botberi::actors::instance_registry::InstanceRegistry;
use botberi::actors::instances::{Instances, QuotaSettings};
use botberi::actors::knowledge::{Knowledge, KnowledgeParts, KnowledgeSettings};
use botberi::actors::policies::{PolicyFiles, PolicyView};
use botberi::actors::rate_limits::{RateLimiter, RateLimitsSettings};
use botberi::actors::redis_link::RedisAccess;
use botberi::actors::revocations::{Gate, RevocationView, Revocations, RevocationsParts};
use botberi::actors::system::{AskLimits, ChildSpec, Handle, Node, Root, Strategy, Supervisor, actor};
use botberi::actors::teams::{TeamSettings, Teams};
use botberi::actors::user_registry::{UserRegistry, UserRegistryParts};
use botberi::actors::ws_sessions::WsSessions;
use botberi::cli::dev::Endpoints;
use botberi::http::admin::{self, AdminApi};
use botberi::http::identity::Identities;
use botberi::http::user::{self, SocketDoor, UploadLimits, UserApi};
use botberi::http::{self, Common, HttpSettings, ListenerSettings, RequestMemory};
use botberi::models::Origin;
use botberi::outbound::Outbound;
use botberi::secret::Secret;

use crate::support::database::TestDatabases;
use crate::support::documented;
use crate::support::proxy::FaultProxy;
use crate::ws::replica::settings as websocket_settings;

pub(crate) const PASSWORD: &str = "correct horse";

/// Both listeners, and what is behind them.
pub(crate) struct Service {
    pub(crate) databases: TestDatabases,
    pub(crate) redis: FaultProxy,
    redis_database: u8,
    pub(crate) accounts: Handle<Accounts>,
    pub(crate) gate: Gate,
    pub(crate) tree: Arc<Node>,
    pub(crate) user: SocketAddr,
    pub(crate) admin: SocketAddr,
    catalog: Handle<Catalog>,
    servers: Vec<ServerHandle>,
    root: Root,
    client: Client,
}

/// Somebody who is signed in, or nobody.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    at: SocketAddr,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

fn auth_settings() -> AuthSettings {
    AuthSettings {
        access_token_seconds: 900,
        refresh_token_seconds: 86_400,
        sessions_per_user_max: 20,
        signing_key: Secret::new(""),
        verifying_keys: Vec::new(),
        api_key_secret: Secret::new(""),
        api_keys_per_user_max: 5,
        reserved_usernames: vec!["admin".to_owned()],
        hash_threads: 1,
        logins_waiting_max: 1,
        registrations_waiting_max: 8,
        password_hash: PasswordHashSettings { memory_kib: 8, iterations: 1, lanes: 1 },
    }
}

pub(crate) fn unlimited() -> RateLimitsSettings {
    RateLimitsSettings {
        user_max: 0,
        read_max: 0,
        write_max: 0,
        socket_max: 0,
        auth_max: 0,
        account_max: 0,
        account_everywhere_max: 0,
        address_max: 0,
        counters_max: 1_000,
        exchange_ms: 100,
    }
}

fn http_settings() -> HttpSettings {
    HttpSettings {
        workers: 1,
        json_bytes_max: 200_000,
        bytes_in_flight_max: 4_194_304,
        uri_bytes_max: 2_000,
        header_bytes_max: 8_000,
        header_timeout_ms: 1_000,
        body_timeout_ms: 300,
        keep_alive_seconds: 5,
        disconnect_timeout_ms: 100,
        connections_max: 100,
        backlog_max: 16,
        allowed_origins: vec!["https://app.example.com".to_owned(), "http://localhost:*".to_owned()],
        trusted_proxies: vec!["127.0.0.1".to_owned()],
        user: ListenerSettings { port: 0 },
        admin: ListenerSettings { port: 0 },
        broker: ListenerSettings { port: 0 },
        console: ListenerSettings { port: 0 },
    }
}

const KNOWLEDGE: KnowledgeSettings = KnowledgeSettings {
    file_bytes_max: 1 << 20,
    upload_timeout_ms: 30_000,
    uploads_max: 32,
    searches_max: 8,
};

fn outbound() -> Outbound {
    let settings = r#"
        allow = []
        ports = ["80", "443"]
        ca_file = ""
        url_bytes_max = 2048
        request_bytes_max = 65536
        answer_bytes_max = 65536
        connect_timeout_ms = 1000
        first_byte_timeout_ms = 1000
        total_timeout_ms = 2000
        requests_max = 8
        lookups_max = 2
    "#;
    Outbound::new(&toml::from_str(settings).unwrap()).unwrap()
}

pub(crate) const QUOTAS: QuotaSettings =
    QuotaSettings { instances_max: 1_000, knowledge_entries_max: 1_000, knowledge_bytes_max: 1 << 30 };

const TEAMS: TeamSettings = TeamSettings { teams_per_user_max: 10, members_max: 10 };

/// The Redis of all tests.
fn shared_redis() -> SocketAddr {
    let url = Endpoints::from_env().unwrap().expect("run the tests with `make test`").redis;
    url.trim_start_matches("redis://").split('/').next().unwrap().parse().unwrap()
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::build(shared_redis(), 0, unlimited(), QUOTAS).await
    }

    /// With a Redis of the test's own.
    pub(crate) async fn start_on_redis(redis: SocketAddr) -> Self {
        Self::build(redis, 0, unlimited(), QUOTAS).await
    }

    /// With a database of Redis that no other test uses.
    pub(crate) async fn start_in(redis_database: u8) -> Self {
        Self::build(shared_redis(), redis_database, unlimited(), QUOTAS).await
    }

    /// The same, where things may be asked for so often only. No replica is told of it.
    pub(crate) async fn limited(rate_limits: RateLimitsSettings) -> Self {
        Self::build(shared_redis(), 0, rate_limits, QUOTAS).await
    }

    /// The same, where users may have so much only.
    pub(crate) async fn with_quotas(quotas: QuotaSettings) -> Self {
        Self::build(shared_redis(), 0, unlimited(), quotas).await
    }

    async fn build(
        upstream: SocketAddr,
        redis_database: u8,
        rate_limits: RateLimitsSettings,
        quotas: QuotaSettings,
    ) -> Self {
        let databases = TestDatabases::create().await;
        let redis = FaultProxy::to(upstream).await;

        let tokens = Tokens::new(&[7; 32], &[], 900);
        let limits = AskLimits::default();
        let bell = Handle::new(Bell::NAME, limits);
        let accounts = Handle::new(Accounts::NAME, limits);
        let catalog = Handle::new(Catalog::NAME, limits);
        let catalog_editor = Handle::new(CatalogEditor::NAME, limits);
        let instance_registry = Handle::new(InstanceRegistry::NAME, limits);
        let dead_letter_registry = Handle::new(DeadLetterRegistry::NAME, limits);
        let user_registry = Handle::new(UserRegistry::NAME, limits);
        let audit_trail = Handle::new(AuditTrail::NAME, limits);
        let instances = Handle::new(Instances::NAME, limits);
        let knowledge = Handle::new(Knowledge::NAME, limits);
        let teams = Handle::new(Teams::NAME, limits);
        let catalog_view = CatalogView::default();
        let revocations = Handle::new(Revocations::NAME, limits);
        let gate = Gate::new(RevocationView::default(), revocations.clone());
        let redis_access = RedisAccess {
            client: redis::Client::open(format!("redis://127.0.0.1:{}/{redis_database}", redis.port()))
                .unwrap(),
            timeout: Duration::from_millis(300),
        };
        let revocations_parts = RevocationsParts {
            user_db: databases.user.clone(),
            redis: redis_access.clone(),
            view: gate.view().clone(),
            access_token_seconds: 900,
        };
        let user_registry_parts = UserRegistryParts {
            user_db: databases.user.clone(),
            shared_db: databases.shared.clone(),
            redis: redis_access.clone(),
            gate: gate.clone(),
            access_token_seconds: 900,
        };
        let parts = AccountsParts {
            user_db: databases.user.clone(),
            redis: redis_access,
            gate: gate.clone(),
            tokens: tokens.clone(),
            settings: auth_settings(),
            ticket_seconds: 30,
        };
        let known_keys = KnownKeys::new(KeyHasher::new(&[7; 32]), gate.view().clone());
        let api_keys = Handle::new(ApiKeys::NAME, limits);
        let api_keys_parts = ApiKeysParts {
            user_db: databases.user.clone(),
            redis: parts.redis.clone(),
            known: known_keys.clone(),
            keys_per_user_max: 5,
        };
        let policies = PolicyView::new(PolicyFiles::new("").load().unwrap());
        let identities =
            Identities { tokens, gate: gate.clone(), policies, known_keys, api_keys: api_keys.clone() };
        let tree = Node::root();
        let knowledge_parts = KnowledgeParts {
            shared_db: databases.shared.clone(),
            bell: bell.clone(),
            outbound: outbound(),
            quotas,
            settings: KNOWLEDGE,
            embedder: None,
        };
        let mut root = Supervisor::new(Strategy::OneForOne)
            .with(actor(ChildSpec::permanent(Bell::NAME), &bell, {
                let shared = databases.shared.clone();
                move |lifeline| Bell::new(shared.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(Revocations::NAME), &revocations, move |lifeline| {
                Revocations::new(revocations_parts.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(Accounts::NAME), &accounts, move |lifeline| {
                Accounts::new(parts.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(ApiKeys::NAME), &api_keys, move |lifeline| {
                ApiKeys::new(api_keys_parts.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(Catalog::NAME), &catalog, {
                let (shared, view) = (databases.shared.clone(), catalog_view.clone());
                move |lifeline| Catalog::new(shared.clone(), view.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(CatalogEditor::NAME), &catalog_editor, {
                let (shared, bell) = (databases.shared.clone(), bell.clone());
                move |lifeline| CatalogEditor::new(shared.clone(), bell.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(InstanceRegistry::NAME), &instance_registry, {
                let (shared, bell) = (databases.shared.clone(), bell.clone());
                move |lifeline| {
                    InstanceRegistry::new(shared.clone(), bell.clone(), Courier::handle(), lifeline)
                }
            }))
            .with(actor(ChildSpec::permanent(DeadLetterRegistry::NAME), &dead_letter_registry, {
                let shared = databases.shared.clone();
                move |lifeline| DeadLetterRegistry::new(shared.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(UserRegistry::NAME), &user_registry, move |lifeline| {
                UserRegistry::new(user_registry_parts.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(AuditTrail::NAME), &audit_trail, {
                let (user, shared) = (databases.user.clone(), databases.shared.clone());
                move |lifeline| AuditTrail::new(user.clone(), shared.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(Instances::NAME), &instances, {
                let (shared, bell) = (databases.shared.clone(), bell.clone());
                move |lifeline| Instances::new(shared.clone(), bell.clone(), quotas, lifeline)
            }))
            .with(actor(ChildSpec::permanent(Knowledge::NAME), &knowledge, move |lifeline| {
                Knowledge::new(knowledge_parts.clone(), lifeline)
            }))
            .with(actor(ChildSpec::permanent(Teams::NAME), &teams, {
                let (user, shared) = (databases.user.clone(), databases.shared.clone());
                let ended = gate.view().clone();
                move |lifeline| Teams::new(user.clone(), shared.clone(), ended.clone(), TEAMS, lifeline)
            }))
            .start(tree.clone());
        root.ready().await.unwrap();

        let common = Common {
            tree: tree.clone(),
            measurements: Some(http::measurements().unwrap()),
            limiter: RateLimiter::new(rate_limits.clone()),
            denials: Denials::default(),
            memory: RequestMemory::new(&http_settings()),
            stop_within: Duration::from_secs(1),
        };
        let sockets = SocketDoor::new(
            Handle::new(WsSessions::NAME, limits),
            &teams,
            gate.view().clone(),
            &websocket_settings(),
        );

        let user_api = UserApi {
            accounts: accounts.clone(),
            identities: identities.clone(),
            catalog: catalog_view,
            instances,
            knowledge,
            uploads: UploadLimits { file_bytes_max: 1 << 20, within: Duration::from_secs(30) },
            teams,
            sockets,
        };
        let admin_api = AdminApi {
            accounts: accounts.clone(),
            identities,
            catalog_editor,
            instance_registry,
            dead_letter_registry,
            user_registry,
            audit_trail,
        };
        let mut servers = Vec::new();
        let user = serve("user", &common, &mut servers, move |config| user::configure(config, &user_api));
        let admin = serve("admin", &common, &mut servers, move |config| admin::configure(config, &admin_api));
        let client = Client::new();
        Self {
            databases,
            redis,
            redis_database,
            accounts,
            gate,
            tree,
            user,
            admin,
            catalog,
            servers,
            root,
            client,
        }
    }

    /// What the consumer of the catalog's queue does when it is told of a change.
    pub(crate) async fn agents_changed(&self) {
        self.catalog.ask(Bound).await.unwrap();
    }

    pub(crate) fn nobody(&self) -> Caller {
        Caller { client: self.client.clone(), at: self.user, token: None }
    }

    pub(crate) fn nobody_at_admin(&self) -> Caller {
        Caller { at: self.admin, ..self.nobody() }
    }

    /// Registers somebody and signs them in.
    pub(crate) async fn sign_up(&self, username: &str) -> Caller {
        let credentials = json!({"username": username, "password": PASSWORD});
        self.nobody().post("/api/v1/auth/register", &credentials).await.expect(201);
        self.nobody().sign_in(username).await
    }

    /// Makes an administrator and signs them in.
    pub(crate) async fn admin(&self) -> Caller {
        let hash = hash_password(&auth_settings(), &Secret::new(PASSWORD)).unwrap();
        ensure_admin(&self.databases.user, "root", hash, &Origin::default()).await.unwrap();
        self.nobody_at_admin().sign_in("root").await
    }

    /// An agent on offer, which the catalog knows.
    pub(crate) async fn published_agent(&self, admin: &Caller, code: &str) -> i64 {
        let draft = json!({"title": code, "content": {}, "activation_code": code, "rate": 1});
        let id = admin.post("/api/v1/agents", &draft).await.expect(201)["id"].as_i64().unwrap();
        admin.post(&format!("/api/v1/agents/{id}/publish"), &Value::Null).await.expect(200);
        self.agents_changed().await;
        id
    }

    /// The value of a key in Redis, and how many seconds it lasts.
    pub(crate) async fn in_redis(&self, key: &str) -> (Option<String>, i64) {
        let mut connection = self.redis_connection().await;
        let mut pipe = redis::pipe();
        pipe.get(key).ttl(key).query_async(&mut connection).await.unwrap()
    }

    /// Redis forgets everything.
    pub(crate) async fn empty_redis(&self) {
        redis::cmd("FLUSHDB").query_async::<()>(&mut self.redis_connection().await).await.unwrap();
    }

    async fn redis_connection(&self) -> redis::aio::MultiplexedConnection {
        let place = format!("redis://127.0.0.1:{}/{}", self.redis.port(), self.redis_database);
        redis::Client::open(place).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    pub(crate) async fn stop(self) {
        for server in &self.servers {
            server.stop(false).await;
        }
        self.root.stop().await;
    }
}

fn serve(
    label: &'static str,
    common: &Common,
    servers: &mut Vec<ServerHandle>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> SocketAddr {
    let anywhere = (IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let (address, server) = http::listen(label, anywhere, &http_settings(), common.clone(), routes).unwrap();
    servers.push(server.handle());
    actix::spawn(server);
    address
}

impl Caller {
    pub(crate) async fn sign_in(&self, username: &str) -> Self {
        let tokens = self.try_sign_in(username, PASSWORD).await.expect(200);
        Self { token: Some(tokens["access_token"].as_str().unwrap().to_owned()), ..self.clone() }
    }

    pub(crate) async fn try_sign_in(&self, username: &str, password: &str) -> Answer {
        self.post("/api/v1/auth/login", &json!({"username": username, "password": password})).await
    }

    /// The access token, if there is one.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same with that access token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same person at another listener.
    pub(crate) fn at(&self, at: SocketAddr) -> Self {
        Self { at, ..self.clone() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.at));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// The same with a key to send it again with.
    pub(crate) async fn keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }
}

impl Answer {
    /// Sends it, and holds the answer against the OpenAPI documents.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap_or_default() };
        documented::check(&method, &path, status, &body);
        Self { status, headers, body }
    }

    /// The body, if that is the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Checks that it is a whole problem document of this status and code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert_eq!(
            (&self.body["status"], &self.body["code"]),
            (&status.into(), &code.into()),
            "{}",
            self.body
        );
        self.expect(status)
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// The fields that a problem names.
pub(crate) fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().expect("a list of errors");
    errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
}
