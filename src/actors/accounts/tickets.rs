//! Tickets for sockets: in Redis, and in Postgres while Redis is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, RedisResult};
use serde::{Deserialize, Serialize};

use super::messages::Ticket;
use super::{AccountError, opaque};
use crate::models::store::{UserDb, users, ws_tickets};
use crate::models::{Principal, Role, SessionId, UserId};

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

/// Expired tickets that a new one in Postgres takes away: more than one, so that they grow fewer.
const EXPIRED_TAKEN_AWAY: i64 = 8;

/// Who comes with a ticket, as it is written in Redis.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Holder {
    user_id: UserId,
    role: Role,
    session_id: SessionId,
    expires_at: Timestamp,
}

/// Cheap to clone: clones share the connection.
#[derive(Clone)]
pub(super) struct Tickets {
    redis: ConnectionManager,
    /// What the last command or look has found: while Redis is away nobody waits for it to time out again.
    is_away: Arc<AtomicBool>,
    user_db: UserDb,
    life_seconds: u64,
    session_life: Duration,
}

impl Tickets {
    /// Connects to nothing yet. Needs the runtime of the actor's thread.
    ///
    /// # Errors
    /// When Redis' address cannot be used.
    pub(super) fn new(
        redis: RedisAccess,
        user_db: UserDb,
        life_seconds: u64,
        session_life: Duration,
    ) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(redis.timeout))
            .set_response_timeout(Some(redis.timeout))
            .set_min_delay(RECONNECT_MIN)
            .set_max_delay(RECONNECT_MAX)
            .set_number_of_retries(1);
        let redis = ConnectionManager::new_lazy_with_config(redis.client, config)?;
        Ok(Self { redis, is_away: Arc::default(), user_db, life_seconds, session_life })
    }

    pub(super) async fn issue(&self, principal: &Principal) -> Result<Ticket, AccountError> {
        let life = self.life_seconds;
        let ticket = opaque::fresh();
        if !self.is_away() && self.put(&ticket, principal).await.is_ok() {
            return Ok(Ticket { ticket, expires_in_seconds: life });
        }
        // A fresh one: Redis may have kept the first, and a ticket in both places could be used twice.
        let ticket = opaque::fresh();
        let session = self.user_db.connection().await?;
        ws_tickets::insert(&session, &opaque::digest(&ticket), principal.user_id, seconds(life)).await?;
        // Redis forgets by itself; here each new ticket takes away what is left of some old ones. The next one tries again.
        let _best_effort = ws_tickets::delete_expired(&session, EXPIRED_TAKEN_AWAY).await;
        Ok(Ticket { ticket, expires_in_seconds: life })
    }

    /// Looks at both places, for a ticket may be older than Redis' outage or its return; at the likelier one first.
    pub(super) async fn redeem(&self, ticket: &str) -> Result<Principal, AccountError> {
        if !opaque::is_well_formed(ticket) {
            return Err(AccountError::InvalidTicket);
        }
        let found = if self.is_away() {
            match self.redeem_in_postgres(ticket).await? {
                Some(principal) => Some(principal),
                None => self.redeem_in_redis(ticket).await,
            }
        } else {
            match self.redeem_in_redis(ticket).await {
                Some(principal) => Some(principal),
                None => self.redeem_in_postgres(ticket).await?,
            }
        };
        found.ok_or(AccountError::InvalidTicket)
    }

    /// Whether Redis is there.
    pub(super) async fn check(&self) -> Result<(), String> {
        let answer = self.redis.clone().ping::<()>().await;
        self.noted(answer).map_err(|error| format!("redis: {error}"))
    }

    async fn put(&self, ticket: &str, principal: &Principal) -> RedisResult<()> {
        // Ids, a word and a time: writing them cannot fail.
        let holder = serde_json::to_string(&Holder::from(principal)).unwrap_or_default();
        let answer = self.redis.clone().set_ex(key(ticket), holder, self.life_seconds).await;
        self.noted(answer)
    }

    /// A connection that turns out to be broken is replaced and tried once more: a ticket that is taken twice is found
    /// once at most.
    async fn redeem_in_redis(&self, ticket: &str) -> Option<Principal> {
        let taken = match self.take(ticket).await {
            Err(error) if !error.is_timeout() => self.take(ticket).await,
            taken => taken,
        };
        // What another release wrote and this one cannot read is no ticket.
        let holder: Holder = serde_json::from_str(&taken.ok()??).ok()?;
        Some(holder.into())
    }

    async fn take(&self, ticket: &str) -> RedisResult<Option<String>> {
        let answer = self.redis.clone().get_del(key(ticket)).await;
        self.noted(answer)
    }

    fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// Remembers whether Redis answered, and says so when that is news.
    fn noted<T>(&self, answer: RedisResult<T>) -> RedisResult<T> {
        let was_away = self.is_away.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Err(error) if !was_away => tracing::warn!(%error, "redis is away; tickets go through postgres"),
            Ok(_) if was_away => tracing::info!("redis is back"),
            _ => {}
        }
        answer
    }

    /// The table keeps who comes, not the session it is for: the socket counts as a session of its own, which lasts as
    /// long as an access token made now would.
    async fn redeem_in_postgres(&self, ticket: &str) -> Result<Option<Principal>, AccountError> {
        let session = self.user_db.connection().await?;
        let Some(user_id) = ws_tickets::redeem(&session, &opaque::digest(ticket)).await? else {
            return Ok(None);
        };
        let user = users::find(&session, user_id).await?.filter(|user| user.disabled_at.is_none());
        // An age beyond the calendar is refused by the settings.
        let expires_at = Timestamp::now().saturating_add(self.session_life).unwrap_or(Timestamp::MAX);
        Ok(user.map(|user| Principal { user_id, role: user.role, session_id: SessionId::new(), expires_at }))
    }
}

/// Seconds as the database counts them.
pub(super) fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn key(ticket: &str) -> String {
    format!("ws_ticket:{ticket}")
}

impl From<&Principal> for Holder {
    fn from(principal: &Principal) -> Self {
        let Principal { user_id, role, session_id, expires_at } = principal.clone();
        Self { user_id, role, session_id, expires_at }
    }
}

impl From<Holder> for Principal {
    fn from(holder: Holder) -> Self {
        let Holder { user_id, role, session_id, expires_at } = holder;
        Self { user_id, role, session_id, expires_at }
    }
}
