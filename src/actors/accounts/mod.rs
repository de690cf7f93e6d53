//! Who people are: sign-up, sign-in, what follows until the log-out, and tickets for sockets.
//!
//! - **Owns:** the threads that hash passwords and the waiting rooms before them; the connection to Redis for tickets.
//! - **Receives:** [`Register`], [`Login`], [`Refresh`], [`Logout`], [`FindUser`], [`PatchUser`], [`ChangePassword`],
//!   [`CloseAccount`], [`ResetPassword`] and [`IssueTicket`] from the HTTP listeners, [`RedeemTicket`] from the socket's door.
//! - **Sends:** nothing but questions to `Revocations`; what it ends goes into the view before it answers.
//! - **Invariant:** a ticket opens one socket, a refresh token one access token; no token outlives its family; a wrong name
//!   costs as much time as a wrong password; no password, token or ticket is stored or logged in a form that opens anything.
//! - **On failure:** keeps no state beside its connections, so a rebuild loses nothing. While Redis is away tickets go
//!   through Postgres.

mod administrators;
mod error;
mod hasher;
mod messages;
pub(in crate::actors) mod opaque;
mod profile;
mod resets;
pub mod rules;
mod sessions;
mod settings;
mod tickets;
mod tokens;
mod verified;

pub use administrators::{create_admin, find_account, promote_to_admin};
pub use error::AccountError;
pub use hasher::{HashError, hash_password};
pub use messages::{
    ChangePassword, CloseAccount, FindUser, IssueTicket, Login, Logout, PatchUser, RedeemTicket, Refresh,
    Register, ResetPassword, SignedIn, Ticket,
};
pub use settings::{AuthSettings, PasswordHashSettings};
pub use tokens::{AccessToken, NoPublicKey, PublicKey, TokenError, Tokens};

use std::sync::Arc;

use actix::{Actor, Context, Handler};

use self::hasher::Hasher;
use self::tickets::Tickets;
use super::probe;
use super::redis_link::{RedisAccess, RedisLink};
use super::revocations::{Blacklist, Gate};
use super::system::{Answer, Lifeline};
use crate::models::store::{StoreError, UserDb, users};
use crate::models::{NewUser, Origin, PasswordHash, Principal, Role, User, UserId};

/// What [`Accounts`] is built from, the same for each of its lives.
#[derive(Clone)]
pub struct AccountsParts {
    /// Where the accounts are.
    pub user_db: UserDb,
    /// Where the tickets are.
    pub redis: RedisAccess,
    /// Whether sessions go on; what is ended here is shown to it first.
    pub gate: Gate,
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
    access_token_seconds: u64,
    refresh_token_seconds: u64,
    sessions_per_user_max: i64,
    reserved_usernames: Arc<[String]>,
    hasher: Hasher,
    tickets: Tickets,
    gate: Gate,
    blacklist: Blacklist,
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
        let AccountsParts { user_db, redis, gate, tokens, settings, ticket_seconds } = self.parts.clone();
        let hasher = Hasher::new(&settings).map_err(|error| error.to_string())?;
        let link = RedisLink::new(redis).map_err(|error| format!("redis: {error}"))?;
        let tickets = Tickets::new(link.clone(), user_db.clone(), ticket_seconds);
        let blacklist = Blacklist::new(link, settings.access_token_seconds);
        Ok(Works {
            user_db,
            tokens,
            access_token_seconds: settings.access_token_seconds,
            refresh_token_seconds: settings.refresh_token_seconds,
            sessions_per_user_max: i64::from(settings.sessions_per_user_max),
            reserved_usernames: settings.reserved_usernames.into(),
            hasher,
            tickets,
            gate,
            blacklist,
        })
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

    fn handle(&mut self, wish: Login, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.login(wish))
    }
}

impl Handler<Refresh> for Accounts {
    type Result = Answer<Result<SignedIn, AccountError>>;

    fn handle(&mut self, wish: Refresh, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.refresh(wish))
    }
}

impl Handler<Logout> for Accounts {
    type Result = Answer<Result<(), AccountError>>;

    fn handle(&mut self, wish: Logout, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.logout(wish))
    }
}

impl Handler<FindUser> for Accounts {
    type Result = Answer<Result<User, AccountError>>;

    fn handle(&mut self, FindUser { id }: FindUser, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.find(id))
    }
}

impl Handler<PatchUser> for Accounts {
    type Result = Answer<Result<User, AccountError>>;

    fn handle(&mut self, wish: PatchUser, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.patch(wish))
    }
}

impl Handler<ChangePassword> for Accounts {
    type Result = Answer<Result<(), AccountError>>;

    fn handle(&mut self, wish: ChangePassword, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.change_password(wish))
    }
}

impl Handler<ResetPassword> for Accounts {
    type Result = Answer<Result<(), AccountError>>;

    fn handle(&mut self, wish: ResetPassword, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.reset_password(wish))
    }
}

impl Handler<CloseAccount> for Accounts {
    type Result = Answer<Result<(), AccountError>>;

    fn handle(&mut self, wish: CloseAccount, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.close(wish))
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

    fn handle(&mut self, wish: RedeemTicket, _context: &mut Self::Context) -> Self::Result {
        self.answer(|works| works.redeem(wish))
    }
}

impl Works {
    /// A ticket is used up whoever comes with it; the session that bought it has to go on.
    async fn redeem(self, RedeemTicket { ticket }: RedeemTicket) -> Result<Principal, AccountError> {
        let principal = self.tickets.redeem(&ticket).await?;
        self.gate.check(&principal).await?;
        Ok(principal)
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
/// [`AccountError::UsernameTaken`] when somebody has that name in another case; or when the database fails.
pub async fn ensure_admin(
    user_db: &UserDb,
    username: &str,
    password_hash: PasswordHash,
    origin: &Origin,
) -> Result<bool, AccountError> {
    let admin = NewUser {
        id: UserId::new(),
        username: username.to_owned(),
        email: None,
        password_hash,
        role: Role::Admin,
    };
    let session = user_db.connection().await?;
    let found = users::ensure_admin(&session, &admin, origin).await?;
    found.map(|(_admin, is_new)| is_new).ok_or(AccountError::UsernameTaken)
}
