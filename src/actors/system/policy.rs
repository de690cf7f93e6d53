//! When a dead child is rebuilt, how often, and after what pause. Pure: no clock and no randomness of its own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Exit;

/// Whether a child that ended is built again. The words and their meaning are those of Erlang/OTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Always.
    Permanent,
    /// Only after an abnormal exit.
    Transient,
    /// Never.
    Temporary,
}

impl Restart {
    /// What follows from `exit`, unless the supervisor itself asked for it: a child that was stopped for the sake of
    /// another comes back with it, except a temporary one.
    pub fn wants(self, exit: &Exit) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => exit.is_abnormal(),
            Self::Temporary => false,
        }
    }
}

/// How many restarts within how long are still an accident. One more is a fault that the parent has to decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    /// Restarts that are allowed within the window; 0 escalates at the first death.
    pub restarts_max: usize,
    /// The sliding window.
    pub window: Duration,
}

/// No pause is shorter, whatever was configured: a crash loop must never spin.
pub(super) const PAUSE_MIN: Duration = Duration::from_millis(1);

/// The pauses before a child is built again: doubling from `min` to `max`, of which a random part of up to one half is
/// left out.
///
/// That keeps the children of many replicas from coming back in step after a common cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Whole pause before the first restart.
    pub min: Duration,
    /// No pause is longer; none is shorter than a millisecond.
    pub max: Duration,
}

impl Backoff {
    /// The pause before restart number `attempt` (the first is 1). `jitter` is a fraction in 0..=1.
    pub fn pause(&self, attempt: u32, jitter: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let whole = self.min.saturating_mul(1 << doublings).min(self.max);
        let part = (whole / 2).mul_f64(jitter.clamp(0.0, 1.0));
        (whole / 2 + part).min(whole).max(PAUSE_MIN)
    }

    /// [`Backoff::pause`] with the process's random numbers.
    pub fn pause_now(&self, attempt: u32) -> Duration {
        self.pause(attempt, rand::random::<f64>())
    }
}

/// The restarts of one child that still count.
#[derive(Debug, Clone, Default)]
pub struct Restarts {
    recent: VecDeque<Instant>,
}

impl Restarts {
    /// Counts a death at `now`. `Some(n)`: build it again, as restart number n of the window; `None`: the intensity is
    /// spent.
    pub fn count(&mut self, intensity: Intensity, now: Instant) -> Option<u32> {
        while self.recent.front().is_some_and(|oldest| now.duration_since(*oldest) >= intensity.window) {
            self.recent.pop_front();
        }
        if self.recent.len() >= intensity.restarts_max {
            return None;
        }
        self.recent.push_back(now);
        u32::try_from(self.recent.len()).ok()
    }
}
