//! How often things are asked for, counted by all replicas together.
//!
//! - **Owns:** the exchange with Redis. The counts themselves are in [`RateLimiter`], where requests look without asking.
//! - **Receives:** nothing; the limiter rings when there is much to tell.
//! - **Sends:** nothing. Redis is told what was admitted here and answers with what was admitted everywhere.
//! - **Invariant:** a replica never admits more than the limit in one window; all of them together exceed it by what they
//!   admit between two exchanges at most, and while Redis is away each limits by itself.
//! - **On failure:** what was not told stays counted here; a rebuild goes on telling. An exchange whose answer does not come
//!   is not made up for: told twice, it would count twice.

mod counter;
mod limiter;
mod settings;
mod windows;

pub use counter::{Counter, RouteClass, Subject};
pub use limiter::{Asker, RateLimiter};
pub use settings::RateLimitsSettings;
pub use windows::Standing;

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, WrapFuture};
use redis::aio::ConnectionManager;
use redis::{RedisResult, cmd, pipe};
use tokio::time::{sleep, timeout};

use self::windows::{Delta, WINDOW};
use super::redis_link::RedisAccess;
use super::system::Lifeline;

/// Counts in one exchange. Bigger ones keep Redis from others for longer.
const EXCHANGE_LENGTH_MAX: usize = 256;

/// The least pause between two exchanges, however much there is to tell.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// Between two attempts while Redis is away.
const PAUSE_AWAY: Duration = Duration::from_secs(1);

/// The actor.
pub struct RateLimits {
    limiter: RateLimiter,
    redis: RedisAccess,
    lifeline: Lifeline,
}

impl RateLimits {
    /// Its name in the tree and that of its handle.
    pub const NAME: &'static str = "rate_limits";

    /// An actor that tells Redis of what `limiter` admits.
    #[must_use]
    pub fn new(limiter: RateLimiter, redis: RedisAccess, lifeline: Lifeline) -> Self {
        Self { limiter, redis, lifeline }
    }
}

impl Actor for RateLimits {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        match self.redis.clone().connect() {
            Ok(redis) => {
                let exchange = Exchange { limiter: self.limiter.clone(), redis, is_away: false };
                // In the actor's own context, so that it ends with the actor, and its panic is the actor's.
                context.spawn(exchange.run().into_actor(self));
            }
            Err(error) => {
                tracing::error!(%error, "rate limits: redis cannot be used; this replica limits by itself")
            }
        }
        // Redis' absence stops nobody here; whoever cannot do without it says so in the tree.
        self.lifeline.ready();
    }
}

struct Exchange {
    limiter: RateLimiter,
    redis: ConnectionManager,
    is_away: bool,
}

impl Exchange {
    async fn run(mut self) {
        loop {
            if self.is_away {
                sleep(PAUSE_AWAY).await;
                // Nothing is lost by a ping that nobody answers.
                if !self.is_back().await {
                    continue;
                }
            } else {
                sleep(PAUSE_MIN).await;
                let period = self.limiter.settings().exchange().saturating_sub(PAUSE_MIN);
                let _rung_or_not = timeout(period, self.limiter.rung()).await;
            }
            let changes = self.limiter.take_changes();
            let mut chunks = changes.chunks(EXCHANGE_LENGTH_MAX);
            for chunk in chunks.by_ref() {
                let told = self.tell(chunk).await;
                self.note(chunk, told);
                if self.is_away {
                    break;
                }
            }
            for change in chunks.flatten() {
                self.limiter.untold(change);
            }
        }
    }

    async fn is_back(&mut self) -> bool {
        let is_back = cmd("PING").query_async::<()>(&mut self.redis.clone()).await.is_ok();
        if is_back {
            self.is_away = false;
            tracing::info!("rate limits: redis is back; replicas count together again");
        }
        is_back
    }

    /// For each change: the count of all replicas, and the milliseconds that its window lasts; negative if it has no end.
    async fn tell(&self, changes: &[Delta]) -> RedisResult<Vec<(i64, i64)>> {
        let mut pipeline = pipe();
        for change in changes {
            let key = change.counter.to_string();
            pipeline.incr(&key, change.by);
            // With each change, so that no count stays for ever because somebody died between two commands.
            pipeline.cmd("EXPIRE").arg(&key).arg(WINDOW.as_secs()).arg("NX").ignore();
            pipeline.cmd("PTTL").arg(&key);
        }
        let flat: Vec<i64> = pipeline.query_async(&mut self.redis.clone()).await?;
        Ok(flat.as_chunks::<2>().0.iter().map(|[total, left_ms]| (*total, *left_ms)).collect())
    }

    fn note(&mut self, changes: &[Delta], told: RedisResult<Vec<(i64, i64)>>) {
        match told {
            Ok(totals) => {
                for (change, (total, left_ms)) in changes.iter().zip(totals) {
                    let left = u64::try_from(left_ms).ok().map(Duration::from_millis);
                    self.limiter.settle(change, total, left);
                }
            }
            Err(error) => {
                self.is_away = true;
                tracing::warn!(%error, "rate limits: redis is away; each replica limits by itself");
                // Only without a connection is it certain that nothing was sent.
                let is_unsent = error.is_connection_refusal();
                for change in changes {
                    if is_unsent {
                        self.limiter.untold(change);
                    } else {
                        self.limiter.doubt(change);
                    }
                }
            }
        }
    }
}
