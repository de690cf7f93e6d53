//! One-time tokens for another password, in `user_psql`. Tokens are kept as digests.

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, UserSide};
use crate::models::ids::UserId;
use crate::models::origin::Origin;

const ISSUE: &str = include_str!("sql/password_resets/issue.sql");
const FIND: &str = include_str!("sql/password_resets/find.sql");
const SPEND: &str = include_str!("sql/password_resets/spend.sql");

/// Keeps a token for a user, good for `lifetime_seconds`; one that was there before is worth nothing from now on. Tells whether
/// there is such a user with an open account.
///
/// # Errors
/// Only those of the database itself.
pub async fn issue(
    db: &impl Session<UserSide>,
    user: UserId,
    token_hash: &[u8],
    issued_by: UserId,
    lifetime_seconds: i64,
    origin: &Origin,
) -> Result<bool, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&user, &token_hash, &issued_by, &lifetime_seconds, &acting(origin)];
    Ok(session::run(db, ISSUE, parameters).await? > 0)
}

/// Whose token it is, as long as it is good.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(db: &impl Session<UserSide>, token_hash: &[u8]) -> Result<Option<UserId>, StoreError> {
    let row = session::optional(db, FIND, &[&token_hash]).await?;
    Ok(row.map(|row| row.try_get("user_id")).transpose()?)
}

/// Spends a token that is good, and tells whose it was.
///
/// # Errors
/// Only those of the database itself.
pub async fn spend(db: &impl Session<UserSide>, token_hash: &[u8]) -> Result<Option<UserId>, StoreError> {
    let row = session::optional(db, SPEND, &[&token_hash]).await?;
    Ok(row.map(|row| row.try_get("user_id")).transpose()?)
}
