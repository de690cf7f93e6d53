use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::policy::PAUSE_MIN;
use super::super::{Backoff, Exit, Intensity, Restart, Restarts};

/// What pauses of centuries lose on their way through floating point.
const ROUNDING: Duration = Duration::from_millis(1);

fn backoffs() -> impl Strategy<Value = Backoff> {
    let micros = || prop_oneof![Just(0_u64), 0..100_u64, 0..10_000_000_u64, Just(u64::MAX)];
    (micros(), micros())
        .prop_map(|(min, max)| Backoff { min: Duration::from_micros(min), max: Duration::from_micros(max) })
}

#[test]
fn a_child_is_rebuilt_as_its_restart_says() {
    let exits = [
        Exit::Normal,
        Exit::Stopped,
        Exit::Failed(String::new()),
        Exit::Panicked(String::new()),
        Exit::Frozen(String::new()),
    ];
    let table = [
        (Restart::Permanent, [true, true, true, true, true]),
        (Restart::Transient, [false, false, true, true, true]),
        (Restart::Temporary, [false, false, false, false, false]),
    ];
    for (restart, wanted) in table {
        assert_eq!(exits.each_ref().map(|exit| restart.wants(exit)), wanted, "{restart:?}");
    }
}

proptest! {
    /// The model keeps every restart for ever and looks back through the whole window each time.
    #[test]
    fn restarts_are_counted_in_a_sliding_window(
        restarts_max in 0..6_usize,
        window_ms in 0..50_u64,
        gaps_ms in proptest::collection::vec(0..20_u64, 0..200),
    ) {
        let intensity = Intensity { restarts_max, window: Duration::from_millis(window_ms) };
        let mut restarts = Restarts::default();
        let mut model: Vec<u64> = Vec::new();
        let start = Instant::now();
        let mut now_ms = 0;
        for gap_ms in gaps_ms {
            now_ms += gap_ms;
            let before = model.iter().filter(|at_ms| now_ms - **at_ms < window_ms).count();
            let expected = (before < restarts_max).then_some(before as u32 + 1);
            if expected.is_some() {
                model.push(now_ms);
            }
            let counted = restarts.count(intensity, start + Duration::from_millis(now_ms));
            prop_assert_eq!(counted, expected);
        }
    }

    #[test]
    fn a_pause_is_never_zero_and_never_over_the_maximum(
        backoff in backoffs(), attempt in any::<u32>(), jitter in -1.0..2.0_f64,
    ) {
        let pause = backoff.pause(attempt, jitter);
        prop_assert!(pause >= PAUSE_MIN);
        prop_assert!(pause <= backoff.max.max(PAUSE_MIN));
    }

    #[test]
    fn without_jitter_pauses_only_grow(backoff in backoffs(), attempt in 0..100_u32) {
        for jitter in [0.0, 1.0] {
            prop_assert!(backoff.pause(attempt, jitter) <= backoff.pause(attempt + 1, jitter));
        }
    }

    #[test]
    fn jitter_leaves_out_at_most_one_half(backoff in backoffs(), attempt in 1..100_u32, jitter in 0.0..=1.0_f64) {
        let (shortest, longest) = (backoff.pause(attempt, 0.0), backoff.pause(attempt, 1.0));
        let pause = backoff.pause(attempt, jitter);
        prop_assert!(shortest <= pause && pause <= longest);
        prop_assert!(shortest + ROUNDING >= longest / 2);
    }

    #[test]
    fn a_childs_first_pauses_double(min_ms in 2..1000_u64, attempt in 1..20_u32) {
        let backoff = Backoff { min: Duration::from_millis(min_ms), max: Duration::MAX };
        let (pause, next) = (backoff.pause(attempt, 1.0), backoff.pause(attempt + 1, 1.0));
        prop_assert_eq!(pause * 2, next);
    }
}
