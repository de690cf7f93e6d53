//! How to reach the databases, and how the platform's connections are set up.

use std::fmt;

use serde::Deserialize;

/// How to reach the two databases, and how long to wait for them.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Where `user_psql` is, as `postgres://role:password@host:port/database`.
    pub user_url: String,
    /// Where `shared_psql` is.
    pub shared_url: String,
    /// Connections per pool. Too high and Postgres spends its time switching; too low and requests queue here.
    pub pool_size_max: usize,
    /// How long a caller waits for a free connection before it is told that we are busy.
    pub acquire_timeout_ms: u64,
    /// How long a connection may take to be made.
    pub connect_timeout_ms: u64,
    /// How long one statement may run.
    pub statement_timeout_ms: u64,
    /// How long one statement may wait for a lock.
    pub lock_timeout_ms: u64,
    /// How long a transaction may stand still before the server ends it.
    pub idle_in_transaction_timeout_ms: u64,
}

impl StoreSettings {
    /// What every connection of the platform is made with, besides its timeouts, in the form of Postgres' `options`.
    #[must_use]
    pub const fn session_options() -> &'static str {
        SESSION_OPTIONS
    }
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoreSettings")
            .field("user_url", &without_password(&self.user_url))
            .field("shared_url", &without_password(&self.shared_url))
            .field("pool_size_max", &self.pool_size_max)
            .field("acquire_timeout_ms", &self.acquire_timeout_ms)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .field("lock_timeout_ms", &self.lock_timeout_ms)
            .field("idle_in_transaction_timeout_ms", &self.idle_in_transaction_timeout_ms)
            .finish()
    }
}

/// The URL with its password masked, or nothing of it when it cannot be read.
#[must_use]
pub fn without_password(url: &str) -> String {
    let masked = url.split_once("://").and_then(|(scheme, rest)| {
        let (credentials, place) = rest.rsplit_once('@')?;
        let role = credentials.split(':').next()?;
        Some(format!("{scheme}://{role}:***@{place}"))
    });
    masked.unwrap_or_else(|| "***".to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_show() {
        assert_eq!(
            without_password("postgres://botberi:geheim@127.0.0.1:5440/x"),
            "postgres://botberi:***@127.0.0.1:5440/x"
        );
        assert_eq!(without_password("host=x password=geheim"), "***");
    }
}
