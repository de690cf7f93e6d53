//! The checker itself: good histories have no violation, and whatever is planted in one is found.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Model, bounds};
use super::planted::plants;
use super::{Kind, check};

fn steps() -> impl Strategy<Value = Vec<(u8, usize)>> {
    vec((any::<u8>(), any::<usize>()), 0..100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_in_which_every_promise_was_kept_has_no_violation(steps in steps()) {
        let history = Model::history(&steps);
        let found = check(&history, &bounds());
        prop_assert!(found.is_empty(), "{found:#?}");
    }
}

proptest! {
    // Fewer, for each is checked once for every way to spoil it.
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_planted_in_a_good_history_is_found_by_its_name(steps in steps(), nth in any::<usize>()) {
        let good = Model::history(&steps);
        for (what, kind, plant) in plants() {
            let mut history = good.clone();
            if !plant(&mut history, nth) {
                continue;
            }
            let found = check(&history, &bounds());
            prop_assert!(found.iter().any(|violation| violation.kind == *kind), "{what}: {found:#?}");
        }
    }
}

#[test]
fn there_is_something_to_plant_for_every_promise_and_long_histories_have_room_for_all_of_it() {
    let planted: BTreeSet<Kind> = plants().map(|(_, kind, _)| *kind).collect();
    assert_eq!(planted, Kind::ALL.iter().copied().collect());

    let steps: Vec<(u8, usize)> =
        (0..2_000_usize).map(|step| (u8::try_from(step * 7 % 251).unwrap(), step * 13)).collect();
    for (what, _, plant) in plants() {
        assert!(plant(&mut Model::history(&steps), 3), "nothing to spoil: {what}");
    }
}
