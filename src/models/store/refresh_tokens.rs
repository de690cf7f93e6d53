//! Refresh tokens, in `user_psql`, as digests. The first of a family is made by [`super::sessions::begin`].

use super::error::StoreError;
use super::pool::Transaction;
use super::session::{self, UserSide};
use crate::models::ids::{RefreshTokenId, SessionId, UserId};
use crate::models::user::Role;

const FIND: &str = include_str!("sql/refresh_tokens/find.sql");
const ROTATE: &str = include_str!("sql/refresh_tokens/rotate.sql");

/// A token that somebody came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its id.
    pub id: RefreshTokenId,
    /// The sign-in it belongs to.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// What that person may do now.
    pub role: Role,
    /// It was used before.
    pub is_spent: bool,
    /// It is young enough, its session goes on and its account is open; whether it is spent is another question.
    pub is_good: bool,
}

/// The token that takes the place of another.
#[derive(Clone, Debug)]
pub struct NextToken<'a> {
    /// Its id.
    pub id: RefreshTokenId,
    /// The digest of the token; the token itself is not kept.
    pub token_hash: &'a [u8],
    /// How long it is good for, by the database's clock.
    pub lifetime_seconds: i64,
    /// How long an access token that is made now may be taken for good.
    pub access_seconds: i64,
}

/// The token of that digest. Ask for it under the lock of its session, or it may be spent by the time you look.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(
    db: &Transaction<'_, UserSide>,
    token_hash: &[u8],
) -> Result<Option<RefreshToken>, StoreError> {
    let Some(row) = session::optional(db, FIND, &[&token_hash]).await? else { return Ok(None) };
    Ok(Some(RefreshToken {
        id: row.try_get("id")?,
        session_id: row.try_get("family_id")?,
        user_id: row.try_get("user_id")?,
        role: row.try_get("role")?,
        is_spent: row.try_get("is_spent")?,
        is_good: row.try_get("is_good")?,
    }))
}

/// Spends a token and makes the next one of its family. Tells whether it did: a token is spent once.
///
/// # Errors
/// Only those of the database itself.
pub async fn rotate(
    db: &Transaction<'_, UserSide>,
    spent: RefreshTokenId,
    next: &NextToken<'_>,
) -> Result<bool, StoreError> {
    let rows = session::run(
        db,
        ROTATE,
        &[&spent, &next.id, &next.token_hash, &next.lifetime_seconds, &next.access_seconds],
    )
    .await?;
    Ok(rows > 0)
}
