//! Tickets for sockets: in Redis, and in Postgres while Redis is away.

use jiff::Timestamp;
use redis::{AsyncCommands, RedisResult};
use serde::{Deserialize, Serialize};

use super::messages::Ticket;
use super::{AccountError, opaque};
use crate::actors::redis_link::RedisLink;
use crate::models::store::ws_tickets::{self, TicketHolder};
use crate::models::store::{UserDb, users};
use crate::models::{Credential, Principal, Role, SessionId, TokenId, UserId};

/// Expired tickets that a new one in Postgres takes away: more than one, so that they grow fewer.
const EXPIRED_TAKEN_AWAY: i64 = 8;

/// Who comes with a ticket, as it is written in Redis.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Holder {
    user_id: UserId,
    role: Role,
    session_id: SessionId,
    token_id: TokenId,
    expires_at: Timestamp,
}

/// Cheap to clone: clones share the connection.
#[derive(Clone)]
pub(super) struct Tickets {
    link: RedisLink,
    user_db: UserDb,
    life_seconds: u64,
}

impl Tickets {
    pub(super) const fn new(link: RedisLink, user_db: UserDb, life_seconds: u64) -> Self {
        Self { link, user_db, life_seconds }
    }

    pub(super) async fn issue(&self, principal: &Principal) -> Result<Ticket, AccountError> {
        let life = self.life_seconds;
        let holder = Holder::of(principal).ok_or(AccountError::SessionNeeded)?;
        let ticket = opaque::fresh();
        if !self.link.is_away() && self.put(&ticket, &holder).await.is_ok() {
            return Ok(Ticket { ticket, expires_in_seconds: life });
        }
        // A fresh one: Redis may have kept the first, and a ticket in both places could be used twice.
        let ticket = opaque::fresh();
        let session = self.user_db.connection().await?;
        let holder = TicketHolder {
            user_id: holder.user_id,
            session_id: holder.session_id,
            token_id: holder.token_id,
            session_expires_at: holder.expires_at,
        };
        ws_tickets::insert(&session, &opaque::digest(&ticket), &holder, seconds(life)).await?;
        // Redis forgets by itself; here each new ticket takes away what is left of some old ones. The next one tries again.
        let _best_effort = ws_tickets::delete_expired(&session, EXPIRED_TAKEN_AWAY).await;
        Ok(Ticket { ticket, expires_in_seconds: life })
    }

    /// Looks at both places, for a ticket may be older than Redis' outage or its return; at the likelier one first.
    pub(super) async fn redeem(&self, ticket: &str) -> Result<Principal, AccountError> {
        if !opaque::is_well_formed(ticket) {
            return Err(AccountError::InvalidTicket);
        }
        let found = if self.link.is_away() {
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
        self.link.check().await
    }

    async fn put(&self, ticket: &str, holder: &Holder) -> RedisResult<()> {
        // Ids, a word and a time: writing them cannot fail.
        let holder = serde_json::to_string(holder).unwrap_or_default();
        let answer = self.link.connection().set_ex(key(ticket), holder, self.life_seconds).await;
        self.link.noted(answer)
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
        let answer = self.link.connection().get_del(key(ticket)).await;
        self.link.noted(answer)
    }

    /// The same session as in Redis; the role is the account's own, as it is now.
    async fn redeem_in_postgres(&self, ticket: &str) -> Result<Option<Principal>, AccountError> {
        let session = self.user_db.connection().await?;
        let Some(holder) = ws_tickets::redeem(&session, &opaque::digest(ticket)).await? else {
            return Ok(None);
        };
        let TicketHolder { user_id, session_id, token_id, session_expires_at: expires_at } = holder;
        let user = users::find(&session, user_id).await?.filter(|user| user.disabled_at.is_none());
        Ok(user.map(|user| Holder { user_id, role: user.role, session_id, token_id, expires_at }.into()))
    }
}

/// Seconds as the database counts them.
pub(super) fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn key(ticket: &str) -> String {
    format!("ws_ticket:{ticket}")
}

impl Holder {
    fn of(principal: &Principal) -> Option<Self> {
        let (session_id, token_id) = principal.session()?;
        let Principal { user_id, role, expires_at, .. } = *principal;
        Some(Self { user_id, role, session_id, token_id, expires_at })
    }
}

impl From<Holder> for Principal {
    fn from(holder: Holder) -> Self {
        let Holder { user_id, role, session_id, token_id, expires_at } = holder;
        Self { user_id, role, credential: Credential::Session { session_id, token_id }, expires_at }
    }
}
