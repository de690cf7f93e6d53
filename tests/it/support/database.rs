//! A pair of databases for each test, copied from a pair that was migrated once.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use botberi::cli::dev::Endpoints;
use botberi::models::store::migrate::{self, Schema};
use botberi::models::store::{OwnConnection, PooledConnection, SharedDb, SharedSide, StoreSettings, UserDb};
use botberi::secret::Secret;
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

use super::servers::servers;
use super::wait::elsewhere;

/// Held on a server while its roles and its template are made.
const TEMPLATE_KEY: i64 = 4_202_019_001;

/// Names the databases of this process apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The databases of one test; they are dropped with it.
pub(crate) struct TestDatabases {
    pub(crate) user: UserDb,
    pub(crate) shared: SharedDb,
    user_place: Place,
    shared_place: Place,
}

/// One database of one test.
struct Place {
    superuser_url: String,
    name: String,
}

impl TestDatabases {
    /// Makes both databases, empty but for what the migrations put in.
    pub(crate) async fn create() -> Self {
        Self::create_on(servers()).await
    }

    /// The same on servers of a test's own.
    pub(crate) async fn create_on(servers: &Endpoints) -> Self {
        let Endpoints { user_database, shared_database, .. } = servers;
        let (user_place, shared_place) = tokio::join!(
            Place::create(Schema::User, &user_database.superuser),
            Place::create(Schema::Shared, &shared_database.superuser)
        );
        let settings = |place: &Place| StoreSettings {
            url: Secret::new(place.url("botberi")),
            owner_url: Secret::default(),
            pool_size_max: 8,
            acquire_timeout_ms: 10_000,
            statement_timeout_ms: 10_000,
            lock_timeout_ms: 5_000,
            idle_in_transaction_timeout_ms: 10_000,
        };
        let user = UserDb::open(&settings(&user_place)).unwrap();
        let shared = SharedDb::open(&settings(&shared_place)).unwrap();
        Self { user, shared, user_place, shared_place }
    }

    /// A connection of the platform's own kind.
    pub(crate) async fn shared(&self) -> PooledConnection<SharedSide> {
        self.shared.connection().await.unwrap()
    }

    /// A connection that can hold locks and hear the bell.
    pub(crate) async fn own(&self) -> OwnConnection<SharedSide> {
        self.shared.own_connection("test").await.unwrap()
    }

    /// Somebody who comes to `shared_psql` by plain SQL, as that role.
    pub(crate) async fn plain(&self, role: &str) -> Client {
        connect(&self.shared_place.url(role)).await
    }

    /// Somebody who comes to `user_psql` by plain SQL, as that role.
    pub(crate) async fn plain_user(&self, role: &str) -> Client {
        connect(&self.user_place.url(role)).await
    }

    /// The URL of `shared_psql` for that role.
    pub(crate) fn shared_url(&self, role: &str) -> String {
        self.shared_place.url(role)
    }

    /// The URL of `user_psql` for that role.
    pub(crate) fn user_url(&self, role: &str) -> String {
        self.user_place.url(role)
    }
}

impl Drop for TestDatabases {
    fn drop(&mut self) {
        self.user.close();
        self.shared.close();
        for place in [&self.user_place, &self.shared_place] {
            let (url, name) = (place.superuser_url.clone(), place.name.clone());
            let dropped = elsewhere(async move || {
                let server = connect(&url).await;
                server.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
            });
            if dropped.is_none() && !std::thread::panicking() {
                panic!("the database {} was not dropped", place.name);
            }
        }
    }
}

impl Place {
    async fn create(schema: Schema, superuser_url: &str) -> Self {
        let template = ensure_template(schema, superuser_url).await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}_{}", std::process::id(), Uuid::now_v7().simple());
        let server = connect(superuser_url).await;
        server
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template} OWNER botberi_owner"))
            .await
            .unwrap();
        Self { superuser_url: superuser_url.to_owned(), name }
    }

    fn url(&self, role: &str) -> String {
        url(&self.superuser_url, role, &self.name)
    }
}

/// The URL of the same server for another role and database. Roles have their own names as passwords.
fn url(superuser_url: &str, role: &str, database: &str) -> String {
    let config = Config::from_str(superuser_url).unwrap();
    let port = config.get_ports()[0];
    if role == config.get_user().unwrap() {
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
        return format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}");
    }
    format!("postgres://{role}:{role}@127.0.0.1:{port}/{database}")
}

/// Connects; the connection lives as long as the client.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let _driving = tokio::spawn(connection);
    client
}

/// The migrated database that those of the tests are copied from; made once for each state of the migrations.
async fn ensure_template(schema: Schema, superuser_url: &str) -> String {
    let folder = match schema {
        Schema::User => "user",
        Schema::Shared => "shared",
    };
    let name = format!(
        "template_{folder}_{:016x}",
        digest(&Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder))
    );

    let server = connect(superuser_url).await;
    server.execute("SELECT pg_advisory_lock($1)", &[&TEMPLATE_KEY]).await.unwrap();
    let is_there = server.query("SELECT FROM pg_database WHERE datname = $1", &[&name]).await.unwrap();
    if is_there.is_empty() {
        ensure_roles(&server).await;
        // Under a name of its own first: a run that was killed half-way leaves no half-made template behind.
        let draft = format!("{name}_draft");
        server.batch_execute(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await.unwrap();
        server.batch_execute(&format!("CREATE DATABASE {draft} OWNER botberi_owner")).await.unwrap();
        let _applied = migrate::run(schema, &url(superuser_url, "botberi_owner", &draft)).await.unwrap();
        server
            .batch_execute(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{draft}'"
            ))
            .await
            .unwrap();
        server.batch_execute(&format!("ALTER DATABASE {draft} RENAME TO {name}")).await.unwrap();
    }
    name
}

async fn ensure_roles(server: &Client) {
    for role in ["botberi", "botberi_owner"] {
        server
            .batch_execute(&format!(
                "DO $$ BEGIN
                     IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                         CREATE ROLE {role} LOGIN NOSUPERUSER PASSWORD '{role}';
                     END IF;
                 END $$"
            ))
            .await
            .unwrap();
    }
}

fn digest(folder: &Path) -> u64 {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.file_name().hash(&mut hasher);
        std::fs::read(&file).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}
