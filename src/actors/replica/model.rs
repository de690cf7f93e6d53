//! Many replicas, one database, and everything late: beats that take seconds, answers that are lost, processes that stand
//! still, an outage, and clocks that do not run alike.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const LEASE_MS: u64 = 9_000;
/// How long is looked, and how often: of the true time, which nobody in here knows.
const UNTIL_MS: u64 = 90_000;
const LOOK_MS: u64 = 250;

/// One beat of a replica.
#[derive(Clone, Copy, Debug)]
struct Beat {
    pause_ms: u64,
    to_database_ms: u64,
    back_ms: u64,
    request_is_lost: bool,
    answer_is_lost: bool,
    /// For how long the process stands still before it looks at the answer.
    frozen_ms: u64,
}

#[derive(Clone, Debug)]
struct Script {
    beats: Vec<Beat>,
    /// Its clock runs so many thousandths of the true one.
    rate: u64,
}

fn beats() -> impl Strategy<Value = Beat> {
    let delay = || prop_oneof![4 => 0..50_u64, 1 => 0..7_000_u64];
    let frozen = prop_oneof![12 => Just(0_u64), 1 => 0..30_000_u64];
    let lost = || proptest::bool::weighted(0.05);
    (0..2_500_u64, delay(), delay(), lost(), lost(), frozen).prop_map(
        |(pause_ms, to_database_ms, back_ms, request_is_lost, answer_is_lost, frozen_ms)| Beat {
            pause_ms,
            to_database_ms,
            back_ms,
            request_is_lost,
            answer_is_lost,
            frozen_ms,
        },
    )
}

fn scripts() -> impl Strategy<Value = Script> {
    (vec(beats(), 0..40), 950..1_050_u64).prop_map(|(beats, rate)| Script { beats, rate })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The database hears a beat.
    Arrives { replica: usize },
    /// The replica hears of one that it had sent then, and whether its row was there.
    Answered { replica: usize, sent_ms: u64, row_was_there: bool },
}

struct Outage {
    from_ms: u64,
    to_ms: u64,
}

impl Outage {
    /// What arrives in it arrives at its end: the longest that a connection can hold something back.
    fn delays(&self, at_ms: u64) -> u64 {
        if (self.from_ms..self.to_ms).contains(&at_ms) { self.to_ms } else { at_ms }
    }
}

fn events_of(replica: usize, script: &Script, outage: &Outage) -> Vec<(u64, Event)> {
    let (mut now, mut events, mut last_arrived) = (0, Vec::new(), None);
    for beat in &script.beats {
        let sent_ms = now + beat.pause_ms;
        let arrives = outage.delays(sent_ms + beat.to_database_ms);
        let heard = outage.delays(arrives + beat.back_ms) + beat.frozen_ms;
        if beat.request_is_lost {
            now = sent_ms + LEASE_MS / 3;
            continue;
        }
        // A beat that finds its row stale, or none, registers anew.
        let row_was_there = last_arrived.is_some_and(|last| arrives <= last + LEASE_MS);
        last_arrived = Some(arrives);
        events.push((arrives, Event::Arrives { replica }));
        if beat.answer_is_lost {
            now = arrives.max(sent_ms + LEASE_MS / 3);
        } else {
            events.push((heard, Event::Answered { replica, sent_ms, row_was_there }));
            now = heard;
        }
    }
    events
}

struct World {
    born: Instant,
    leases: Vec<ReplicaLease>,
    rates: Vec<u64>,
    /// What the database has of each.
    rows: Vec<Option<Row>>,
}

/// A row of `replicas`, by the true time, which the database's clock is.
#[derive(Clone, Copy)]
struct Row {
    beat_at: u64,
    steady_since: u64,
}

impl Row {
    /// As `replica_is_stale` and `replica_is_late` have it.
    fn is_older_than(self, at_ms: u64, age_ms: u64) -> bool {
        at_ms > self.beat_at + age_ms
    }
}

impl World {
    /// What the clock of a replica says at a true moment.
    fn local(&self, replica: usize, at_ms: u64) -> Instant {
        self.born + Duration::from_millis(at_ms * self.rates[replica] / 1_000)
    }

    fn happens(&mut self, at_ms: u64, event: Event) {
        match event {
            // `beat.sql`, or `register.sql` where that finds nothing.
            Event::Arrives { replica } => {
                let unbroken = self.rows[replica].filter(|row| !row.is_older_than(at_ms, LEASE_MS * 2 / 3));
                let steady_since = unbroken.map_or(at_ms, |row| row.steady_since);
                self.rows[replica] = Some(Row { beat_at: at_ms, steady_since });
            }
            Event::Answered { replica, sent_ms, row_was_there } => {
                self.leases[replica].renew(self.local(replica, sent_ms), row_was_there);
            }
        }
    }

    /// As the statements of the reaper see it, by the database's clock.
    fn is_stale(&self, replica: usize, at_ms: u64) -> bool {
        self.rows[replica].is_none_or(|row| row.is_older_than(at_ms, LEASE_MS))
    }

    fn may_act(&self, replica: usize, at_ms: u64) -> bool {
        self.leases[replica].may_act_at(self.local(replica, at_ms))
    }

    /// `replica_may_judge`.
    fn may_judge(&self, replica: usize, at_ms: u64) -> bool {
        self.rows[replica].is_some_and(|row| {
            !row.is_older_than(at_ms, LEASE_MS * 2 / 3) && row.steady_since + LEASE_MS <= at_ms
        })
    }

    fn check(&self, at_ms: u64, outage: &Outage) -> Result<(), TestCaseError> {
        let all = 0..self.leases.len();
        for replica in all.clone() {
            // Whatever it began in its last moment has this long before another may begin its own.
            let soon = at_ms + LEASE_MS / 5;
            prop_assert!(
                !(self.is_stale(replica, soon) && self.may_act(replica, at_ms)),
                "{replica} may act at {at_ms} and may be claimed from at {soon}"
            );
        }
        // An outage in which nobody's lease ended concerns nobody.
        let long = outage.to_ms - outage.from_ms > LEASE_MS;
        let had_a_lease_since = at_ms < outage.from_ms || at_ms >= outage.to_ms + LEASE_MS;
        for judge in all {
            prop_assert!(
                !self.may_judge(judge, at_ms)
                    || !long
                    || had_a_lease_since
                    || at_ms < outage.from_ms + LEASE_MS,
                "{judge} judges at {at_ms} after an outage until {}",
                outage.to_ms
            );
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn nobody_acts_whom_another_may_take_for_dead_and_nobody_is_judged_right_after_an_outage(
        scripts in vec(scripts(), 1..4),
        from_ms in 5_000..50_000_u64,
        length_ms in 0..30_000_u64,
    ) {
        let outage = Outage { from_ms, to_ms: from_ms + length_ms };
        let mut events: Vec<(u64, Event)> = scripts
            .iter()
            .enumerate()
            .flat_map(|(replica, script)| events_of(replica, script, &outage))
            .collect();
        events.sort();
        let mut world = World {
            born: Instant::now(),
            leases: scripts.iter().map(|_| ReplicaLease::new(ReplicaId::new(), LEASE_MS)).collect(),
            rates: scripts.iter().map(|script| script.rate).collect(),
            rows: scripts.iter().map(|_| None).collect(),
        };
        // The moments of the leases are counted from their birth.
        world.born = world.leases.iter().map(|lease| lease.shared.born).max().unwrap_or(world.born);
        let mut events = events.into_iter().peekable();
        for at_ms in (0..UNTIL_MS).step_by(usize::try_from(LOOK_MS).unwrap()) {
            while let Some((when, event)) = events.next_if(|(when, _)| *when <= at_ms) {
                world.happens(when, event);
            }
            world.check(at_ms, &outage)?;
        }
    }

    #[test]
    fn whoever_beats_in_time_is_neither_stale_nor_lapsed(
        pauses_ms in vec(0..2_000_u64, 1..60),
        delays_ms in vec(0..900_u64, 60),
    ) {
        let lease = ReplicaLease::new(ReplicaId::new(), LEASE_MS);
        let born = lease.shared.born;
        let at = |ms| born + Duration::from_millis(ms);
        let mut now = 0;
        for (index, (pause, delay)) in pauses_ms.into_iter().zip(delays_ms).enumerate() {
            let sent = now + pause;
            prop_assert!(index == 0 || lease.may_act_at(at(sent)));
            now = sent + delay;
            lease.renew(at(sent), index > 0);
        }
        prop_assert!(lease.may_act_at(at(now)));
        prop_assert_eq!(lease.lapses(), 0);
    }
}
