//! The list of ended sessions in Redis, for replicas that cannot hear Postgres.
//!
//! `blacklist:{jti}` and `blacklist:{session_id}` are "1" until the last token they are about has expired. Redis may have
//! lost some of them, or never have been told while it was away: so `blacklist:whole` says that some replica has written
//! everything there is. Without that key a session that is not on the list is not taken for good. A Redis that was restarted
//! may have that key from a snapshot that is older than some entries: so each of its lives is told everything.

use std::time::Duration;

use jiff::Timestamp;
use redis::{AsyncCommands, InfoDict, RedisResult};
use tokio::time::sleep;

use super::RevocationView;
use crate::actors::redis_link::RedisLink;
use crate::models::store::sessions::Revocation;
use crate::models::{Principal, SessionId, TokenId};

/// Says that the list is whole.
const WHOLE: &str = "blacklist:whole";

/// Between two rounds. Longer leaves the list behind after Redis was away.
const ROUND_EVERY: Duration = Duration::from_secs(1);

/// Entries that one command brings; a first round may have many.
const BATCH_MAX: usize = 500;

/// Cheap to clone: clones share the connection.
#[derive(Clone)]
pub struct Blacklist {
    link: RedisLink,
    believed_seconds: u64,
}

/// What Redis has been told.
#[derive(Default)]
struct Brought {
    /// The last of the view's journal.
    last: u64,
    /// Which Redis it was.
    life: Option<String>,
}

impl Blacklist {
    /// A list that may be believed for `believed_seconds` after the last replica that hears Postgres has looked after it:
    /// no longer than an access token lives.
    #[must_use]
    pub const fn new(link: RedisLink, believed_seconds: u64) -> Self {
        Self { link, believed_seconds }
    }

    /// Puts an access token and sessions on the list, as far as Redis is there: whoever hears of them from Postgres puts the
    /// sessions there, too, and goes on trying.
    pub async fn add(&self, token: Option<&Principal>, revocations: &[Revocation]) {
        if self.link.is_away() {
            return;
        }
        let token = token.and_then(|token| Some((key(token.session()?.1), token.expires_at)));
        let sessions = revocations.iter().map(|ended| (key(ended.session_id), ended.access_until));
        let _the_feed_tries_again = self.write(token.into_iter().chain(sessions)).await;
    }

    /// Whether the session goes on; `None` when Redis cannot say.
    pub(super) async fn is_live(&self, session_id: SessionId, token_id: TokenId) -> Option<bool> {
        if self.link.is_away() {
            return None;
        }
        let keys = [key(token_id), key(session_id), WHOLE.to_owned()];
        let answer: RedisResult<Vec<Option<String>>> = self.link.connection().mget(&keys).await;
        let found = self.link.noted(answer).ok()?;
        let [token, session, whole] = found.as_slice() else { return None };
        if token.is_some() || session.is_some() {
            return Some(false);
        }
        whole.is_some().then_some(true)
    }

    /// Looks after the list as long as the actor lives: brings what the view learns, and everything when the list is not
    /// whole any more.
    pub(super) async fn keep(self, view: RevocationView) {
        let mut brought = Brought::default();
        loop {
            if view.is_fresh() {
                if let Ok(more) = self.round(&view, &brought).await {
                    brought = more;
                }
            } else {
                // So that it is known whether Redis is there when it is needed most.
                let _noted = self.link.check().await;
            }
            sleep(ROUND_EVERY).await;
        }
    }

    async fn round(&self, view: &RevocationView, brought: &Brought) -> RedisResult<Brought> {
        let mut connection = self.link.connection();
        let life = self.life().await?;
        let is_another = brought.life.is_some() && brought.life != life;
        let answer = if is_another {
            connection.del::<_, ()>(WHOLE).await.map(|()| false)
        } else {
            connection.exists(WHOLE).await
        };
        let is_whole: bool = self.link.noted(answer)?;
        let (news, last) = view.learned_since(if is_whole { brought.last } else { 0 });
        self.write(news.iter().map(|ended| (key(ended.session_id), ended.access_until))).await?;
        let seconds = self.believed_seconds;
        let answer = if is_whole {
            // Not set: had Redis lost everything in between, it would be called whole with nothing but the news in it.
            connection.expire::<_, ()>(WHOLE, i64::try_from(seconds).unwrap_or(i64::MAX)).await
        } else {
            connection.set_ex::<_, _, ()>(WHOLE, "1", seconds).await
        };
        self.link.noted(answer)?;
        Ok(Brought { last, life })
    }

    /// What Redis calls its present life; none where that is not told.
    async fn life(&self) -> RedisResult<Option<String>> {
        let answer = redis::cmd("INFO").arg("server").query_async(&mut self.link.connection()).await;
        let info: InfoDict = self.link.noted(answer)?;
        Ok(info.get("run_id"))
    }

    async fn write(&self, entries: impl Iterator<Item = (String, Timestamp)>) -> RedisResult<()> {
        let now = Timestamp::now();
        let entries: Vec<(String, Timestamp)> = entries.collect();
        for batch in entries.chunks(BATCH_MAX) {
            let mut pipe = redis::pipe();
            for (key, until) in batch {
                let left = until.duration_since(now).as_secs().saturating_add(LEEWAY_SECONDS);
                // One that is over is on nobody's mind, and Redis refuses a life of nothing.
                let left = u64::try_from(left).unwrap_or_default().max(1);
                pipe.set_ex(key, "1", left).ignore();
            }
            let answer = pipe.query_async::<()>(&mut self.link.connection()).await;
            self.link.noted(answer)?;
        }
        Ok(())
    }
}

/// Tokens are taken some seconds past their end, and clocks differ.
const LEEWAY_SECONDS: i64 = 10;

fn key(id: impl std::fmt::Display) -> String {
    format!("blacklist:{id}")
}
