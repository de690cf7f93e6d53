//! Which sessions were ended before their tokens expire, in memory, for every thread that serves requests.
//!
//! - **Owns:** a connection that LISTENs on `user_psql`, the [`RevocationView`], and the list in Redis.
//! - **Receives:** [`CheckSession`] while the view is not fresh; NOTIFY on `sessions_revoked`.
//! - **Sends:** nothing; `WsSessions` reads the view's journal at each of its ticks.
//! - **Invariant:** what the view calls good was not revoked two seconds ago, by whichever replica; what it calls revoked
//!   never becomes good again; when it does not know, Redis or Postgres is asked, and when neither knows nobody comes in.
//! - **On failure:** the view outlives the actor: what is revoked stays so, and it is stale until the rebuilt actor has
//!   read all of it anew.
//!
//! See `docs/decisions/0007-revocations.md`.

mod blacklist;
mod error;
mod feed;
mod gate;
mod messages;
mod view;

pub use blacklist::Blacklist;
pub use error::RevocationError;
pub use gate::Gate;
pub use messages::CheckSession;
pub use view::{RevocationView, Standing};

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler};
use tokio::time::timeout;

use super::redis_link::{RedisAccess, RedisLink};
use super::system::{Answer, Lifeline};
use crate::models::store::{UserDb, sessions};
use crate::models::{SessionId, TokenId};

/// How long Postgres may take to say whether one session goes on. Longer keeps requests waiting when both are away.
const POSTGRES_WITHIN: Duration = Duration::from_secs(1);

/// What [`Revocations`] is built from, the same for each of its lives.
#[derive(Clone)]
pub struct RevocationsParts {
    /// Where the sessions are.
    pub user_db: UserDb,
    /// Where the list is for those who cannot ask Postgres.
    pub redis: RedisAccess,
    /// What is filled.
    pub view: RevocationView,
    /// Life of an access token, in seconds: for so long the list in Redis may be believed after the last look.
    pub access_token_seconds: u64,
}

/// The actor. Its answers overlap.
pub struct Revocations {
    parts: RevocationsParts,
    lifeline: Lifeline,
    blacklist: Option<Blacklist>,
}

impl Revocations {
    /// The name of its handle.
    pub const NAME: &'static str = "revocations";

    /// An actor that connects to nothing before it is started.
    #[must_use]
    pub fn new(parts: RevocationsParts, lifeline: Lifeline) -> Self {
        Self { parts, lifeline, blacklist: None }
    }
}

impl Actor for Revocations {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let RevocationsParts { user_db, redis, view, access_token_seconds } = self.parts.clone();
        let link = match RedisLink::new(redis) {
            Ok(link) => link,
            Err(error) => return self.lifeline.fail(format!("redis: {error}")),
        };
        let blacklist = Blacklist::new(link, access_token_seconds);
        self.blacklist = Some(blacklist.clone());
        // In the actor's own context, so that they end with the actor, and their panic is the actor's.
        context.spawn(actix::fut::wrap_future(feed::follow(user_db, view.clone(), self.lifeline.clone())));
        context.spawn(actix::fut::wrap_future(blacklist.keep(view)));
    }
}

impl Handler<CheckSession> for Revocations {
    type Result = Answer<Result<(), RevocationError>>;

    fn handle(&mut self, question: CheckSession, _context: &mut Self::Context) -> Self::Result {
        let CheckSession { session_id, token_id } = question;
        let (blacklist, user_db) = (self.blacklist.clone(), self.parts.user_db.clone());
        self.lifeline.answer(async move {
            match look_up(blacklist, &user_db, session_id, token_id).await {
                Some(true) => Ok(()),
                Some(false) => Err(RevocationError::Ended),
                None => Err(RevocationError::Unknown),
            }
        })
    }
}

/// Whether the session goes on; `None` when nobody can say.
async fn look_up(
    blacklist: Option<Blacklist>,
    user_db: &UserDb,
    session_id: SessionId,
    token_id: TokenId,
) -> Option<bool> {
    if let Some(blacklist) = blacklist
        && let Some(is_live) = blacklist.is_live(session_id, token_id).await
    {
        return Some(is_live);
    }
    let asked = timeout(POSTGRES_WITHIN, async {
        let session = user_db.connection().await?;
        sessions::is_live(&session, session_id).await
    });
    asked.await.ok()?.ok()
}
