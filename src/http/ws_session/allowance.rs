//! How many frames a client may send. Pure.

use std::time::{Duration, Instant};

/// Frames at once. A page that opens and subscribes view by view stays far below.
pub(super) const BURST: u32 = 60;

/// One more is allowed after each of these.
const REFILL: Duration = Duration::from_millis(100);

/// What is left of a client's allowance.
#[derive(Debug)]
pub(super) struct Allowance {
    frames: u32,
    refilled_at: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { frames: BURST, refilled_at: now }
    }

    /// Spends one frame; false when there is none left.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        let earned = now.duration_since(self.refilled_at).as_nanos() / REFILL.as_nanos();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.refilled_at += REFILL.saturating_mul(earned).min(now.duration_since(self.refilled_at));
        self.frames = self.frames.saturating_add(earned).min(BURST);
        let has_one = self.frames > 0;
        self.frames = self.frames.saturating_sub(1);
        has_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_borne_and_a_flood_is_not() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert!((0..BURST).all(|_| allowance.spend(start)));
        assert!(!allowance.spend(start + REFILL / 2));
        assert!(allowance.spend(start + REFILL));
        assert!(!allowance.spend(start + REFILL));
    }

    #[test]
    fn who_is_slow_enough_is_never_stopped_and_saves_up_no_more_than_a_burst() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert!((1..1000).all(|count| allowance.spend(start + REFILL * count)));
        let later = start + Duration::from_secs(100_000);
        assert_eq!((0..1000).filter(|_| allowance.spend(later)).count(), BURST as usize);
    }
}
