//! Waiting with an end: every wait says what for, and fails the test instead of lasting for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// Longer than anything takes on a busy machine. Only failing tests wait so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two looks at what sends no signal when it changes.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

/// Waits for a signal.
pub(crate) async fn within<T>(what: &str, signal: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, signal).await {
        Ok(answer) => answer,
        Err(_elapsed) => panic!("not within {PATIENCE:?}: {what}"),
    }
}

/// Looks until there is an answer: for servers, which signal nothing.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = look().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(LOOK).await;
    }
}

/// Runs `work` to its end on a thread of its own: a runtime cannot be waited for from inside another, and that is where
/// destructors are. `None` when it has panicked.
pub(crate) fn elsewhere<T: Send + 'static>(work: impl AsyncFnOnce() -> T + Send + 'static) -> Option<T> {
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work())
    });
    thread.join().ok()
}
