use serde::Deserialize;

use crate::faults::Faults;

/// `[supervision]`: what the kernel bears before it escalates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisionSettings {
    /// Restarts of one child within the window; 0 to 1,000.
    pub max_restarts: u32,
    /// The span in which restarts are counted, in milliseconds; 100 to 3,600,000.
    pub window_ms: u64,
    /// The first pause before a restart, in milliseconds; 1 to 60,000.
    pub backoff_ms_min: u64,
    /// The longest pause before a restart, in milliseconds; `backoff_ms_min` to 300,000.
    pub backoff_ms_max: u64,
    /// How long one handler may take, in milliseconds; 10 to 600,000.
    pub handler_deadline_ms: u64,
    /// How long an actor may take to stop, in milliseconds; 10 to 300,000.
    pub stop_deadline_ms: u64,
    /// How long a thread may stand still in one handler, in milliseconds; 100 to 600,000.
    pub blocked_thread_ms: u64,
}

impl SupervisionSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("max_restarts", self.max_restarts, 0..=1_000);
        faults.range("window_ms", self.window_ms, 100..=3_600_000);
        faults.range("backoff_ms_min", self.backoff_ms_min, 1..=60_000);
        faults.range("backoff_ms_max", self.backoff_ms_max, 1..=300_000);
        faults.range("handler_deadline_ms", self.handler_deadline_ms, 10..=600_000);
        faults.range("stop_deadline_ms", self.stop_deadline_ms, 10..=300_000);
        faults.range("blocked_thread_ms", self.blocked_thread_ms, 100..=600_000);
        if self.backoff_ms_max < self.backoff_ms_min {
            let (least, most) = (self.backoff_ms_min, self.backoff_ms_max);
            faults.add("backoff_ms_max", format!("must be at least backoff_ms_min ({least}), is {most}"));
        }
    }
}
