//! Refresh tokens, in `user_psql`, as digests.

use super::error::StoreError;
use super::session::{self, Session, UserSide};
use crate::models::ids::{RefreshTokenId, SessionId, UserId};

const INSERT: &str = include_str!("sql/refresh_tokens/insert.sql");

/// A token that was just given out.
#[derive(Clone, Debug)]
pub struct NewRefreshToken<'a> {
    /// Its id.
    pub id: RefreshTokenId,
    /// The sign-in it belongs to.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The digest of the token; the token itself is not kept.
    pub token_hash: &'a [u8],
    /// How long it is good for, by the database's clock.
    pub lifetime_seconds: i64,
}

/// Remembers a token.
///
/// # Errors
/// [`StoreError::Reference`] when the account is gone.
pub async fn insert(db: &impl Session<UserSide>, token: &NewRefreshToken<'_>) -> Result<(), StoreError> {
    let _one = session::run(
        db,
        INSERT,
        &[&token.id, &token.session_id, &token.user_id, &token.token_hash, &token.lifetime_seconds],
    )
    .await?;
    Ok(())
}
