//! Tickets for sockets: in Redis, and in Postgres while Redis is away.

use jiff::Timestamp;
use redis::{AsyncCommands, RedisResult};
use serde::{Deserialize, Serialize};

use super::messages::Ticket;
use super::{AccountError, opaque};
use crate::actors::api_keys;
use crate::actors::redis_link::RedisLink;
use crate::models::store::ws_tickets::{self, TicketHolder};
use crate::models::store::{self, UserDb, users};
use crate::models::{ApiKeyId, Credential, Principal, Role, SessionId, TokenId, User, UserId};

/// Expired tickets that a new one in Postgres takes away: more than one, so that they grow fewer.
const EXPIRED_TAKEN_AWAY: i64 = 8;

/// Who comes with a ticket, as it is written in Redis.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Holder {
    user_id: UserId,
    role: Role,
    session_id: Option<SessionId>,
    token_id: Option<TokenId>,
    /// What the key is worth is looked up when somebody comes with the ticket.
    #[serde(default)]
    api_key_id: Option<ApiKeyId>,
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
        let holder = Holder::of(principal);
        let ticket = opaque::fresh();
        if !self.link.is_away() && self.put(&ticket, &holder).await.is_ok() {
            return Ok(Ticket { ticket, expires_in_seconds: life });
        }
        // A fresh one: Redis may have kept the first, and a ticket in both places could be used twice.
        let ticket = opaque::fresh();
        let session = self.user_db.connection().await?;
        let holder = TicketHolder {
            user_id: holder.user_id,
            session: principal.session(),
            api_key_id: holder.api_key_id,
            session_expires_at: holder.expires_at,
        };
        ws_tickets::insert(&session, &opaque::digest(&ticket), &holder, seconds(life)).await?;
        // Redis forgets by itself; here each new ticket takes away what is left of some old ones. The next one tries again.
        let _best_effort = ws_tickets::delete_expired(&session, EXPIRED_TAKEN_AWAY).await;
        Ok(Ticket { ticket, expires_in_seconds: life })
    }

    /// Looks at both places, for a ticket may be older than Redis' outage or its return; at the likelier one first.
    pub(super) async fn redeem(&self, ticket: &str) -> Result<Principal, AccountError> {
        let Holder { user_id, role, session_id, token_id, api_key_id, expires_at } =
            self.spend(ticket).await?;
        if let Some(key_id) = api_key_id {
            let session = self.user_db.connection().await?;
            let key = store::api_keys::find_good_by_id(&session, key_id).await?;
            let holder = key.map(api_keys::holder).ok_or(AccountError::InvalidTicket)?;
            return Ok(Principal { expires_at: holder.expires_at.min(expires_at), ..holder });
        }
        let credential = session_id.zip(token_id).ok_or(AccountError::InvalidTicket)?;
        let credential = Credential::Session { session_id: credential.0, token_id: credential.1 };
        Ok(Principal { user_id, role, credential, expires_at })
    }

    async fn spend(&self, ticket: &str) -> Result<Holder, AccountError> {
        if !opaque::is_well_formed(ticket) {
            return Err(AccountError::InvalidTicket);
        }
        let found = if self.link.is_away() {
            match self.redeem_in_postgres(ticket).await? {
                Some(holder) => Some(holder),
                None => self.redeem_in_redis(ticket).await,
            }
        } else {
            match self.redeem_in_redis(ticket).await {
                Some(holder) => Some(holder),
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
    async fn redeem_in_redis(&self, ticket: &str) -> Option<Holder> {
        let taken = match self.take(ticket).await {
            Err(error) if !error.is_timeout() => self.take(ticket).await,
            taken => taken,
        };
        // What another release wrote and this one cannot read is no ticket.
        serde_json::from_str(&taken.ok()??).ok()
    }

    async fn take(&self, ticket: &str) -> RedisResult<Option<String>> {
        let answer = self.link.connection().get_del(key(ticket)).await;
        self.link.noted(answer)
    }

    /// The same session as in Redis; the role is the account's own, as it is now.
    async fn redeem_in_postgres(&self, ticket: &str) -> Result<Option<Holder>, AccountError> {
        let connection = self.user_db.connection().await?;
        let Some(holder) = ws_tickets::redeem(&connection, &opaque::digest(ticket)).await? else {
            return Ok(None);
        };
        let TicketHolder { user_id, session, api_key_id, session_expires_at: expires_at } = holder;
        let (session_id, token_id) = session.unzip();
        let user = users::find(&connection, user_id).await?.filter(|user| user.disabled_at.is_none());
        let holder =
            |user: User| Holder { user_id, role: user.role, session_id, token_id, api_key_id, expires_at };
        Ok(user.map(holder))
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
    fn of(principal: &Principal) -> Self {
        let (session_id, token_id) = principal.session().unzip();
        let api_key_id = match principal.credential {
            Credential::ApiKey { key_id, .. } => Some(key_id),
            Credential::Session { .. } => None,
        };
        let Principal { user_id, role, expires_at, .. } = *principal;
        Self { user_id, role, session_id, token_id, api_key_id, expires_at }
    }
}
