//! Accounts, in `user_psql`.

use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, UserSide};
use crate::models::ids::UserId;
use crate::models::origin::Origin;
use crate::models::page::{Cursor, Page, PageLimit};
use crate::models::user::{NewUser, PasswordHash, Role, User, UserFilter, UserPatch};

const INSERT: &str = include_str!("sql/users/insert.sql");
const FIND: &str = include_str!("sql/users/find.sql");
const FIND_BY_USERNAME: &str = include_str!("sql/users/find_by_username.sql");
const PROMOTE: &str = include_str!("sql/users/promote.sql");
const FIND_CREDENTIALS: &str = include_str!("sql/users/find_credentials.sql");
const PATCH: &str = include_str!("sql/users/patch.sql");
const CHANGE_PASSWORD: &str = include_str!("sql/users/change_password.sql");
const CLOSE: &str = include_str!("sql/users/close.sql");
const RENEW_HASH: &str = include_str!("sql/users/renew_hash.sql");
const SET_PASSWORD: &str = include_str!("sql/users/set_password.sql");
const LIST: &str = include_str!("sql/users/list.sql");
const GOVERN: &str = include_str!("sql/users/govern.sql");
const ENSURE_ADMIN: &str = include_str!("sql/users/ensure_admin.sql");

/// The index that keeps user names apart, as [`StoreError::is_conflict_on`] knows it.
pub const USERNAME_KEY: &str = "users_username_key";
/// The index that keeps e-mail addresses apart.
pub const EMAIL_KEY: &str = "users_email_key";

/// Inserts an account.
///
/// # Errors
/// [`StoreError::Conflict`] on [`USERNAME_KEY`] or [`EMAIL_KEY`], both without regard to case.
pub async fn insert(
    db: &impl Session<UserSide>,
    user: &NewUser,
    origin: &Origin,
) -> Result<User, StoreError> {
    let row = session::one(
        db,
        INSERT,
        &[&user.id, &user.username, &user.email, &user.password_hash.expose(), &user.role, &acting(origin)],
    )
    .await?;
    User::try_from(&row)
}

/// The account of that id, closed ones included.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(db: &impl Session<UserSide>, id: UserId) -> Result<Option<User>, StoreError> {
    let row = session::optional(db, FIND, &[&id]).await?;
    row.as_ref().map(User::try_from).transpose()
}

/// The account of that name, without regard to case, with what its password is checked against; disabled
/// ones included, but none that its owner has closed.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_by_username(
    db: &impl Session<UserSide>,
    username: &str,
) -> Result<Option<(User, PasswordHash)>, StoreError> {
    let Some(row) = session::optional(db, FIND_BY_USERNAME, &[&username]).await? else {
        return Ok(None);
    };
    let hash = PasswordHash::new(row.try_get("password_hash")?);
    Ok(Some((User::try_from(&row)?, hash)))
}

/// What the password of an account that is open is checked against.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_credentials(
    db: &impl Session<UserSide>,
    id: UserId,
) -> Result<Option<PasswordHash>, StoreError> {
    let row = session::optional(db, FIND_CREDENTIALS, &[&id]).await?;
    Ok(row.map(|row| row.try_get("password_hash")).transpose()?.map(PasswordHash::new))
}

/// Changes an account that is open; `None` when there is none.
///
/// # Errors
/// [`StoreError::Conflict`] on [`USERNAME_KEY`] or [`EMAIL_KEY`].
pub async fn patch(
    db: &impl Session<UserSide>,
    id: UserId,
    patch: &UserPatch,
    expected: Option<i64>,
    origin: &Origin,
) -> Result<Option<User>, StoreError> {
    let email = patch.email.clone().flatten();
    let row = session::optional(
        db,
        PATCH,
        &[
            &id,
            &patch.username.is_some(),
            &patch.username,
            &patch.email.is_some(),
            &email,
            &expected,
            &acting(origin),
        ],
    )
    .await?;
    row.as_ref().map(User::try_from).transpose()
}

/// Gives an account another password, if `known` is still the hash of the present one. Tells whether it was.
///
/// # Errors
/// Only those of the database itself.
pub async fn change_password(
    db: &impl Session<UserSide>,
    id: UserId,
    known: &PasswordHash,
    next: &PasswordHash,
    origin: &Origin,
) -> Result<bool, StoreError> {
    let parameters: session::Parameters<'_> = &[&id, &known.expose(), &next.expose(), &acting(origin)];
    Ok(session::run(db, CHANGE_PASSWORD, parameters).await? > 0)
}

/// Keeps another hash of the password that an account has, if `known` still is the present one. Its owner sees nothing of it.
///
/// # Errors
/// Only those of the database itself.
pub async fn renew_hash(
    db: &impl Session<UserSide>,
    id: UserId,
    known: &PasswordHash,
    better: &PasswordHash,
) -> Result<(), StoreError> {
    let _none_or_one = session::run(db, RENEW_HASH, &[&id, &known.expose(), &better.expose()]).await?;
    Ok(())
}

/// Gives an account that is open another password, whatever the present one is. Tells whether there is one.
///
/// # Errors
/// Only those of the database itself.
pub async fn set_password(
    db: &impl Session<UserSide>,
    id: UserId,
    next: &PasswordHash,
    origin: &Origin,
) -> Result<bool, StoreError> {
    Ok(session::run(db, SET_PASSWORD, &[&id, &next.expose(), &acting(origin)]).await? > 0)
}

/// A page of everybody's accounts, newest first. `before` is the id of the cursor.
///
/// # Errors
/// Only those of the database itself.
pub async fn list(
    db: &impl Session<UserSide>,
    filter: UserFilter,
    before: Option<UserId>,
    limit: PageLimit,
) -> Result<Page<User>, StoreError> {
    let parameters: session::Parameters<'_> = &[&before, &filter.role, &filter.disabled, &limit.rows()];
    let rows = session::rows(db, LIST, parameters).await?;
    session::decode_page(&rows, limit, &[], |user: &User| Cursor::Uuid(user.id.as_uuid()))
}

/// Gives an account another role, closes it to its owner or opens it again; what is `None` stays as it is. Sessions that may do
/// less, or something else, end. `None` if there is no such account, its owner has closed it, or it is not in the state `expected`.
///
/// # Errors
/// Only those of the database itself.
pub async fn govern(
    db: &impl Session<UserSide>,
    id: UserId,
    role: Option<Role>,
    disabled: Option<bool>,
    expected: Option<i64>,
    origin: &Origin,
) -> Result<Option<User>, StoreError> {
    let row = session::optional(db, GOVERN, &[&id, &role, &disabled, &expected, &acting(origin)]).await?;
    row.as_ref().map(User::try_from).transpose()
}

/// Closes an account for ever; its sessions end with it. Tells whether it was open, not an administrator's, and in the state
/// `expected` ([`User::state`]), if one is expected.
///
/// # Errors
/// Only those of the database itself.
pub async fn close(
    db: &impl Session<UserSide>,
    id: UserId,
    expected: Option<i64>,
    origin: &Origin,
) -> Result<bool, StoreError> {
    Ok(session::run(db, CLOSE, &[&id, &expected, &acting(origin)]).await? > 0)
}

/// Sees to it that an account of that name is there and may do everything. One that was there keeps its password.
/// Tells whether the account is new; `None` when somebody has that name in another case.
///
/// # Errors
/// [`StoreError::Conflict`] on [`EMAIL_KEY`].
pub async fn ensure_admin(
    db: &impl Session<UserSide>,
    user: &NewUser,
    origin: &Origin,
) -> Result<Option<(User, bool)>, StoreError> {
    let row = session::optional(
        db,
        ENSURE_ADMIN,
        &[&user.id, &user.username, &user.email, &user.password_hash.expose(), &acting(origin)],
    )
    .await?;
    row.map(|row| Ok((User::try_from(&row)?, row.try_get("is_new")?))).transpose()
}

/// Makes the account of that id an administrator's. `None` if there is none, or it is closed or disabled: it may have become so
/// since it was looked up.
///
/// # Errors
/// Only those of the database itself.
pub async fn promote(
    db: &impl Session<UserSide>,
    id: UserId,
    origin: &Origin,
) -> Result<Option<User>, StoreError> {
    let row = session::optional(db, PROMOTE, &[&id, &acting(origin)]).await?;
    row.as_ref().map(User::try_from).transpose()
}

impl TryFrom<&Row> for User {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            username: row.try_get("username")?,
            email: row.try_get("email")?,
            role: row.try_get("role")?,
            disabled_at: row.try_get("disabled_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}
