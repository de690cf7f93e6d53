//! How to reach the databases, and how the platform's connections are set up.

use serde::Deserialize;

use crate::faults::Faults;
use crate::secret::Secret;

/// `[postgres]`: the two databases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSettings {
    /// `user_psql`: accounts, sessions, teams.
    pub user: StoreSettings,
    /// `shared_psql`: agents, instances and everything about them.
    pub shared: StoreSettings,
}

impl PostgresSettings {
    /// Notes what is out of range in either database.
    pub fn check(&self, faults: &mut Faults) {
        faults.within("user", |user| self.user.check(user));
        faults.within("shared", |shared| self.shared.check(shared));
    }
}

/// How one database is reached, and how long it may keep a caller waiting.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Connection string of the service role, which owns no table.
    pub url: Secret,
    /// Connection string of the owner's role, for migrations only.
    pub owner_url: Secret,
    /// Connections of the pool; 1 to 1,000.
    pub pool_size_max: usize,
    /// How long a caller waits for a free connection, and how long making one may take, in milliseconds; 10 to 60,000.
    pub acquire_timeout_ms: u64,
    /// How long one statement may run, in milliseconds; 10 to 600,000.
    pub statement_timeout_ms: u64,
    /// How long a statement may wait for a lock, in milliseconds; 10 to 600,000, at most the statement's time.
    pub lock_timeout_ms: u64,
    /// How long a transaction may sit idle, in milliseconds; 100 to 600,000.
    pub idle_in_transaction_timeout_ms: u64,
}

impl StoreSettings {
    /// What every connection of the platform is made with, besides its timeouts, in the form of Postgres' `options`.
    #[must_use]
    pub const fn session_options() -> &'static str {
        SESSION_OPTIONS
    }

    /// Notes what is out of range, and connection strings that are none.
    pub fn check(&self, faults: &mut Faults) {
        for (key, url) in [("url", &self.url), ("owner_url", &self.owner_url)] {
            if !url.is_empty() && !names_a_database(url) {
                faults
                    .add(key, "must be a connection string like postgres://role:password@host:port/database");
            }
        }
        faults.range("pool_size_max", self.pool_size_max, 1..=1_000);
        faults.range("acquire_timeout_ms", self.acquire_timeout_ms, 10..=60_000);
        faults.range("statement_timeout_ms", self.statement_timeout_ms, 10..=600_000);
        faults.range("lock_timeout_ms", self.lock_timeout_ms, 10..=600_000);
        faults.range("idle_in_transaction_timeout_ms", self.idle_in_transaction_timeout_ms, 100..=600_000);
        if self.lock_timeout_ms > self.statement_timeout_ms {
            let (lock, statement) = (self.lock_timeout_ms, self.statement_timeout_ms);
            faults.add(
                "lock_timeout_ms",
                format!("must be at most statement_timeout_ms ({statement}), is {lock}"),
            );
        }
    }
}

/// Whether the text is a connection string with a role, a host and a database: the client would guess what is missing.
fn names_a_database(url: &Secret) -> bool {
    let config = url.expose().parse::<tokio_postgres::Config>();
    config.is_ok_and(|config| {
        let has_host = !config.get_hosts().is_empty() || !config.get_hostaddrs().is_empty();
        let names = [config.get_user(), config.get_dbname()];
        has_host && names.iter().all(|name| name.is_some_and(|name| !name.is_empty()))
    })
}

/// What every connection of the platform is made with, besides its timeouts.
///
/// `bell`: the platform rings after its commits, so its triggers need not.
///
/// The rest leaves the planner one kind of plan, lookups through indexes, one row after the other. A plan is kept as
/// long as its connection, and is often made while a table is still small: then reading it from end to end looks
/// cheapest, and goes on being done when it has grown a thousandfold. Every statement is written for such plans, and a
/// test looks at them. `jit`: compiling a plan costs more than running ours.
pub(super) const SESSION_OPTIONS: &str = "-c botberi.bell=quiet -c jit=off -c enable_seqscan=off -c enable_bitmapscan=off \
     -c enable_hashjoin=off -c enable_mergejoin=off -c enable_material=off";
