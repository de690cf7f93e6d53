//! What of the replayer can be configured.

use serde::Deserialize;

use crate::faults::Faults;

/// `[replayer]`: how windows of the event log are published once more.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayerSettings {
    /// Events that are read and published together, and then waited for; 1 to 4,096.
    pub window_max: u32,
    /// Events published in a second; 1 to 100,000.
    pub events_per_second_max: u32,
    /// How often a replica without a replay looks for one, in milliseconds; 10 to 60,000.
    pub tick_ms: u64,
}

impl ReplayerSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("window_max", self.window_max, 1..=4_096);
        faults.range("events_per_second_max", self.events_per_second_max, 1..=100_000);
        faults.range("tick_ms", self.tick_ms, 10..=60_000);
    }
}
