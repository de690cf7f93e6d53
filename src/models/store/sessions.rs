//! Sign-ins and their end, in `user_psql`.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::pool::Transaction;
use super::session::{self, Session, UserSide};
use crate::models::ids::{RefreshTokenId, SessionId, UserId};
use crate::models::origin::Origin;
use crate::models::user::{PasswordHash, Role};

const NAME_ORIGIN: &str = include_str!("sql/sessions/name_origin.sql");
const BEGIN: &str = include_str!("sql/sessions/begin.sql");
const LOCK_BY_TOKEN: &str = include_str!("sql/sessions/lock_by_token.sql");
const REVOKE: &str = include_str!("sql/sessions/revoke.sql");
const REVOKE_OTHERS: &str = include_str!("sql/sessions/revoke_others.sql");
const REVOKE_ALL: &str = include_str!("sql/sessions/revoke_all.sql");
const REVOKE_SURPLUS: &str = include_str!("sql/sessions/revoke_surplus.sql");
const LIST_REVOKED: &str = include_str!("sql/sessions/list_revoked.sql");
const LIST_ALL_REVOKED: &str = include_str!("sql/sessions/list_all_revoked.sql");
const LIST_REVOKED_OF_USER: &str = include_str!("sql/sessions/list_revoked_of_user.sql");
const IS_LIVE: &str = include_str!("sql/sessions/is_live.sql");

/// A sign-in with its first refresh token.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// Its id.
    pub id: SessionId,
    /// Who signs in.
    pub user_id: UserId,
    /// The role that its tokens will carry.
    pub role: Role,
    /// The hash that the password was checked against.
    pub password_hash: &'a PasswordHash,
    /// The id of the refresh token.
    pub token_id: RefreshTokenId,
    /// The digest of the refresh token; the token itself is not kept.
    pub token_hash: &'a [u8],
    /// How long the refresh token is good for, by the database's clock.
    pub lifetime_seconds: i64,
    /// How long an access token that is made now may be taken for good.
    pub access_seconds: i64,
    /// The request that wishes it.
    pub origin: &'a Origin,
}

/// Why a session ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its user signs out.
    LogOut,
    /// A refresh token of it came twice.
    TokenReused,
}

impl EndReason {
    /// As the audit log has it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::LogOut => "log_out",
            Self::TokenReused => "refresh_token_reused",
        }
    }
}

/// A session that was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// When the last access token of it dies by itself.
    pub access_until: Timestamp,
}

/// What was revoked, and from where on to ask the next time.
#[derive(Clone, Debug)]
pub struct RevokedSince {
    /// Transactions before this one have nothing new to tell.
    pub horizon: i64,
    /// In no order; some may have been told before.
    pub revocations: Vec<Revocation>,
}

/// Writes down what the rest of the transaction follows from: the events of sessions and accounts that end name it.
///
/// # Errors
/// Only those of the database itself.
pub async fn name_origin(transaction: &Transaction<'_, UserSide>, origin: &Origin) -> Result<(), StoreError> {
    let _both =
        session::one(transaction, NAME_ORIGIN, &[&origin.request_id, &origin.traceparent_text()]).await?;
    Ok(())
}

/// Begins a session, unless the account has another password or role by now, is disabled or is gone. Tells whether it began.
///
/// # Errors
/// Only those of the database itself.
pub async fn begin(db: &impl Session<UserSide>, new: &NewSession<'_>) -> Result<bool, StoreError> {
    let rows = session::run(
        db,
        BEGIN,
        &[
            &new.id,
            &new.token_id,
            &new.user_id,
            &new.password_hash.expose(),
            &new.token_hash,
            &new.lifetime_seconds,
            &new.access_seconds,
            &new.role,
            &acting(new.origin),
        ],
    )
    .await?;
    Ok(rows > 0)
}

/// Keeps everybody else from changing the family of that refresh token until the transaction ends. `None` for a token
/// that was never given out or is long forgotten.
///
/// # Errors
/// [`StoreError::Busy`] when another holds it for longer than `lock_timeout`.
pub async fn lock_by_token(
    db: &Transaction<'_, UserSide>,
    token_hash: &[u8],
) -> Result<Option<SessionId>, StoreError> {
    let row = session::optional(db, LOCK_BY_TOKEN, &[&token_hash]).await?;
    Ok(row.map(|row| row.try_get("id")).transpose()?)
}

/// Ends a session of that user, with all of its refresh tokens. `None` when it was over already, or is another's.
///
/// # Errors
/// Only those of the database itself.
pub async fn revoke(
    db: &impl Session<UserSide>,
    id: SessionId,
    user_id: UserId,
    reason: EndReason,
    origin: &Origin,
) -> Result<Option<Revocation>, StoreError> {
    let row = session::optional(db, REVOKE, &[&id, &user_id, &acting(origin), &reason.as_str()]).await?;
    row.as_ref().map(Revocation::try_from).transpose()
}

/// Ends every session of that user but one.
///
/// # Errors
/// Only those of the database itself.
pub async fn revoke_others(
    db: &impl Session<UserSide>,
    user_id: UserId,
    kept: SessionId,
) -> Result<Vec<Revocation>, StoreError> {
    session::decode_all(&session::rows(db, REVOKE_OTHERS, &[&user_id, &kept]).await?)
}

/// Ends every session of that user.
///
/// # Errors
/// Only those of the database itself.
pub async fn revoke_all(db: &impl Session<UserSide>, user_id: UserId) -> Result<Vec<Revocation>, StoreError> {
    session::decode_all(&session::rows(db, REVOKE_ALL, &[&user_id]).await?)
}

/// Ends sessions of that user beyond the `kept` that were refreshed last, `limit` of them at most.
///
/// # Errors
/// Only those of the database itself.
pub async fn revoke_surplus(
    db: &Transaction<'_, UserSide>,
    user_id: UserId,
    kept: i64,
    limit: i64,
) -> Result<Vec<Revocation>, StoreError> {
    session::decode_all(&session::rows(db, REVOKE_SURPLUS, &[&user_id, &kept, &limit]).await?)
}

/// The sessions of that user that this very transaction has ended.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_revoked_of_user(
    db: &Transaction<'_, UserSide>,
    user_id: UserId,
) -> Result<Vec<Revocation>, StoreError> {
    session::decode_all(&session::rows(db, LIST_REVOKED_OF_USER, &[&user_id]).await?)
}

/// What was revoked by the transactions from `since` on and still matters: its tokens live, or died less than a minute ago.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_revoked(db: &impl Session<UserSide>, since: i64) -> Result<RevokedSince, StoreError> {
    revoked_since(&session::rows(db, LIST_REVOKED, &[&since]).await?)
}

/// Everything that was revoked and still matters, as in [`list_revoked`]. May be much.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_all_revoked(db: &impl Session<UserSide>) -> Result<RevokedSince, StoreError> {
    revoked_since(&session::rows(db, LIST_ALL_REVOKED, &[]).await?)
}

fn revoked_since(rows: &[Row]) -> Result<RevokedSince, StoreError> {
    let Some(first) = rows.first() else {
        return Err(StoreError::Shape("the revoked sessions have no horizon".to_owned()));
    };
    let horizon = first.try_get("horizon")?;
    let nothing = first.try_get::<_, Option<SessionId>>("id")?.is_none();
    let revocations = if nothing { Vec::new() } else { session::decode_all(rows)? };
    Ok(RevokedSince { horizon, revocations })
}

/// Whether the session is there and was not revoked.
///
/// # Errors
/// Only those of the database itself.
pub async fn is_live(db: &impl Session<UserSide>, id: SessionId) -> Result<bool, StoreError> {
    Ok(session::one(db, IS_LIVE, &[&id]).await?.try_get("is_live")?)
}

impl TryFrom<&Row> for Revocation {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            session_id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            access_until: row.try_get("access_until")?,
        })
    }
}
