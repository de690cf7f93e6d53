//! How a resuming session comes to its next page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout_at};

use super::messages::{ReplayPage, Replayed};
use super::seat::Seat;
use super::sessions::WsSessions;
use super::shelf::NoPage;
use crate::actors::system::{Backoff, Handle};

/// How the first and later failures delay the next try.
const PAUSES: Backoff = Backoff { min: Duration::from_millis(50), max: Duration::from_secs(2) };

/// How long a session waits for its history: through a restart of Postgres, and no longer than its letterbox may well
/// last.
const WITHIN: Duration = Duration::from_secs(30);

/// Fetches a page beside the session and puts it on its shelf. Beside, because a session whose peer does not read is not
/// polled: waiting there, it would keep a turn that it does not use.
pub fn fetch_page(sessions: Handle<WsSessions>, seat: Arc<Seat>, after: i64, to: i64) {
    actix::spawn(async move {
        let deadline = tokio::time::Instant::now() + WITHIN;
        let fetched = timeout_at(deadline, fetch(&sessions, &seat, after, to)).await;
        match fetched {
            Ok(Some(Replayed::Page(page))) => seat.lend(page, Instant::now()),
            Ok(Some(Replayed::Gap)) => seat.shelf.refuse(NoPage::Gap),
            Ok(None) => {}
            Err(_elapsed) => {
                tracing::warn!(session.id = %seat.id, "a session does not get its history");
                seat.shelf.refuse(NoPage::Unavailable);
            }
        }
        seat.letterbox.wake();
    });
}

/// Asks until there is an answer; none if the session is gone.
async fn fetch(sessions: &Handle<WsSessions>, seat: &Arc<Seat>, after: i64, to: i64) -> Option<Replayed> {
    let mut failures = 0;
    loop {
        let turn = seat.take_turn().await?;
        // It may have gone while it waited; whoever comes after it need not wait for its page.
        if !seat.letterbox.is_open() {
            return None;
        }
        match sessions.ask(ReplayPage { seat: seat.clone(), after, to, turn }).await {
            Ok(replayed) => return Some(replayed),
            Err(error) => tracing::debug!(session.id = %seat.id, %error, "a page of history was not read"),
        }
        failures += 1;
        sleep(PAUSES.pause_now(failures)).await;
    }
}
