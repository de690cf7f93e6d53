//! Tickets that open a socket, in `user_psql`, as digests: used while Redis is away.

use super::error::StoreError;
use super::session::{self, Session, UserSide};
use crate::models::ids::UserId;

const INSERT: &str = include_str!("sql/ws_tickets/insert.sql");
const REDEEM: &str = include_str!("sql/ws_tickets/redeem.sql");
const DELETE_EXPIRED: &str = include_str!("sql/ws_tickets/delete_expired.sql");

/// Remembers a ticket for that many seconds, by the database's clock.
///
/// # Errors
/// [`StoreError::Reference`] when the account is gone.
pub async fn insert(
    db: &impl Session<UserSide>,
    ticket_hash: &[u8],
    user_id: UserId,
    lifetime_seconds: i64,
) -> Result<(), StoreError> {
    let _one = session::run(db, INSERT, &[&ticket_hash, &user_id, &lifetime_seconds]).await?;
    Ok(())
}

/// Takes a ticket and tells whose it was; `None` if it is unknown, spent or expired. A ticket is good for one call.
///
/// # Errors
/// Only those of the database itself.
pub async fn redeem(db: &impl Session<UserSide>, ticket_hash: &[u8]) -> Result<Option<UserId>, StoreError> {
    let Some(row) = session::optional(db, REDEEM, &[&ticket_hash]).await? else {
        return Ok(None);
    };
    let is_valid: bool = row.try_get("is_valid")?;
    let user_id = row.try_get("user_id")?;
    Ok(is_valid.then_some(user_id))
}

/// Forgets up to `limit` tickets that nobody redeemed in time; tells how many.
///
/// # Errors
/// Only those of the database itself.
pub async fn delete_expired(db: &impl Session<UserSide>, limit: i64) -> Result<u64, StoreError> {
    session::run(db, DELETE_EXPIRED, &[&limit]).await
}
