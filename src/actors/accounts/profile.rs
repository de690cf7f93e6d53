//! Accounts themselves: how they are made, changed and closed.

use super::hasher::Errand;
use super::messages::{ChangePassword, CloseAccount, PatchUser, Register};
use super::rules::folded;
use super::{AccountError, Works};
use crate::models::store::{StoreError, sessions, users};
use crate::models::{NewUser, Role, User, UserId, UserPatch};

impl Works {
    pub(super) async fn register(self, wish: Register) -> Result<User, AccountError> {
        if self.is_reserved(&wish.username) {
            return Err(AccountError::UsernameTaken);
        }
        let place = self.hasher.enter(Errand::Registration)?;
        let password_hash = self.hasher.hash(place, wish.password).await?;
        let user = NewUser {
            id: UserId::new(),
            username: wish.username,
            email: wish.email,
            password_hash,
            role: Role::Developer,
        };
        let session = self.user_db.connection().await?;
        users::insert(&session, &user, &wish.origin).await.map_err(taken)
    }

    pub(super) async fn find(self, id: UserId) -> Result<User, AccountError> {
        let session = self.user_db.connection().await?;
        let user = users::find(&session, id).await?;
        user.filter(|user| user.disabled_at.is_none()).ok_or(AccountError::UserNotFound)
    }

    pub(super) async fn patch(
        self,
        PatchUser { id, patch, expected, origin }: PatchUser,
    ) -> Result<User, AccountError> {
        let present = self.clone().find(id).await?;
        if expected.is_some_and(|expected| expected != present.state()) {
            return Err(AccountError::Stale);
        }
        if patch == UserPatch::default() {
            return Ok(present);
        }
        if let Some(name) = &patch.username
            && self.is_reserved(name)
            && folded(name) != folded(&present.username)
        {
            return Err(AccountError::UsernameTaken);
        }
        let session = self.user_db.connection().await?;
        let changed = users::patch(&session, id, &patch, expected, &origin).await.map_err(taken)?;
        changed.ok_or(gone(expected))
    }

    /// The present session goes on: it has just proved that it knows the password. All others have to prove that they know
    /// the new one, and so does a sign-in that has checked the old one at this moment.
    pub(super) async fn change_password(self, wish: ChangePassword) -> Result<(), AccountError> {
        let ChangePassword { principal, current, new, origin } = wish;
        let (session_id, _token_id) = principal.session().ok_or(AccountError::SessionNeeded)?;
        let place = self.hasher.enter(Errand::Login)?;
        let known = {
            let session = self.user_db.connection().await?;
            users::find_credentials(&session, principal.user_id).await?
        };
        let Some(known) = known else { return Err(AccountError::UserNotFound) };
        if !self.hasher.verify(place, current, Some(known.clone())).await?.is_right {
            return Err(AccountError::WrongPassword);
        }
        let place = self.hasher.enter(Errand::Login)?;
        let next = self.hasher.hash(place, new).await?;

        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        sessions::name_origin(&transaction, &origin).await?;
        // Somebody else was faster, and what was checked is not the password any more.
        if !users::change_password(&transaction, principal.user_id, &known, &next, &origin).await? {
            return Err(AccountError::WrongPassword);
        }
        let ended = sessions::revoke_others(&transaction, principal.user_id, session_id).await?;
        transaction.commit().await?;
        self.heard(None, &ended).await;
        Ok(())
    }

    /// For ever. All sessions end in the same transaction, and its event tells everybody else.
    pub(super) async fn close(
        self,
        CloseAccount { principal, expected, origin }: CloseAccount,
    ) -> Result<(), AccountError> {
        // An administrator who left would leave the platform without one.
        if principal.role == Role::Admin {
            return Err(AccountError::AdminStays);
        }
        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        sessions::name_origin(&transaction, &origin).await?;
        if !users::close(&transaction, principal.user_id, expected, &origin).await? {
            return Err(gone(expected));
        }
        let ended = sessions::list_revoked_of_user(&transaction, principal.user_id).await?;
        transaction.commit().await?;
        self.gate.view().doubt_user(principal.user_id);
        self.heard(Some(&principal), &ended).await;
        Ok(())
    }

    /// Names that mean more than a person: whoever has one of them could be made administrator by a command.
    fn is_reserved(&self, username: &str) -> bool {
        let username = folded(username);
        self.reserved_usernames.iter().any(|reserved| folded(reserved) == username)
    }
}

/// Why an account was not found that was there a moment ago.
const fn gone(expected: Option<i64>) -> AccountError {
    if expected.is_some() { AccountError::Stale } else { AccountError::UserNotFound }
}

pub(super) fn taken(error: StoreError) -> AccountError {
    if error.is_conflict_on(users::USERNAME_KEY) {
        AccountError::UsernameTaken
    } else if error.is_conflict_on(users::EMAIL_KEY) {
        AccountError::EmailTaken
    } else {
        error.into()
    }
}
