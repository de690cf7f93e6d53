//! Tickets that open a socket, in `user_psql`, as digests: used while Redis is away.

use jiff::Timestamp;

use super::error::StoreError;
use super::session::{self, Session, UserSide};
use crate::models::ids::{ApiKeyId, SessionId, TokenId, UserId};

const INSERT: &str = include_str!("sql/ws_tickets/insert.sql");
const REDEEM: &str = include_str!("sql/ws_tickets/redeem.sql");
const DELETE_EXPIRED: &str = include_str!("sql/ws_tickets/delete_expired.sql");

/// For whom a ticket is: a session or an API key, for as long as the access token or the key lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketHolder {
    /// Who comes with it.
    pub user_id: UserId,
    /// In which session, and with which access token it was bought; `None` for an API key.
    pub session: Option<(SessionId, TokenId)>,
    /// The API key that it was bought with.
    pub api_key_id: Option<ApiKeyId>,
    /// When the access token or the key expires.
    pub session_expires_at: Timestamp,
}

/// Remembers a ticket for that many seconds, by the database's clock.
///
/// # Errors
/// [`StoreError::Reference`] when the account is gone.
pub async fn insert(
    db: &impl Session<UserSide>,
    ticket_hash: &[u8],
    holder: &TicketHolder,
    lifetime_seconds: i64,
) -> Result<(), StoreError> {
    let TicketHolder { user_id, session, api_key_id, session_expires_at } = holder;
    let (session_id, token_id) = session.unzip();
    let _one = session::run(
        db,
        INSERT,
        &[&ticket_hash, user_id, &session_id, &token_id, api_key_id, session_expires_at, &lifetime_seconds],
    )
    .await?;
    Ok(())
}

/// Takes a ticket and tells whose it was; `None` if it is unknown, spent or expired. A ticket is good for one call.
///
/// # Errors
/// Only those of the database itself.
pub async fn redeem(
    db: &impl Session<UserSide>,
    ticket_hash: &[u8],
) -> Result<Option<TicketHolder>, StoreError> {
    let Some(row) = session::optional(db, REDEEM, &[&ticket_hash]).await? else {
        return Ok(None);
    };
    if !row.try_get::<_, bool>("is_valid")? {
        return Ok(None);
    }
    let (session, token) = (row.try_get("session_id")?, row.try_get("token_id")?);
    let session: Option<SessionId> = session;
    Ok(Some(TicketHolder {
        user_id: row.try_get("user_id")?,
        session: session.zip(token),
        api_key_id: row.try_get("api_key_id")?,
        session_expires_at: row.try_get("session_expires_at")?,
    }))
}

/// Forgets up to `limit` tickets that nobody redeemed in time; tells how many.
///
/// # Errors
/// Only those of the database itself.
pub async fn delete_expired(db: &impl Session<UserSide>, limit: i64) -> Result<u64, StoreError> {
    session::run(db, DELETE_EXPIRED, &[&limit]).await
}
