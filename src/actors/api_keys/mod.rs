//! API keys: made, listed, replaced, revoked, and looked up when somebody comes with one.
//!
//! - **Owns:** its ways to `user_psql` and to Redis; what is written down about uses.
//! - **Receives:** [`CreateApiKey`], [`ListApiKeys`], [`RotateApiKey`], [`RevokeApiKey`] from `http::user`; [`FindApiKey`] from
//!   whoever serves a request with a key that nothing is known of.
//! - **Sends:** nothing: those who serve requests look at [`KnownKeys`].
//! - **Invariant:** a key that was revoked, or whose user may do less, is worth that much less on every replica as soon as it
//!   hears of it; one that does not hear asks Postgres each time. The text of a key is shown once and kept nowhere.
//! - **On failure:** keeps no truth, so a rebuild loses nothing but some times of last use.

mod cache;
mod error;
mod key;
mod known;
mod making;
mod messages;

pub use error::ApiKeyError;
pub use key::KeyHasher;
pub use known::{KeyStanding, KnownKeys};
pub use messages::{CreateApiKey, FindApiKey, ListApiKeys, RevokeApiKey, RotateApiKey, ShownKey};

use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use self::cache::Cache;
use super::redis_link::{RedisAccess, RedisLink};
use super::system::{Answer, Lifeline};
use crate::models::store::api_keys::{self, GoodKey};
use crate::models::store::{UserDb, sessions};
use crate::models::{ApiKey, Credential, Made, Page, Principal};

/// Between two times that uses are written down.
const NOTED_EVERY: Duration = Duration::from_secs(5);

/// How long a socket that was opened with a key goes on before the key has to be shown again. Less than the hour for which it
/// is told that a key has changed, so that a replica which was cut off for long has no socket left that nobody closes.
const SHOWN_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(50);

/// What [`ApiKeys`] is built from, the same for each of its lives.
#[derive(Clone)]
pub struct ApiKeysParts {
    /// Where the keys are.
    pub user_db: UserDb,
    /// Where what is known of them is shared.
    pub redis: RedisAccess,
    /// What is filled.
    pub known: KnownKeys,
    /// Good keys that one user may have.
    pub keys_per_user_max: i64,
}

/// The actor. All of its answers overlap: the pool is the bound.
pub struct ApiKeys {
    parts: ApiKeysParts,
    cache: Option<Cache>,
    lifeline: Lifeline,
}

/// What an answer takes with it.
#[derive(Clone)]
struct Works {
    user_db: UserDb,
    known: KnownKeys,
    keys_per_user_max: i64,
    cache: Cache,
}

impl ApiKeys {
    /// Its name in the tree and that of its handle.
    pub const NAME: &'static str = "api_keys";

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub const fn new(parts: ApiKeysParts, lifeline: Lifeline) -> Self {
        Self { parts, cache: None, lifeline }
    }

    fn answer<T, F>(&self, work: impl FnOnce(Works) -> F) -> Answer<Result<T, ApiKeyError>>
    where
        T: 'static,
        F: Future<Output = Result<T, ApiKeyError>> + 'static,
    {
        let ApiKeysParts { user_db, known, keys_per_user_max, .. } = self.parts.clone();
        let works = self.cache.clone().map(|cache| Works { user_db, known, keys_per_user_max, cache });
        // Without it the life has been ended already, and this is never seen.
        let working =
            works.map(work).ok_or_else(|| ApiKeyError::Settings("it could not be built".to_owned()));
        self.lifeline.answer(async move { working?.await })
    }
}

impl Actor for ApiKeys {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        match RedisLink::new(self.parts.redis.clone()) {
            Ok(link) => self.cache = Some(Cache::new(link, self.parts.known.hasher().clone())),
            Err(error) => return self.lifeline.fail(format!("redis: {error}")),
        }
        let (user_db, known) = (self.parts.user_db.clone(), self.parts.known.clone());
        context.spawn(note_uses(user_db, known).into_actor(self));
        self.lifeline.ready();
    }
}

/// Lasts as long as the actor. Times that cannot be written down are forgotten: the next use has a later one.
async fn note_uses(user_db: UserDb, known: KnownKeys) {
    loop {
        sleep(NOTED_EVERY).await;
        let uses = known.take_uses();
        if uses.is_empty() {
            continue;
        }
        let noted = async { api_keys::note_uses(&user_db.connection().await?, &uses).await };
        if let Err(error) = noted.await {
            tracing::debug!(%error, keys = uses.len(), "it is not written down when keys were used");
        }
    }
}

impl Handler<CreateApiKey> for ApiKeys {
    type Result = Answer<Result<Made<ShownKey>, ApiKeyError>>;

    fn handle(&mut self, wish: CreateApiKey, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.create(wish))
    }
}

impl Handler<RotateApiKey> for ApiKeys {
    type Result = Answer<Result<ShownKey, ApiKeyError>>;

    fn handle(&mut self, wish: RotateApiKey, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.rotate(wish))
    }
}

impl Handler<ListApiKeys> for ApiKeys {
    type Result = Answer<Result<Page<ApiKey>, ApiKeyError>>;

    fn handle(&mut self, question: ListApiKeys, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| async move {
            let ListApiKeys { owner, managing, before, limit } = question;
            let session = works.user_db.connection().await?;
            Ok(api_keys::list(&session, owner, managing, before, limit).await?)
        })
    }
}

impl Handler<RevokeApiKey> for ApiKeys {
    type Result = Answer<Result<(), ApiKeyError>>;

    fn handle(&mut self, wish: RevokeApiKey, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| async move {
            let RevokeApiKey { owner, managing, id, origin } = wish;
            let mut connection = works.user_db.connection().await?;
            let transaction = connection.transaction().await?;
            sessions::name_origin(&transaction, &origin).await?;
            if !api_keys::revoke(&transaction, id, owner, managing, &origin).await? {
                return Err(ApiKeyError::NotFound(id));
            }
            transaction.commit().await?;
            // First here, so that this replica refuses the key before it answers.
            works.known.forget(id);
            Ok(())
        })
    }
}

impl Handler<FindApiKey> for ApiKeys {
    type Result = Answer<Result<Principal, ApiKeyError>>;

    fn handle(&mut self, FindApiKey { digest }: FindApiKey, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| async move {
            let read_at = Instant::now();
            // What Redis says was true half a minute ago; of a key that has changed since it says nothing.
            let cached = if works.known.view().is_fresh() { works.cache.find(&digest).await } else { None };
            let cached = cached.filter(|key| !works.known.view().has_changed_lately(key.id, key.user_id));
            let key = match cached {
                Some(key) => key,
                None => {
                    let session = works.user_db.connection().await?;
                    let found = api_keys::find_good(&session, &digest).await?;
                    let key = found.ok_or(ApiKeyError::Invalid)?;
                    works.cache.keep(&digest, &key).await;
                    key
                }
            };
            let holder = holder(key);
            if holder.expires_at <= Timestamp::now() {
                return Err(ApiKeyError::Invalid);
            }
            works.known.keep(digest, &holder, read_at);
            Ok(holder)
        })
    }
}

/// Whoever comes with a good key.
pub(in crate::actors) fn holder(key: GoodKey) -> Principal {
    let GoodKey { id: key_id, user_id, team_id, permissions, expires_at, role } = key;
    let again_at = Timestamp::now() + SHOWN_AGAIN_AFTER;
    Principal {
        user_id,
        role,
        credential: Credential::ApiKey { key_id, permissions, team_id },
        expires_at: expires_at.map_or(again_at, |end| end.min(again_at)),
    }
}
