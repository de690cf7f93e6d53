//! Another password for whoever has lost theirs, by a token that an administrator has handed over.

use super::hasher::Errand;
use super::messages::ResetPassword;
use super::{AccountError, Works, opaque};
use crate::models::store::{api_keys, password_resets, sessions, users};

impl Works {
    /// The token is spent, the password changed and every session and API key ended, or nothing of it.
    pub(super) async fn reset_password(self, wish: ResetPassword) -> Result<(), AccountError> {
        let ResetPassword { token, new, origin } = wish;
        if !opaque::is_well_formed(token.expose()) {
            return Err(AccountError::InvalidResetToken);
        }
        let digest = opaque::digest(token.expose());
        // Only who has a good token has something hashed.
        {
            let session = self.user_db.connection().await?;
            password_resets::find(&session, &digest).await?.ok_or(AccountError::InvalidResetToken)?;
        }
        let place = self.hasher.enter(Errand::Login)?;
        let next = self.hasher.hash(place, new).await?;

        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        sessions::name_origin(&transaction, &origin).await?;
        let user = password_resets::spend(&transaction, &digest).await?;
        let user = user.ok_or(AccountError::InvalidResetToken)?;
        if !users::set_password(&transaction, user, &next, &origin.clone().by_user(user, None)).await? {
            return Err(AccountError::InvalidResetToken);
        }
        let ended = sessions::revoke_all(&transaction, user).await?;
        // Whoever had the account may have made some.
        api_keys::revoke_all(&transaction, user).await?;
        transaction.commit().await?;
        self.gate.view().doubt_user(user);
        self.heard(None, &ended).await;
        Ok(())
    }
}
