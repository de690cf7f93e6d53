//! Connections: pools for the many short statements, connections of their own for locks and for the bell.

use std::fmt;
use std::future::pending;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime,
};
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Config, NoTls, Row, Statement};

use super::error::{StoreError, with_cause};
use super::keys::{BELL_CHANNEL, REDRIVES_CHANNEL, REVOCATIONS_CHANNEL};
use super::patience::Patience;
use super::session::{Parameters, Session, SharedSide, UserSide, driver::Driver};
use super::settings::{SESSION_OPTIONS, StoreSettings};

/// One of the two databases: a pool, and the way to connections outside of it.
pub struct Database<Side> {
    pool: Pool,
    config: Config,
    connect_within: Duration,
    statement_within: Duration,
    side: PhantomData<fn() -> Side>,
}

/// `user_psql`: accounts and sessions, never agents or instances.
pub type UserDb = Database<UserSide>;

/// `shared_psql`: agents, instances and the event log.
pub type SharedDb = Database<SharedSide>;

impl<Side> Clone for Database<Side> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            config: self.config.clone(),
            connect_within: self.connect_within,
            statement_within: self.statement_within,
            side: PhantomData,
        }
    }
}

impl<Side> fmt::Debug for Database<Side> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.pool.status();
        formatter
            .debug_struct("Database")
            .field("name", &self.config.get_dbname())
            .field("pool", &status)
            .finish()
    }
}

impl UserDb {
    /// Prepares the pool of `user_psql`. Nothing is connected before it is needed.
    ///
    /// # Errors
    /// [`StoreError::Settings`] for a URL that cannot be read.
    pub fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        Self::open_one(settings)
    }
}

impl SharedDb {
    /// Prepares the pool of `shared_psql`. Nothing is connected before it is needed.
    ///
    /// # Errors
    /// [`StoreError::Settings`] for a URL that cannot be read.
    pub fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        Self::open_one(settings)
    }
}

impl<Side> Database<Side> {
    fn open_one(settings: &StoreSettings) -> Result<Self, StoreError> {
        let config = connection_config(settings)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config.clone(), NoTls, recycling);
        let pool = Pool::builder(manager)
            .max_size(settings.pool_size_max)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_millis(settings.acquire_timeout_ms)))
            .create_timeout(Some(Duration::from_millis(settings.acquire_timeout_ms)))
            .post_create(Hook::async_fn(|client, _metrics| {
                Box::pin(async move { insist_on_quiet(client).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| StoreError::Settings(error.to_string()))?;
        let connect_within = Duration::from_millis(settings.acquire_timeout_ms);
        let statement_within = Duration::from_millis(settings.statement_timeout_ms) + SILENCE_AFTER;
        Ok(Self { pool, config, connect_within, statement_within, side: PhantomData })
    }

    /// A connection out of the pool.
    ///
    /// It needs no cleaning when it comes back, and so costs no round trip: nobody outside the store can run a raw
    /// `BEGIN` or `SET` on it, and a [`Transaction`] that is dropped, even in the middle of its beginning, queues its
    /// own `ROLLBACK` on the connection, ahead of whatever the next borrower sends.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none came free in time, [`StoreError::Unavailable`] when none can be made.
    pub async fn connection(&self) -> Result<PooledConnection<Side>, StoreError> {
        // Waiting and making, each of which has the same limit, together.
        let got = timeout(self.connect_within, self.pool.get()).await;
        let late = |_elapsed| StoreError::Busy {
            reason: format!("no connection within {:?}", self.connect_within),
            is_about_rows: false,
        };
        let client = Some(got.map_err(late)??);
        Ok(PooledConnection { client, patience: Patience::new(self.statement_within), side: PhantomData })
    }

    /// A connection outside the pool, for session locks and for the bell; it ends when it is dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be made.
    pub async fn own_connection(&self, application_name: &str) -> Result<OwnConnection<Side>, StoreError> {
        let mut config = self.config.clone();
        let _config = config.application_name(application_name);
        // The driver's own limit is over once the socket is open; a server that then says nothing must not hold us.
        let connecting = timeout(self.connect_within, config.connect(NoTls)).await;
        let silent =
            |_elapsed| StoreError::Unavailable { reason: "no answer to the handshake in time".to_owned() };
        let (client, mut connection) = connecting
            .map_err(silent)?
            .map_err(|error| StoreError::Unavailable { reason: with_cause(&error) })?;

        let (ring, bell) = mpsc::channel(BELL_BACKLOG);
        let driving = tokio::spawn(async move {
            let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notification) = message {
                    // A full backlog rings already; one bell more or less says the same.
                    let _full_is_fine = ring.try_send(notification.payload().to_owned());
                }
            }
        });
        let client = ClientWrapper::new(client, driving);
        let patience = Patience::new(self.statement_within);
        patience.wait(insist_on_quiet(&client)).await?;
        Ok(OwnConnection { client, bell, patience, side: PhantomData })
    }

    /// Whether the database answers: for readiness.
    ///
    /// # Errors
    /// As [`Database::connection`], or what became of the question.
    pub async fn check(&self) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        connection.patience.wait(connection.client().await.batch_execute("")).await
    }

    /// How many connections are open, how many of them are idle and how many callers wait: for metrics.
    #[must_use]
    pub fn pool_usage(&self) -> PoolUsage {
        let status = self.pool.status();
        PoolUsage { open: status.size, idle: status.available, waiting: status.waiting }
    }

    /// Closes the pool: whoever asks from now on is told that the database is unavailable.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// How busy a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUsage {
    /// Connections that are open.
    pub open: usize,
    /// Connections that nobody uses.
    pub idle: usize,
    /// Callers that wait for one.
    pub waiting: usize,
}

/// How much longer than Postgres lets a statement run we wait for its answer. It cancels a slow one in time and says so:
/// where nothing comes, nobody is there any more, and whoever waits would wait for ever. Less gives up on answers that are
/// under way.
const SILENCE_AFTER: Duration = Duration::from_secs(1);

/// Bells that may wait to be heard. One would do, since a listener reads everything at any bell.
const BELL_BACKLOG: usize = 16;

fn connection_config(settings: &StoreSettings) -> Result<Config, StoreError> {
    let config = Config::from_str(settings.url.expose());
    let mut config = config.map_err(|error| StoreError::Settings(with_cause(&error)))?;
    let options = format!(
        "{} {SESSION_OPTIONS} -c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={}",
        config.get_options().unwrap_or_default(),
        settings.statement_timeout_ms,
        settings.lock_timeout_ms,
        settings.idle_in_transaction_timeout_ms,
    );
    // A server that vanished without a word is noticed soon after a statement should have been answered.
    let silence_max = Duration::from_millis(settings.statement_timeout_ms.saturating_add(5_000));
    let _config = config
        .options(options.trim())
        .application_name("botberi")
        .connect_timeout(Duration::from_millis(settings.acquire_timeout_ms))
        .tcp_user_timeout(silence_max)
        .keepalives_idle(Duration::from_secs(30));
    Ok(config)
}

/// A pooler between us and Postgres may drop the connection options, and a connection that rings inside its
/// transactions makes every insert of the database slower: so it is said again, once per connection.
async fn insist_on_quiet(client: &ClientWrapper) -> Result<(), tokio_postgres::Error> {
    client.batch_execute("SET botberi.bell = 'quiet'").await
}

/// A connection borrowed from a pool.
///
/// One on which a statement was given up is closed and not lent again: the next borrower would wait behind that statement,
/// and while the server says nothing each of them would leave one more there.
pub struct PooledConnection<Side> {
    /// `None` only while it is dropped.
    client: Option<deadpool_postgres::Client>,
    patience: Patience,
    side: PhantomData<fn() -> Side>,
}

impl<Side> Drop for PooledConnection<Side> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && self.patience.is_lost()
        {
            drop(deadpool_postgres::Client::take(client));
        }
    }
}

impl<Side> PooledConnection<Side> {
    async fn client(&self) -> &deadpool_postgres::Client {
        match &self.client {
            Some(client) => client,
            None => pending().await,
        }
    }

    /// Begins a transaction. Dropping it rolls back.
    ///
    /// # Errors
    /// What became of the `BEGIN`.
    pub async fn transaction(&mut self) -> Result<Transaction<'_, Side>, StoreError> {
        let Self { client, patience, .. } = self;
        let Some(client) = client else { return pending().await };
        let transaction = patience.wait(client.transaction()).await?;
        Ok(Transaction { transaction, patience, side: PhantomData })
    }
}

/// A connection of one's own: what its session locks, it holds until it is dropped.
pub struct OwnConnection<Side> {
    client: ClientWrapper,
    bell: mpsc::Receiver<String>,
    patience: Patience,
    side: PhantomData<fn() -> Side>,
}

impl<Side> OwnConnection<Side> {
    /// Begins a transaction. Dropping it rolls back.
    ///
    /// # Errors
    /// What became of the `BEGIN`.
    pub async fn transaction(&mut self) -> Result<Transaction<'_, Side>, StoreError> {
        let Self { client, patience, .. } = self;
        let transaction = patience.wait(client.transaction()).await?;
        Ok(Transaction { transaction, patience, side: PhantomData })
    }

    /// Whether the connection is known to be gone, or to be of no use because a statement on it was given up.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed() || self.patience.is_lost()
    }
}

impl OwnConnection<SharedSide> {
    /// Begins to listen for the bell.
    ///
    /// # Errors
    /// What became of the `LISTEN`.
    pub async fn listen(&self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(&format!("LISTEN {BELL_CHANNEL}")).await?)
    }

    /// Begins to listen for wishes that dead letters be sent again.
    ///
    /// # Errors
    /// What became of the `LISTEN`.
    pub async fn listen_for_redrives(&self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(&format!("LISTEN {REDRIVES_CHANNEL}")).await?)
    }
}

impl OwnConnection<UserSide> {
    /// Begins to listen for revoked sessions.
    ///
    /// # Errors
    /// What became of the `LISTEN`.
    pub async fn listen(&self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(&format!("LISTEN {REVOCATIONS_CHANNEL}")).await?)
    }
}

impl<Side> OwnConnection<Side> {
    /// Waits for the next bell of what it listens for and gives its payload; `None` once the connection is gone. May be
    /// cancelled freely.
    pub async fn bell(&mut self) -> Option<String> {
        self.bell.recv().await
    }
}

/// A transaction of one database.
pub struct Transaction<'a, Side> {
    transaction: deadpool_postgres::Transaction<'a>,
    patience: &'a Patience,
    side: PhantomData<fn() -> Side>,
}

impl<Side> Transaction<'_, Side> {
    /// Makes the changes last.
    ///
    /// # Errors
    /// [`StoreError::Lost`] and [`StoreError::Silent`] leave open whether it happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.patience.wait(self.transaction.commit()).await
    }

    /// Takes the changes back, and waits until that is done.
    ///
    /// # Errors
    /// Only a broken connection, which takes them back as well.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.patience.wait(self.transaction.rollback()).await
    }
}

/// The three kinds of connection reach the driver in the same words.
macro_rules! drives {
    ($connection:ty, $client:ident => $driver:expr) => {
        impl<Side> Driver for $connection {
            async fn prepare(&self, statement: &'static str) -> Result<Statement, StoreError> {
                let $client = self;
                self.patience.wait($driver.prepare_cached(statement)).await
            }

            async fn query(
                &self,
                statement: &Statement,
                parameters: Parameters<'_>,
            ) -> Result<Vec<Row>, StoreError> {
                let $client = self;
                self.patience.wait($driver.query(statement, parameters)).await
            }

            async fn execute(
                &self,
                statement: &Statement,
                parameters: Parameters<'_>,
            ) -> Result<u64, StoreError> {
                let $client = self;
                self.patience.wait($driver.execute(statement, parameters)).await
            }
        }
    };
}

drives!(PooledConnection<Side>, lent => lent.client().await);
drives!(OwnConnection<Side>, own => own.client);
drives!(Transaction<'_, Side>, begun => begun.transaction);

impl<Side> Session<Side> for PooledConnection<Side> {}
impl<Side> Session<Side> for OwnConnection<Side> {}
impl<Side> Session<Side> for Transaction<'_, Side> {}

impl<Side> fmt::Debug for PooledConnection<Side> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PooledConnection")
    }
}

impl<Side> fmt::Debug for OwnConnection<Side> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OwnConnection")
    }
}

impl<Side> fmt::Debug for Transaction<'_, Side> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Transaction")
    }
}
