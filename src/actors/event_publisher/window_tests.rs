//! A RabbitMQ that answers as it likes against the window: late, in any order, several at once, with refusals and returns,
//! and with channels that are lost at any moment.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// An event is committed and placed.
    Place { needs_queue: bool, bytes: usize },
    /// As much as there is room for is handed over.
    Fill,
    /// RabbitMQ settles the so manieth of those that are out; with `multiple`, all before it, too.
    Settle { which: usize, multiple: bool },
    /// RabbitMQ refuses it.
    Nack { which: usize },
    /// The publisher looks at the answers that are there for the oldest.
    Listen,
    /// The channel is lost.
    Lose,
    /// Positions disappear from the log before they were sent.
    Vanish { count: usize },
}

fn turns() -> impl Strategy<Value = Turn> {
    let which = || 0..12_usize;
    prop_oneof![
        4 => (any::<bool>(), 0..9_000_000_usize).prop_map(|(needs_queue, bytes)| Turn::Place { needs_queue, bytes }),
        3 => Just(Turn::Fill),
        4 => (which(), any::<bool>()).prop_map(|(which, multiple)| Turn::Settle { which, multiple }),
        1 => which().prop_map(|which| Turn::Nack { which }),
        4 => Just(Turn::Listen),
        1 => Just(Turn::Lose),
        1 => (1..3_usize).prop_map(|count| Turn::Vanish { count }),
    ]
}

/// The log, RabbitMQ, and what each knows.
struct World {
    window: Window,
    length_max: usize,
    /// By position: needs a queue, bytes. What is missing has vanished.
    log: BTreeMap<i64, (bool, usize)>,
    placed: i64,
    poison: BTreeSet<i64>,
    /// Of the present channel: what is out, and what RabbitMQ has said of it.
    channel: Vec<(i64, Option<Answer>)>,
    /// What RabbitMQ has taken, ever.
    taken: BTreeSet<i64>,
    dead_letters: BTreeMap<i64, u32>,
    returns: BTreeMap<i64, u32>,
}

impl World {
    fn new(length_max: usize, poison: BTreeSet<i64>) -> Self {
        let mut window = Window::new(0, length_max);
        window.begin();
        Self {
            window,
            length_max,
            log: BTreeMap::new(),
            placed: 0,
            poison,
            channel: Vec::new(),
            taken: BTreeSet::new(),
            dead_letters: BTreeMap::new(),
            returns: BTreeMap::new(),
        }
    }

    fn fill(&mut self) {
        while self.window.has_room() && self.window.sent() < self.placed {
            let next = self.log.range(self.window.sent() + 1..).next();
            let Some((&position, &(needs_queue, bytes))) = next else {
                self.window.skip_to(self.placed);
                return;
            };
            self.window.skip_to(position - 1);
            self.window.hand_over(position, needs_queue, bytes);
            self.channel.push((position, None));
        }
    }

    /// RabbitMQ's answer to one that is out. What is returned is acknowledged, too.
    fn settle(&mut self, index: usize) {
        let (position, answer) = &mut self.channel[index];
        if answer.is_some() {
            return;
        }
        let needs_queue = self.log.get(position).is_some_and(|(needs_queue, _)| *needs_queue);
        let is_poison = self.poison.contains(position);
        *answer = Some(if is_poison || !needs_queue { Answer::Returned } else { Answer::Taken });
        if !is_poison || !needs_queue {
            self.taken.insert(*position);
        }
    }

    fn listen(&mut self) {
        while let Some((position, Some(answer))) = self.channel.first().copied() {
            self.channel.remove(0);
            match self.window.answered(answer) {
                Ok(_) => {}
                Err(trouble) => {
                    if let Trouble::Returned(back) = trouble {
                        assert_eq!(back, position);
                        self.came_back(position);
                    }
                    return self.open();
                }
            }
        }
    }

    fn came_back(&mut self, position: i64) {
        *self.returns.entry(position).or_default() += 1;
        match self.window.came_back(position) {
            Verdict::Again(times) => assert!(times < RETURNS_MAX),
            Verdict::Poison => {
                *self.dead_letters.entry(position).or_default() += 1;
                self.window.pass(position);
            }
        }
    }

    fn open(&mut self) {
        self.channel.clear();
        self.window.begin();
    }

    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Place { needs_queue, bytes } => {
                self.placed += 1;
                self.log.insert(self.placed, (needs_queue, bytes));
            }
            Turn::Fill => self.fill(),
            Turn::Settle { which, multiple } if !self.channel.is_empty() => {
                let last = which % self.channel.len();
                let first = if multiple { 0 } else { last };
                (first..=last).for_each(|index| self.settle(index));
            }
            Turn::Nack { which } if !self.channel.is_empty() => {
                let index = which % self.channel.len();
                if self.channel[index].1.is_none() {
                    self.channel[index].1 = Some(Answer::Refused);
                }
            }
            Turn::Settle { .. } | Turn::Nack { .. } => {}
            Turn::Listen => self.listen(),
            Turn::Lose => self.open(),
            Turn::Vanish { count } => {
                let unsent: Vec<i64> =
                    self.log.range(self.window.sent() + 1..).take(count).map(|(at, _)| *at).collect();
                for position in unsent {
                    self.log.remove(&position);
                }
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let confirmed = self.window.confirmed();
        for position in self.log.range(..=confirmed).map(|(position, _)| *position) {
            let safe = self.taken.contains(&position) || self.dead_letters.contains_key(&position);
            prop_assert!(safe, "the cursor is at {confirmed} and {position} is nowhere");
        }
        let out: Vec<i64> = self.channel.iter().map(|(position, _)| *position).collect();
        prop_assert!(out.len() <= self.length_max);
        prop_assert!(out.is_sorted_by(|a, b| a < b), "out of order: {out:?}");
        // Nothing of the log between the cursor and the last that was sent is missing on the channel.
        let is_owed = |position: &i64| *position > confirmed && *position <= self.window.sent();
        let owed: Vec<i64> = self.log.keys().copied().filter(is_owed).collect();
        prop_assert!(
            owed.iter().all(|position| out.contains(position)),
            "{owed:?} are owed, {out:?} are out"
        );
        let bytes: usize =
            out.iter().filter_map(|position| self.log.get(position)).map(|(_, bytes)| bytes).sum();
        prop_assert!(out.len() <= 1 || bytes < BYTES_MAX + 9_000_000, "{bytes} bytes are out");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cursor_never_passes_what_is_neither_confirmed_nor_a_dead_letter_and_everything_gets_there(
        turns in vec(turns(), 0..200),
        length_max in 1..6_usize,
        poison in proptest::collection::btree_set(1..40_i64, 0..4),
    ) {
        let mut world = World::new(length_max, poison);
        let mut before = 0;
        for turn in turns {
            world.turn(turn);
            world.check()?;
            prop_assert!(world.window.confirmed() >= before, "the cursor went back");
            before = world.window.confirmed();
        }

        // RabbitMQ is well again: whatever is left comes to its end.
        world.open();
        for _round in 0..(world.log.len() + 1) * 8 {
            world.fill();
            (0..world.channel.len()).for_each(|index| world.settle(index));
            world.listen();
            world.check()?;
        }
        let last = world.log.keys().next_back().copied().unwrap_or(0);
        prop_assert!(world.window.confirmed() >= last, "{} of {last}", world.window.confirmed());
        for (position, times) in &world.dead_letters {
            prop_assert!(world.poison.contains(position) && *times == 1, "{position} died {times} times");
            prop_assert!(world.returns[position] >= RETURNS_MAX);
        }
    }

    #[test]
    fn one_read_stays_near_its_bytes_once_it_knows_their_size(sizes in vec(1..200_000_usize, 1..50)) {
        let mut appetite = Appetite::new(1_000);
        for size in sizes {
            let rows = appetite.rows();
            prop_assert!((1..=1_000).contains(&rows));
            appetite.took(rows, rows * size);
            prop_assert!(appetite.rows() * size <= BYTES_MAX.max(size));
        }
    }
}

#[test]
fn confirms_behind_one_that_failed_count_for_nothing() {
    let mut window = Window::new(7, 10);
    window.begin();
    for position in 8..=10 {
        window.hand_over(position, true, 1);
    }
    assert_eq!(window.answered(Answer::Taken), Ok(true));
    assert_eq!(window.answered(Answer::Refused), Err(Trouble::Refused(9)));
    assert_eq!(window.answered(Answer::Taken), Ok(false));
    assert_eq!((window.confirmed(), window.has_room()), (8, false));
    window.begin();
    assert_eq!((window.sent(), window.has_room()), (8, true));
}

#[test]
fn one_large_event_may_always_be_out_and_no_second_one_beside_it() {
    let mut window = Window::new(0, 10);
    window.begin();
    window.hand_over(1, true, BYTES_MAX * 2);
    assert!(!window.has_room());
    assert_eq!(window.answered(Answer::Taken), Ok(true));
    assert!(window.has_room());
}

#[test]
fn a_channel_begins_with_few_and_widens_with_what_is_confirmed() {
    let mut window = Window::new(0, 100);
    for _channel in 0..2 {
        window.begin();
        let (mut rounds, mut widest) = (0, 0);
        while widest < 100 {
            let out: Vec<i64> = std::iter::from_fn(|| {
                let next = window.sent() + 1;
                window.has_room().then(|| window.hand_over(next, true, 1)).map(|()| next)
            })
            .collect();
            assert!(rounds > 0 || out.len() == LENGTH_FIRST, "{} at once", out.len());
            widest = out.len();
            out.iter().for_each(|_| assert_eq!(window.answered(Answer::Taken), Ok(true)));
            rounds += 1;
        }
        assert_eq!((rounds, widest), (4, 100));
    }
}
