//! How the directory calls for a sweep before its time, without knowing the reaper.

use std::sync::Arc;

use tokio::sync::Notify;

/// A call that waits until it is heard; many calls are one.
#[derive(Clone, Debug, Default)]
pub struct SweepCall {
    call: Arc<Notify>,
}

impl SweepCall {
    /// Something may have been missed.
    pub fn call(&self) {
        self.call.notify_one();
    }

    /// Waits for the next call.
    pub async fn heard(&self) {
        self.call.notified().await;
    }
}
