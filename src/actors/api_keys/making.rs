//! New keys: each made once however often its wish is sent, and in the place of others.

use super::key;
use super::messages::{CreateApiKey, RotateApiKey, ShownKey};
use super::{ApiKeyError, Works};
use crate::models::store::api_keys::{self, KeyRow};
use crate::models::store::idempotency::{self, Claim, Known};
use crate::models::store::{Transaction, UserSide, sessions, teams};
use crate::models::{ApiKey, ApiKeyId, IdempotencyKey, Made, NewApiKey, Origin, Reach};

/// What keys are used for here.
const ROUTE: &str = "POST /api-keys";

/// How often a key is tried that somebody else has, and then has not: each time another's work under it was refused.
const CLAIMS_MAX: usize = 3;

impl Works {
    pub(super) async fn create(self, wish: CreateApiKey) -> Result<Made<ShownKey>, ApiKeyError> {
        let Some(key) = &wish.key else {
            return self.make(&wish, None).await?.map(Made::anew).ok_or(ApiKeyError::KeyBusy);
        };
        let claim: Claim<'_> = (wish.wish.user_id, key);
        for _try in 0..CLAIMS_MAX {
            if let Some(made) = self.make(&wish, Some(claim)).await? {
                return Ok(Made::anew(made));
            }
            let session = self.user_db.connection().await?;
            match idempotency::find(&session, ROUTE, claim).await? {
                Known::Made(key) => {
                    return Ok(Made { thing: ShownKey { key, text: None }, is_replayed: true });
                }
                Known::OtherWork => return Err(ApiKeyError::KeyReused),
                Known::Nothing => {}
            }
        }
        Err(ApiKeyError::KeyBusy)
    }

    /// `None` if the work under that claim is done already. Whatever fails frees it: the transaction takes it back.
    async fn make(
        &self,
        CreateApiKey { wish, origin, .. }: &CreateApiKey,
        claim: Option<(crate::models::UserId, &IdempotencyKey)>,
    ) -> Result<Option<ShownKey>, ApiKeyError> {
        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        sessions::name_origin(&transaction, origin).await?;
        if let Some(claim) = claim
            && idempotency::claim(&transaction, ROUTE, &[claim]).await?.is_empty()
        {
            transaction.rollback().await?;
            return Ok(None);
        }
        let made = self.insert(&transaction, wish, None, origin).await?;
        if let Some(claim) = claim {
            idempotency::settle(&transaction, ROUTE, &[(claim, &made.key)]).await?;
        }
        transaction.commit().await?;
        Ok(Some(made))
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
