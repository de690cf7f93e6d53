//! API keys, in `user_psql`. Keys are kept as digests.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::pool::Transaction;
use super::session::{self, Session, UserSide};
use crate::models::api_key::{ApiKey, NewApiKey};
use crate::models::ids::{ApiKeyId, TeamId, UserId};
use crate::models::origin::Origin;
use crate::models::page::{Cursor, Page, PageLimit};
use crate::models::permission::PermissionSet;
use crate::models::team::TeamRoles;
use crate::models::user::Role;

const LOCK_USER: &str = include_str!("sql/api_keys/lock_user.sql");
const INSERT: &str = include_str!("sql/api_keys/insert.sql");
const FIND_GOOD: &str = include_str!("sql/api_keys/find_good.sql");
const FIND_GOOD_BY_ID: &str = include_str!("sql/api_keys/find_good_by_id.sql");
const LIST: &str = include_str!("sql/api_keys/list.sql");
const LOCK: &str = include_str!("sql/api_keys/lock.sql");
const REVOKE: &str = include_str!("sql/api_keys/revoke.sql");
const REVOKE_ALL: &str = include_str!("sql/api_keys/revoke_all.sql");
const REPLACE: &str = include_str!("sql/api_keys/replace.sql");
const NOTE_USES: &str = include_str!("sql/api_keys/note_uses.sql");

/// What is kept of a key beside what was wished.
#[derive(Clone, Debug)]
pub struct KeyRow<'a> {
    /// Its id.
    pub id: ApiKeyId,
    /// The beginning of the key.
    pub prefix: &'a str,
    /// Its digest.
    pub hash: &'a [u8],
}

/// What a key is worth at this moment.
#[derive(Clone, Debug, PartialEq)]
pub struct GoodKey {
    /// Which.
    pub id: ApiKeyId,
    /// Whose.
    pub user_id: UserId,
    /// The team that it is for, if it is for one.
    pub team_id: Option<TeamId>,
    /// What it was made for.
    pub permissions: PermissionSet,
    /// From then on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// What its user may do now.
    pub role: Role,
}

/// Keeps others from making keys for that user until the transaction ends. False if their account is not open.
///
/// # Errors
/// [`StoreError::Busy`] when another holds it for longer than `lock_timeout`.
pub async fn lock_user(transaction: &Transaction<'_, UserSide>, user: UserId) -> Result<bool, StoreError> {
    Ok(session::optional(transaction, LOCK_USER, &[&user]).await?.is_some())
}

/// Keeps a key, in the place of another or not, unless its user has `keys_max` good ones. Lock the user before.
///
/// # Errors
/// Only those of the database itself.
pub async fn insert(
    transaction: &Transaction<'_, UserSide>,
    new: &NewApiKey,
    row: &KeyRow<'_>,
    keys_max: i64,
    replaces: Option<ApiKeyId>,
    origin: &Origin,
) -> Result<Option<ApiKey>, StoreError> {
    let NewApiKey { user_id, team_id, name, permissions, expires_at } = new;
    let KeyRow { id, prefix, hash } = row;
    let names = permissions.names();
    let row = session::optional(
        transaction,
        INSERT,
        &[
            id,
            user_id,
            team_id,
            name,
            prefix,
            hash,
            &names,
            expires_at,
            &keys_max,
            &acting(origin),
            &replaces,
        ],
    )
    .await?;
    row.as_ref().map(ApiKey::try_from).transpose()
}

/// What the key of that digest is worth; `None` if it is worth nothing.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_good(db: &impl Session<UserSide>, hash: &[u8]) -> Result<Option<GoodKey>, StoreError> {
    let row = session::optional(db, FIND_GOOD, &[&hash]).await?;
    row.as_ref().map(GoodKey::try_from).transpose()
}

/// The same by its id.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_good_by_id(
    db: &impl Session<UserSide>,
    id: ApiKeyId,
) -> Result<Option<GoodKey>, StoreError> {
    let row = session::optional(db, FIND_GOOD_BY_ID, &[&id]).await?;
    row.as_ref().map(GoodKey::try_from).transpose()
}

/// Somebody's keys that are not revoked, and those of teams in which they are one of `managing`, the newest first.
///
/// # Errors
/// Only those of the database itself.
pub async fn list(
    db: &impl Session<UserSide>,
    user: UserId,
    managing: TeamRoles,
    before: Option<ApiKeyId>,
    limit: PageLimit,
) -> Result<Page<ApiKey>, StoreError> {
    let parameters: session::Parameters<'_> = &[&user, &before, &limit.rows(), &managing.names()];
    let rows = session::rows(db, LIST, parameters).await?;
    session::decode_page(&rows, limit, &[], |key: &ApiKey| Cursor::Uuid(key.id.as_uuid()))
}

/// A good key of that user, which nobody else changes until the transaction ends.
///
/// # Errors
/// [`StoreError::Busy`] when another holds it for longer than `lock_timeout`.
pub async fn lock(
    transaction: &Transaction<'_, UserSide>,
    id: ApiKeyId,
    user: UserId,
) -> Result<Option<ApiKey>, StoreError> {
    let row = session::optional(transaction, LOCK, &[&id, &user]).await?;
    row.as_ref().map(ApiKey::try_from).transpose()
}

/// Ends a key for ever that is that user's, or of a team in which they are one of `managing`; false if there is none that goes on.
///
/// # Errors
/// Only those of the database itself.
pub async fn revoke(
    db: &impl Session<UserSide>,
    id: ApiKeyId,
    user: UserId,
    managing: TeamRoles,
    origin: &Origin,
) -> Result<bool, StoreError> {
    let parameters: session::Parameters<'_> = &[&id, &user, &acting(origin), &managing.names()];
    Ok(session::optional(db, REVOKE, parameters).await?.is_some())
}

/// Ends all keys of that user for ever.
///
/// # Errors
/// Only those of the database itself.
pub async fn revoke_all(db: &impl Session<UserSide>, user: UserId) -> Result<(), StoreError> {
    let _as_many = session::run(db, REVOKE_ALL, &[&user]).await?;
    Ok(())
}

/// Has a key end in `overlap_seconds`, because another has taken its place.
///
/// # Errors
/// Only those of the database itself.
pub async fn replace(
    db: &impl Session<UserSide>,
    id: ApiKeyId,
    by: ApiKeyId,
    overlap_seconds: i64,
) -> Result<(), StoreError> {
    let _one = session::run(db, REPLACE, &[&id, &by, &overlap_seconds]).await?;
    Ok(())
}

/// Notes when keys were used.
///
/// # Errors
/// Only those of the database itself.
pub async fn note_uses(
    db: &impl Session<UserSide>,
    uses: &[(ApiKeyId, Timestamp)],
) -> Result<(), StoreError> {
    let (ids, times): (Vec<ApiKeyId>, Vec<Timestamp>) = uses.iter().copied().unzip();
    let _as_many = session::run(db, NOTE_USES, &[&ids, &times]).await?;
    Ok(())
}

fn permissions(row: &Row) -> Result<PermissionSet, StoreError> {
    let names: Vec<&str> = row.try_get("permissions")?;
    Ok(PermissionSet::of_names(names))
}

impl TryFrom<&Row> for ApiKey {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            team_id: row.try_get("team_id")?,
            name: row.try_get("name")?,
            prefix: row.try_get("prefix")?,
            permissions: permissions(row)?,
            created_at: row.try_get("created_at")?,
            expires_at: row.try_get("expires_at")?,
            last_used_at: row.try_get("last_used_at")?,
            replaced_by: row.try_get("replaced_by")?,
        })
    }
}

impl TryFrom<&Row> for GoodKey {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            team_id: row.try_get("team_id")?,
            permissions: permissions(row)?,
            expires_at: row.try_get("expires_at")?,
            role: row.try_get("role")?,
        })
    }
}
