//! Everybody's accounts, as administrators see them and decide about them. An actor apart from `Accounts`, so that what needs no
//! owner cannot be asked where users are served.
//!
//! - **Owns:** nothing but its ways to both databases and to Redis: the rows are the truth.
//! - **Receives:** the messages of `messages.rs` from `http::admin`.
//! - **Sends:** nothing; what it ends goes into the view of ended sessions before it answers, and Postgres tells the others.
//! - **Invariant:** whoever may do less from now on is signed out everywhere in the transaction of the decision; nobody can
//!   take the platform's administration from themselves.
//! - **On failure:** keeps no state, so a rebuild loses nothing. Limits are in the other database: where that fails after the
//!   account was changed, the decision can be sent again.

mod error;
mod messages;

pub use error::UserRegistryError;
pub use messages::{
    Decision, FindAnyUser, GovernUser, Governed, ListUsers, PasswordReset, ResetUsersPassword,
};

use std::collections::HashMap;

use actix::{Actor, Context, Handler};

use super::accounts::opaque;
use super::redis_link::{RedisAccess, RedisLink};
use super::revocations::{Blacklist, Gate};
use super::system::{Answer, Lifeline};
use crate::models::store::{SharedDb, UserDb, password_resets, sessions, usage, users};
use crate::models::{Origin, Page, Usage, User, UserId};

/// How long a token for another password is good: long enough to be handed over by a person.
const RESET_SECONDS: i64 = 3_600;

/// What [`UserRegistry`] is built from, the same for each of its lives.
#[derive(Clone)]
pub struct UserRegistryParts {
    /// Where the accounts are.
    pub user_db: UserDb,
    /// Where their usage is counted.
    pub shared_db: SharedDb,
    /// Where ended sessions are told, too.
    pub redis: RedisAccess,
    /// Whether sessions go on; what is ended here is shown to it first.
    pub gate: Gate,
    /// How long an ended session has to be remembered.
    pub access_token_seconds: u64,
}

/// The actor. All of its answers overlap: the pools are the bound, and the database keeps writers of one row apart.
pub struct UserRegistry {
    parts: UserRegistryParts,
    blacklist: Option<Blacklist>,
    lifeline: Lifeline,
}

#[derive(Clone)]
struct Works {
    user_db: UserDb,
    shared_db: SharedDb,
    gate: Gate,
    blacklist: Blacklist,
}

impl UserRegistry {
    /// The name of its handle.
    pub const NAME: &'static str = "user_registry";

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub const fn new(parts: UserRegistryParts, lifeline: Lifeline) -> Self {
        Self { parts, blacklist: None, lifeline }
    }

    fn answer<T, F>(&self, work: impl FnOnce(Works) -> F) -> Answer<Result<T, UserRegistryError>>
    where
        T: 'static,
        F: Future<Output = Result<T, UserRegistryError>> + 'static,
    {
        let UserRegistryParts { user_db, shared_db, gate, .. } = self.parts.clone();
        let working = self
            .blacklist
            .clone()
            .map(|blacklist| work(Works { user_db, shared_db, gate, blacklist }))
            // Without it the life has been ended already, and this is never seen.
            .ok_or_else(|| UserRegistryError::Settings("it could not be built".to_owned()));
        self.lifeline.answer(async move { working?.await })
    }
}

impl Actor for UserRegistry {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        match RedisLink::new(self.parts.redis.clone()) {
            Ok(link) => {
                self.blacklist = Some(Blacklist::new(link, self.parts.access_token_seconds));
                self.lifeline.ready();
            }
            Err(error) => self.lifeline.fail(format!("redis: {error}")),
        }
    }
}

impl Handler<ListUsers> for UserRegistry {
    type Result = Answer<Result<Page<Governed>, UserRegistryError>>;

    fn handle(&mut self, question: ListUsers, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| async move {
            let ListUsers { filter, before, limit } = question;
            let page = {
                let session = works.user_db.connection().await?;
                users::list(&session, filter, before, limit).await?
            };
            let ids: Vec<UserId> = page.items.iter().map(|user| user.id).collect();
            let session = works.shared_db.connection().await?;
            let mut usages: HashMap<UserId, Usage> =
                usage::find_many(&session, &ids).await?.into_iter().collect();
            Ok(page.map(|user| Governed { usage: usages.remove(&user.id).unwrap_or_default(), user }))
        })
    }
}

impl Handler<FindAnyUser> for UserRegistry {
    type Result = Answer<Result<Governed, UserRegistryError>>;

    fn handle(&mut self, FindAnyUser { id }: FindAnyUser, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| async move { works.with_usage(works.find(id).await?).await })
    }
}

impl Handler<GovernUser> for UserRegistry {
    type Result = Answer<Result<Governed, UserRegistryError>>;

    fn handle(&mut self, wish: GovernUser, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.govern(wish))
    }
}

impl Handler<ResetUsersPassword> for UserRegistry {
    type Result = Answer<Result<PasswordReset, UserRegistryError>>;

    fn handle(&mut self, wish: ResetUsersPassword, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| async move {
            let ResetUsersPassword { id, by, origin } = wish;
            let token = opaque::fresh();
            let session = works.user_db.connection().await?;
            let digest = opaque::digest(&token);
            if !password_resets::issue(&session, id, &digest, by, RESET_SECONDS, &origin).await? {
                return Err(UserRegistryError::NotFound(id));
            }
            tracing::info!(user.id = %id, by = %by, "a token for another password was made");
            Ok(PasswordReset { token, expires_in_seconds: RESET_SECONDS.unsigned_abs() })
        })
    }
}

impl Works {
    async fn find(&self, id: UserId) -> Result<User, UserRegistryError> {
        let session = self.user_db.connection().await?;
        users::find(&session, id).await?.ok_or(UserRegistryError::NotFound(id))
    }

    async fn with_usage(&self, user: User) -> Result<Governed, UserRegistryError> {
        let session = self.shared_db.connection().await?;
        let usage = usage::find(&session, user.id).await?;
        Ok(Governed { user, usage })
    }

    async fn govern(self, wish: GovernUser) -> Result<Governed, UserRegistryError> {
        let GovernUser { id, decision, expected, by, origin } = wish;
        let Decision { role, disabled, limits } = decision;
        if id == by && (role.is_some() || disabled == Some(true)) {
            return Err(UserRegistryError::Own);
        }
        let user = if role.is_some() || disabled.is_some() {
            self.change(id, &decision, expected, &origin).await?
        } else {
            let found = self.find(id).await?;
            if expected.is_some_and(|expected| expected != found.state()) {
                return Err(UserRegistryError::Stale);
            }
            found
        };
        if !limits.names().is_empty() {
            let session = self.shared_db.connection().await?;
            usage::limit(&session, id, &limits, &origin).await?;
        }
        tracing::info!(user.id = %id, by = %by, ?decision, "an administrator has decided about an account");
        self.with_usage(user).await
    }

    async fn change(
        &self,
        id: UserId,
        decision: &Decision,
        expected: Option<i64>,
        origin: &Origin,
    ) -> Result<User, UserRegistryError> {
        let mut connection = self.user_db.connection().await?;
        let transaction = connection.transaction().await?;
        sessions::name_origin(&transaction, origin).await?;
        let Decision { role, disabled, .. } = *decision;
        let changed = users::govern(&transaction, id, role, disabled, expected, origin).await?;
        let Some(user) = changed else {
            let is_there = users::find(&transaction, id).await?.is_some();
            let is_stale = is_there && expected.is_some();
            return Err(if is_stale { UserRegistryError::Stale } else { UserRegistryError::NotFound(id) });
        };
        let ended = sessions::list_revoked_of_user(&transaction, id).await?;
        transaction.commit().await?;
        // First here, so that this replica refuses the tokens before it answers.
        self.gate.view().learn(&ended);
        self.gate.view().doubt_user(id);
        self.blacklist.add(None, &ended).await;
        Ok(user)
    }
}
