//! How long things are kept.

use serde::Deserialize;

use crate::faults::Faults;

/// The longest life that can be configured, in seconds: a hundred years.
const LIFE_SECONDS_MAX: u32 = 3_155_760_000;

/// `[retention]`: how long what grows is kept, and how gently it is taken away.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// The event log, after its publication, in seconds; 1 to 3,155,760,000.
    pub events_seconds: u32,
    /// Dead letters that nobody has handled, in seconds; 1 to 3,155,760,000.
    pub dead_letters_seconds: u32,
    /// Dead letters that were handled, in seconds; 0 to 3,155,760,000.
    pub handled_dead_letters_seconds: u32,
    /// Replays that are over, in seconds; 0 to 3,155,760,000.
    pub replays_seconds: u32,
    /// What was sent with an `Idempotency-Key`, in seconds; 86,400 (what the API promises) to 3,155,760,000.
    pub idempotency_keys_seconds: u32,
    /// Refresh tokens and their sessions after they have expired, in seconds; 0 to 3,155,760,000.
    pub expired_refresh_tokens_seconds: u32,
    /// Account events after they were handed to the event log, and notes of closed accounts after their end, in seconds; 0 to
    /// 3,155,760,000.
    pub relayed_seconds: u32,
    /// Between two looks for what is old, in milliseconds; 10 to 86,400,000.
    pub interval_ms: u32,
    /// Rows that one statement deletes; 1 to 100,000.
    pub batch_rows_max: u32,
    /// Between two such statements, in milliseconds; 0 to 60,000.
    pub batch_pause_ms: u32,
}

impl RetentionSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("events_seconds", self.events_seconds, 1..=LIFE_SECONDS_MAX);
        faults.range("idempotency_keys_seconds", self.idempotency_keys_seconds, 86_400..=LIFE_SECONDS_MAX);
        faults.range("dead_letters_seconds", self.dead_letters_seconds, 1..=LIFE_SECONDS_MAX);
        for (key, life_seconds) in [
            ("handled_dead_letters_seconds", self.handled_dead_letters_seconds),
            ("replays_seconds", self.replays_seconds),
            ("relayed_seconds", self.relayed_seconds),
            ("expired_refresh_tokens_seconds", self.expired_refresh_tokens_seconds),
        ] {
            faults.range(key, life_seconds, 0..=LIFE_SECONDS_MAX);
        }
        faults.range("interval_ms", self.interval_ms, 10..=86_400_000);
        faults.range("batch_rows_max", self.batch_rows_max, 1..=100_000);
        faults.range("batch_pause_ms", self.batch_pause_ms, 0..=60_000);
    }
}
