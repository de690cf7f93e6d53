//! Administrators, as commands make them: before there is one, nobody can ask the API for one.

use super::error::AccountError;
use crate::models::store::{UserDb, users};
use crate::models::{NewUser, Origin, PasswordHash, Role, User, UserId};

/// The account of that name, in whatever case; disabled ones included, but none that its owner has closed.
///
/// # Errors
/// When the database fails.
pub async fn find_account(user_db: &UserDb, username: &str) -> Result<Option<User>, AccountError> {
    let session = user_db.connection().await?;
    let found = users::find_by_username(&session, username).await?;
    Ok(found.map(|(user, _hash)| user))
}

/// Makes an administrator. Hash the password with `hash_password`.
///
/// # Errors
/// [`AccountError::UsernameTaken`] when there is an account of that name; or when the database fails.
pub async fn create_admin(
    user_db: &UserDb,
    username: &str,
    password_hash: PasswordHash,
    origin: &Origin,
) -> Result<User, AccountError> {
    let admin = NewUser {
        id: UserId::new(),
        username: username.to_owned(),
        email: None,
        password_hash,
        role: Role::Admin,
    };
    let session = user_db.connection().await?;
    users::insert(&session, &admin, origin).await.map_err(super::profile::taken)
}

/// Makes somebody an administrator who has an account already, and keeps the password.
///
/// # Errors
/// [`AccountError::UserNotFound`] when the account is gone, closed or disabled; or when the database fails.
pub async fn promote_to_admin(user_db: &UserDb, id: UserId, origin: &Origin) -> Result<User, AccountError> {
    let session = user_db.connection().await?;
    users::promote(&session, id, origin).await?.ok_or(AccountError::UserNotFound)
}
