//! The way to Redis: one connection that comes back by itself, and what is known of Redis being away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, RedisResult};

/// How Redis is reached.
#[derive(Clone, Debug)]
pub struct RedisAccess {
    /// Where it is.
    pub client: Client,
    /// How long a command, or connecting, may take before it counts as away.
    pub timeout: Duration,
}

/// Pauses between attempts to connect again, made in the background while commands fail at once.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// Cheap to clone: clones share the connection.
#[derive(Clone)]
pub struct RedisLink {
    redis: ConnectionManager,
    is_away: Arc<AtomicBool>,
}

impl RedisLink {
    /// Connects to nothing yet. Needs the runtime of the actor's thread.
    ///
    /// # Errors
    /// When Redis' address cannot be used.
    pub fn new(access: RedisAccess) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(access.timeout))
            .set_response_timeout(Some(access.timeout))
            .set_min_delay(RECONNECT_MIN)
            .set_max_delay(RECONNECT_MAX)
            .set_number_of_retries(1);
        let redis = ConnectionManager::new_lazy_with_config(access.client, config)?;
        Ok(Self { redis, is_away: Arc::default() })
    }

    /// The connection, for one command whose outcome is then [`RedisLink::noted`].
    #[must_use]
    pub fn connection(&self) -> ConnectionManager {
        self.redis.clone()
    }

    /// What the last command or look has found: while Redis is away nobody need wait for it to time out again.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// Remembers whether Redis answered, and says so when that is news.
    ///
    /// # Errors
    /// Those of the answer.
    pub fn noted<T>(&self, answer: RedisResult<T>) -> RedisResult<T> {
        let was_away = self.is_away.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Err(error) if !was_away => tracing::warn!(%error, "redis is away; postgres stands in"),
            Ok(_) if was_away => tracing::info!("redis is back"),
            _ => {}
        }
        answer
    }

    /// Whether Redis is there.
    ///
    /// # Errors
    /// What is missing.
    pub async fn check(&self) -> Result<(), String> {
        let answer = self.connection().ping::<()>().await;
        self.noted(answer).map_err(|error| format!("redis: {error}"))
    }
}
