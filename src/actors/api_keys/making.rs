//! New keys: each made once however often its wish is sent, and in the place of others.

use std::cell::Cell;

use super::key;
use super::messages::{CreateApiKey, RotateApiKey, ShownKey};
use super::{ApiKeyError, Works};
use crate::models::store::api_keys::{self, KeyRow};
use crate::models::store::{Transaction, UserSide, idempotency, sessions, teams};
use crate::models::{ApiKey, ApiKeyId, Made, NewApiKey, Origin, Reach};

/// What keys are used for here.
const ROUTE: &str = "POST /api-keys";

impl Works {
    pub(super) async fn create(self, wish: CreateApiKey) -> Result<Made<ShownKey>, ApiKeyError> {
        let CreateApiKey { wish, key, origin } = wish;
        let claim = key.as_ref().map(|key| (wish.user_id, key));
        // It is kept nowhere, so whoever asks again is not shown it.
        let text = Cell::new(None);
        let work = async |transaction: &Transaction<'_, UserSide>| {
            sessions::name_origin(transaction, &origin).await?;
            let made = self.insert(transaction, &wish, None, &origin).await?;
            text.set(made.text);
            Ok::<_, ApiKeyError>(made.key)
        };
        let Made { thing: key, is_replayed } = idempotency::once(&self.user_db, ROUTE, claim, work).await?;
        Ok(Made { thing: ShownKey { key, text: text.take() }, is_replayed })
    }

    /// The old one stays good for a while, so that programs can be given the new one in their own time.
    pub(super) async fn rotate(self, wish: RotateApiKey) -> Result<ShownKey, ApiKeyError> {
        let RotateApiKey { owner, id, overlap_seconds, origin } = wish;
        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        sessions::name_origin(&transaction, &origin).await?;
        // The user before the key, as whoever closes an account does.
        if !api_keys::lock_user(&transaction, owner).await? {
            return Err(ApiKeyError::AccountClosed);
        }
        let old = api_keys::lock(&transaction, id, owner).await?.ok_or(ApiKeyError::NotFound(id))?;
        let ApiKey { user_id, team_id, name, permissions, expires_at, .. } = old;
        let next = NewApiKey { user_id, team_id, name, permissions, expires_at };
        let made = self.insert(&transaction, &next, Some(id), &origin).await?;
        api_keys::replace(&transaction, id, made.key.id, overlap_seconds).await?;
        transaction.commit().await?;
        self.known.forget(id);
        Ok(made)
    }

    async fn insert(
        &self,
        transaction: &Transaction<'_, UserSide>,
        wish: &NewApiKey,
        replaces: Option<ApiKeyId>,
        origin: &Origin,
    ) -> Result<ShownKey, ApiKeyError> {
        if !api_keys::lock_user(transaction, wish.user_id).await? {
            return Err(ApiKeyError::AccountClosed);
        }
        // Locked, so that nobody leaves the team and keeps a key of it.
        if let Some(team) = wish.team_id
            && teams::lock(transaction, Reach::from(wish.user_id), team).await?.is_none()
        {
            return Err(ApiKeyError::TeamNotFound(team));
        }
        let text = key::fresh();
        let hash = self.known.hasher().digest(text.expose());
        let row = KeyRow { id: ApiKeyId::new(), prefix: key::shown(text.expose()), hash: &hash };
        let made =
            api_keys::insert(transaction, wish, &row, self.keys_per_user_max, replaces, origin).await?;
        let key = made.ok_or(ApiKeyError::TooMany(self.keys_per_user_max))?;
        Ok(ShownKey { key, text: Some(text) })
    }
}
