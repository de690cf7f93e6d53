//! Who people are: sign-up, sign-in, and tickets for sockets.
//!
//! - **Owns:** the threads that hash passwords and the waiting rooms before them; the connection to Redis for tickets.
//! - **Receives:** [`Register`], [`Login`], [`FindUser`] and [`IssueTicket`] from the HTTP listeners, [`RedeemTicket`]
//!   from the socket's door.
//! - **Sends:** nothing.
//! - **Invariant:** a ticket opens one socket; a wrong name costs as much time as a wrong password; no password, token
//!   or ticket is stored or logged in a form that opens anything.
//! - **On failure:** keeps no state beside its connections, so a rebuild loses nothing. While Redis is away tickets go
//!   through Postgres.

mod administrators;
mod error;
mod hasher;
mod messages;
mod opaque;
pub mod rules;
mod settings;
mod tickets;
mod tokens;
mod verified;

pub use administrators::{create_admin, find_account, promote_to_admin};
pub use error::AccountError;
pub use hasher::{HashError, hash_password};
pub use messages::{FindUser, IssueTicket, Login, RedeemTicket, Register, SignedIn, Ticket};
pub use settings::{AuthSettings, PasswordHashSettings};
pub use tickets::RedisAccess;
pub use tokens::{AccessToken, TokenError, Tokens};

use std::time::Duration;

use actix::{Actor, Context, Handler};

use self::hasher::{Errand, Hasher};
use self::tickets::Tickets;
use super::probe;
use super::system::{Answer, Lifeline};
use crate::models::store::refresh_tokens::{self, NewRefreshToken};
use crate::models::store::{StoreError, UserDb, users};
use crate::models::{NewUser, PasswordHash, Principal, RefreshTokenId, Role, SessionId, User, UserId};

/// What [`Accounts`] is built from, the same for each of its lives.
#[derive(Clone)]
pub struct AccountsParts {
    /// Where the accounts are.
    pub user_db: UserDb,
    /// Where the tickets are.
    pub redis: RedisAccess,
    /// Signs what a session proves itself with.
    pub tokens: Tokens,
    /// What passwords cost and how long sessions last.
    pub settings: AuthSettings,
    /// How long a ticket is good for.
    pub ticket_seconds: u64,
}

/// The actor. All of its answers overlap: the waiting rooms and the pool are the bounds.
pub struct Accounts {
    parts: AccountsParts,
    lifeline: Lifeline,
    works: Option<Works>,
}

/// What an answer takes with it.
#[derive(Clone)]
struct Works {
    user_db: UserDb,
    tokens: Tokens,
    refresh_token_seconds: u64,
    hasher: Hasher,
    tickets: Tickets,
}

impl Accounts {
    /// The name of its handle.
    pub const NAME: &'static str = "accounts";

    /// An actor that connects to nothing before it is started.
    #[must_use]
    pub fn new(parts: AccountsParts, lifeline: Lifeline) -> Self {
        Self { parts, lifeline, works: None }
    }

    fn build(&self) -> Result<Works, String> {
        let AccountsParts { user_db, redis, tokens, settings, ticket_seconds } = self.parts.clone();
        let session_life = Duration::from_secs(settings.access_token_seconds);
        let hasher = Hasher::new(&settings).map_err(|error| error.to_string())?;
        let tickets = Tickets::new(redis, user_db.clone(), ticket_seconds, session_life)
            .map_err(|error| format!("redis: {error}"))?;
        Ok(Works { user_db, tokens, refresh_token_seconds: settings.refresh_token_seconds, hasher, tickets })
    }

    fn answer<T, F>(&self, work: impl FnOnce(Works) -> F) -> Answer<Result<T, AccountError>>
    where
        T: 'static,
        F: Future<Output = Result<T, AccountError>> + 'static,
    {
        let works = self.works.clone();
        // Without its works the life has been ended already, and this is never seen.
        let working = works.map(work).ok_or_else(|| AccountError::Store(not_built()));
        self.lifeline.answer(async move { working?.await })
    }
}

fn not_built() -> StoreError {
    StoreError::Settings("accounts could not be built".to_owned())
}

impl Actor for Accounts {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        match self.build() {
            Ok(works) => {
                self.works = Some(works.clone());
                probe::watch(context, &self.lifeline, "user_psql or redis", move || works.clone().check());
            }
            Err(reason) => self.lifeline.fail(reason),
        }
    }
}

impl Handler<Register> for Accounts {
    type Result = Answer<Result<User, AccountError>>;

    fn handle(&mut self, wish: Register, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.register(wish))
    }
}

impl Handler<Login> for Accounts {
    type Result = Answer<Result<SignedIn, AccountError>>;

    fn handle(&mut self, login: Login, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.login(login))
    }
}

impl Handler<FindUser> for Accounts {
    type Result = Answer<Result<User, AccountError>>;

    fn handle(&mut self, FindUser { id }: FindUser, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.find(id))
    }
}

impl Handler<IssueTicket> for Accounts {
    type Result = Answer<Result<Ticket, AccountError>>;

    fn handle(
        &mut self,
        IssueTicket { principal }: IssueTicket,
        _context: &mut Self::Context,
    ) -> Self::Result {
        self.answer(|works| async move { works.tickets.issue(&principal).await })
    }
}

impl Handler<RedeemTicket> for Accounts {
    type Result = Answer<Result<Principal, AccountError>>;

    fn handle(
        &mut self,
        RedeemTicket { ticket }: RedeemTicket,
        _context: &mut Self::Context,
    ) -> Self::Result {
        self.answer(|works| async move { works.tickets.redeem(&ticket).await })
    }
}

impl Works {
    async fn register(self, wish: Register) -> Result<User, AccountError> {
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
        users::insert(&session, &user).await.map_err(taken)
    }

    async fn login(self, login: Login) -> Result<SignedIn, AccountError> {
        let place = self.hasher.enter(Errand::Login)?;
        // The connection goes back before the hash: it would be held for as long as the waiting takes.
        let found = {
            let session = self.user_db.connection().await?;
            users::find_by_username(&session, login.username.trim()).await?
        };
        let (user, hash) = found.unzip();
        let is_right = self.hasher.verify(place, login.password, hash).await?;
        let Some(user) = user.filter(|user| is_right && user.disabled_at.is_none()) else {
            return Err(AccountError::InvalidCredentials);
        };
        if login.needs.is_some_and(|needed| needed != user.role) {
            return Err(AccountError::AdminsOnly);
        }
        self.begin_session(&user).await
    }

    async fn begin_session(&self, user: &User) -> Result<SignedIn, AccountError> {
        let session_id = SessionId::new();
        let refresh_token = opaque::fresh();
        let row = NewRefreshToken {
            id: RefreshTokenId::new(),
            session_id,
            user_id: user.id,
            token_hash: &opaque::digest(&refresh_token),
            lifetime_seconds: tickets::seconds(self.refresh_token_seconds),
        };
        let session = self.user_db.connection().await?;
        refresh_tokens::insert(&session, &row).await?;

        let access = self.tokens.issue(user.id, user.role, session_id);
        Ok(SignedIn {
            access_token: access.token,
            refresh_token,
            expires_in_seconds: access.expires_in_seconds,
        })
    }

    async fn find(self, id: UserId) -> Result<User, AccountError> {
        let session = self.user_db.connection().await?;
        let user = users::find(&session, id).await?;
        user.filter(|user| user.disabled_at.is_none()).ok_or(AccountError::UserNotFound)
    }

    async fn check(self) -> Result<(), String> {
        let (postgres, redis) = futures_util::join!(self.user_db.check(), self.tickets.check());
        let postgres = postgres.map_err(|error| format!("user_psql: {error}"));
        let missing: Vec<String> = [postgres.err(), redis.err()].into_iter().flatten().collect();
        if missing.is_empty() { Ok(()) } else { Err(missing.join("; ")) }
    }
}

/// Sees to it that there is an administrator of that name; one who was there before keeps the password. Tells whether
/// the account is new. For commands: hash the password with [`hash_password`].
///
/// # Errors
/// When the database fails.
pub async fn ensure_admin(
    user_db: &UserDb,
    username: &str,
    password_hash: PasswordHash,
) -> Result<bool, AccountError> {
    let admin = NewUser {
        id: UserId::new(),
        username: username.to_owned(),
        email: None,
        password_hash,
        role: Role::Admin,
    };
    let session = user_db.connection().await?;
    let (_admin, is_new) = users::ensure_admin(&session, &admin).await?;
    Ok(is_new)
}

fn taken(error: StoreError) -> AccountError {
    if error.is_conflict_on(users::USERNAME_KEY) {
        AccountError::UsernameTaken
    } else if error.is_conflict_on(users::EMAIL_KEY) {
        AccountError::EmailTaken
    } else {
        error.into()
    }
}
