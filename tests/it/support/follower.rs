//! A client that stays: whenever its socket ends it comes back and resumes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::client::Caller;
use super::wait::within;

/// The pause after a refusal.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// Follows one user's events from the moment it was made. Dropped, it goes.
pub(crate) struct Follower {
    /// Where it began.
    from: i64,
    seen: watch::Receiver<Vec<i64>>,
    /// Told to drop its connection without a word.
    breaks: Arc<AtomicBool>,
    /// Told where to come back to.
    at: watch::Sender<Caller>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Begins to follow.
    pub(crate) async fn of(caller: &Caller) -> Self {
        let socket = caller.socket(None).await;
        let from = socket.position;
        let (tell, seen) = watch::channel(Vec::new());
        let (at, place) = watch::channel(caller.clone());
        let breaks = Arc::new(AtomicBool::new(false));
        let follow = follow(socket, place, breaks.clone(), tell);
        Self { from, seen, breaks, at, task: tokio::spawn(follow) }
    }

    /// Has it drop its connection after the next frame, without a goodbye.
    pub(crate) fn break_connection(&self) {
        self.breaks.store(true, Ordering::Relaxed);
    }

    /// Has it come back to another replica the next time.
    pub(crate) fn move_to(&self, caller: &Caller) {
        self.at.send_replace(caller.clone());
    }

    /// Waits until it has seen so many more events from now on.
    pub(crate) async fn until_more(&self, count: usize) {
        let mut seen = self.seen.clone();
        let wanted = seen.borrow().len() + count;
        let reached = seen.wait_for(|positions| positions.len() >= wanted);
        within(&format!("{count} more events on the socket"), reached).await.expect("it has failed");
    }

    /// Waits until it has seen all of that user's events, and fails unless it has seen each exactly once, in order.
    pub(crate) async fn assert_whole(&mut self, sql: &Client, user: &str) {
        let query =
            "SELECT position FROM event_outbox WHERE user_id::text = $1 AND position > $2 ORDER BY position";
        let rows = sql.query(query, &[&user, &self.from]).await.unwrap();
        let expected: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        let all_there = self.seen.wait_for(|positions| positions.len() >= expected.len());
        within("the follower has seen everything", all_there).await.expect("it has failed");
        assert_eq!(*self.seen.borrow(), expected);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    mut socket: super::socket::Socket,
    place: watch::Receiver<Caller>,
    breaks: Arc<AtomicBool>,
    tell: watch::Sender<Vec<i64>>,
) {
    loop {
        let event = socket.try_event().await;
        if let Ok(event) = &event {
            tell.send_modify(|seen| seen.push(event["position"].as_i64().unwrap()));
        }
        if event.is_ok() && !breaks.swap(false, Ordering::Relaxed) {
            continue;
        }
        let position = socket.position;
        drop(socket);
        socket = come_back(&place, position).await;
    }
}

async fn come_back(place: &watch::Receiver<Caller>, position: i64) -> super::socket::Socket {
    loop {
        let caller = place.borrow().clone();
        match caller.try_socket(Some(position)).await {
            Ok(mut socket) => {
                // What counts is what it has seen itself, not where the replica stands.
                socket.position = position;
                return socket;
            }
            Err(status) => {
                assert!([0, 503].contains(&status), "refused with {status}");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
}
