//! Sign-ins: how they begin, go on and end.

use jiff::{SignedDuration, Timestamp};

use super::hasher::{Checked, Errand};
use super::messages::{Login, Logout, Refresh, SignedIn};
use super::tickets::seconds;
use super::{AccountError, Works, opaque};
use crate::models::store::refresh_tokens::{self, NextToken, RefreshToken};
use crate::models::store::sessions::{self, EndReason, NewSession, Revocation};
use crate::models::store::{StoreError, users};
use crate::models::{Origin, PasswordHash, Principal, RefreshTokenId, Role, SessionId, User, UserId};

/// Tokens are taken for this long past their end: what is remembered of their session lasts as long.
const LEEWAY_SECONDS: i64 = 10;

/// Sessions that one sign-in ends when there are too many: more than begin, and few enough to be done at once.
const SURPLUS_ENDED_MAX: i64 = 8;

impl Works {
    /// Once more where the account has changed while its password was looked at: two who sign in at once may both find a hash that
    /// one of them renews.
    pub(super) async fn login(self, login: Login) -> Result<SignedIn, AccountError> {
        if let Some(signed_in) = self.try_login(login.clone()).await? {
            return Ok(signed_in);
        }
        self.try_login(login).await?.ok_or(AccountError::InvalidCredentials)
    }

    async fn try_login(&self, login: Login) -> Result<Option<SignedIn>, AccountError> {
        let place = self.hasher.enter(Errand::Login)?;
        // The connection goes back before the hash: it would be held for as long as the waiting takes.
        let found = {
            let session = self.user_db.connection().await?;
            users::find_by_username(&session, login.username.trim()).await?
        };
        let (user, hash) = found.unzip();
        let Checked { is_right, better } = self.hasher.verify(place, login.password, hash.clone()).await?;
        let (Some(user), Some(hash)) = (user.filter(|user| is_right && user.disabled_at.is_none()), hash)
        else {
            return Err(AccountError::InvalidCredentials);
        };
        if login.needs.is_some_and(|needed| needed != user.role) {
            return Err(AccountError::AdminsOnly);
        }
        self.begin_session(&user, &hash, better, login.origin).await
    }

    async fn begin_session(
        &self,
        user: &User,
        checked: &PasswordHash,
        better: Option<PasswordHash>,
        origin: Origin,
    ) -> Result<Option<SignedIn>, AccountError> {
        let id = SessionId::new();
        let refresh_token = opaque::fresh();
        let new = NewSession {
            id,
            user_id: user.id,
            role: user.role,
            password_hash: better.as_ref().unwrap_or(checked),
            token_id: RefreshTokenId::new(),
            token_hash: &opaque::digest(&refresh_token),
            lifetime_seconds: seconds(self.refresh_token_seconds),
            access_seconds: self.access_seconds(),
            origin: &origin.by_user(user.id, Some(id)),
        };
        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        if let Some(better) = &better {
            users::renew_hash(&transaction, user.id, checked, better).await?;
        }
        // The password or the role has been changed, or the account closed, while it was being checked.
        if !sessions::begin(&transaction, &new).await? {
            return Ok(None);
        }
        let ended =
            sessions::revoke_surplus(&transaction, user.id, self.sessions_per_user_max, SURPLUS_ENDED_MAX)
                .await?;
        transaction.commit().await?;
        if !ended.is_empty() {
            tracing::info!(user.id = %user.id, ended = ended.len(), "sessions beyond auth.sessions_per_user_max have been ended");
            self.heard(None, &ended).await;
        }
        Ok(Some(self.signed_in(user.id, user.role, id, refresh_token)))
    }

    /// Spends a refresh token. Whoever comes second with one token is told so, and the whole family ends: one of the two
    /// has stolen it, and nobody can tell which.
    pub(super) async fn refresh(
        self,
        Refresh { token, needs, origin }: Refresh,
    ) -> Result<SignedIn, AccountError> {
        if !opaque::is_well_formed(token.expose()) {
            return Err(AccountError::InvalidRefreshToken);
        }
        let digest = opaque::digest(token.expose());
        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        let known = match sessions::lock_by_token(&transaction, &digest).await? {
            Some(_locked) => refresh_tokens::find(&transaction, &digest).await?,
            None => None,
        };
        let Some(known) = known else { return Err(AccountError::InvalidRefreshToken) };
        if known.is_spent {
            sessions::name_origin(&transaction, &origin).await?;
            let reason = EndReason::TokenReused;
            let ended =
                sessions::revoke(&transaction, known.session_id, known.user_id, reason, &origin).await?;
            transaction.commit().await?;
            return Err(self.reused(&known, ended).await);
        }
        if !known.is_good {
            return Err(AccountError::InvalidRefreshToken);
        }
        if needs.is_some_and(|needed| needed != known.role) {
            return Err(AccountError::AdminsOnly);
        }
        let refresh_token = opaque::fresh();
        let next = NextToken {
            id: RefreshTokenId::new(),
            token_hash: &opaque::digest(&refresh_token),
            lifetime_seconds: seconds(self.refresh_token_seconds),
            access_seconds: self.access_seconds(),
        };
        if !refresh_tokens::rotate(&transaction, known.id, &next).await? {
            return Err(AccountError::InvalidRefreshToken);
        }
        transaction.commit().await?;
        Ok(self.signed_in(known.user_id, known.role, known.session_id, refresh_token))
    }

    async fn reused(&self, token: &RefreshToken, ended: Option<Revocation>) -> AccountError {
        if let Some(ended) = ended {
            tracing::warn!(user.id = %token.user_id, session.id = %token.session_id, "a spent refresh token came again; its session has been ended");
            self.heard(None, &[ended]).await;
        }
        AccountError::RefreshTokenReused
    }

    /// Ends the session of an access token; one that is over already stays so.
    pub(super) async fn logout(self, Logout { principal, origin }: Logout) -> Result<(), AccountError> {
        let (session_id, _token_id) = principal.session().ok_or(AccountError::SessionNeeded)?;
        match self.revoke(session_id, principal.user_id, &origin).await {
            Ok(ended) => {
                self.heard(Some(&principal), ended.as_slice()).await;
                Ok(())
            }
            Err(error) => {
                // It has to be said again. Until then those who cannot ask Postgres, either, find it in Redis.
                let access_until = Timestamp::now() + SignedDuration::from_secs(self.access_seconds());
                let user_id = principal.user_id;
                self.blacklist
                    .add(Some(&principal), &[Revocation { session_id, user_id, access_until }])
                    .await;
                Err(error.into())
            }
        }
    }

    async fn revoke(
        &self,
        session_id: SessionId,
        user_id: UserId,
        origin: &Origin,
    ) -> Result<Option<Revocation>, StoreError> {
        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        sessions::name_origin(&transaction, origin).await?;
        let ended = sessions::revoke(&transaction, session_id, user_id, EndReason::LogOut, origin).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// Makes known what has been committed: first here, so that this replica refuses the tokens before it answers; then in
    /// Redis. The other replicas hear of it from Postgres.
    pub(super) async fn heard(&self, token: Option<&Principal>, ended: &[Revocation]) {
        self.gate.view().learn(ended);
        self.blacklist.add(token, ended).await;
    }

    fn signed_in(
        &self,
        user_id: UserId,
        role: Role,
        session_id: SessionId,
        refresh_token: String,
    ) -> SignedIn {
        let access = self.tokens.issue(user_id, role, session_id);
        SignedIn { access_token: access.token, refresh_token, expires_in_seconds: access.expires_in_seconds }
    }

    fn access_seconds(&self) -> i64 {
        seconds(self.access_token_seconds).saturating_add(LEEWAY_SECONDS)
    }
}
