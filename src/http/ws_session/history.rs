//! How a resuming session comes to its next page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::actors::system::{Backoff, Handle};
use crate::actors::ws_sessions::{ReplayPage, Replayed, Seat, WsSessions};

/// How the first and later failures delay the next try.
const PAUSES: Backoff = Backoff { min: Duration::from_millis(50), max: Duration::from_secs(2) };

/// How long a session waits for its history: through a restart of Postgres, and no longer than its letterbox may well
/// last.
const WITHIN: Duration = Duration::from_secs(30);

/// Asks until there is an answer; none if that takes too long.
pub(super) async fn next_page(
    sessions: Handle<WsSessions>,
    seat: Arc<Seat>,
    after: i64,
    to: i64,
) -> Option<Replayed> {
    let began = Instant::now();
    let mut failures = 0;
    loop {
        let error = match sessions.ask(ReplayPage { seat: seat.clone(), after, to }).await {
            Ok(replayed) => return Some(replayed),
            Err(error) => error,
        };
        failures += 1;
        let pause = PAUSES.pause_now(failures);
        if began.elapsed() + pause > WITHIN {
            tracing::warn!(session.id = %seat.id, %error, "a session does not get its history");
            return None;
        }
        sleep(pause).await;
    }
}
