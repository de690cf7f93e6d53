//! What of the publisher can be configured.

use serde::Deserialize;

use crate::faults::Faults;

/// `[event_publisher]`: how committed rows become events on RabbitMQ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventPublisherSettings {
    /// Outbox rows that are given positions in one transaction; 1 to 100,000.
    pub batch_rows_max: usize,
    /// Events published and not confirmed yet; 1 to 65,536.
    pub window_max: usize,
    /// How long it keeps looking after the last row, in milliseconds; `poll_ms` to 60,000.
    pub awake_ms: u64,
    /// The pause between two looks while awake, in milliseconds; 1 to 1,000.
    pub poll_ms: u64,
    /// How often it looks, and beats, when nothing rings, in milliseconds; `poll_ms` to 2,000: a leader that is silent for
    /// longer is taken for paused.
    pub tick_ms: u64,
}

impl EventPublisherSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("batch_rows_max", self.batch_rows_max, 1..=100_000);
        faults.range("window_max", self.window_max, 1..=65_536);
        faults.range("poll_ms", self.poll_ms, 1..=1_000);
        faults.range("awake_ms", self.awake_ms, 1..=60_000);
        faults.range("tick_ms", self.tick_ms, 1..=2_000);
        for (key, value) in [("awake_ms", self.awake_ms), ("tick_ms", self.tick_ms)] {
            if value < self.poll_ms {
                faults.add(key, format!("must be at least poll_ms ({}), is {value}", self.poll_ms));
            }
        }
    }
}
