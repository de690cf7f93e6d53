//! Which orders to other replicas are to be sent, are out, or have to be tried again. Pure: times come in, decisions go out.
//!
//! An order that is not acknowledged is not simply sent again: the row is read first, because its owner may be another by
//! now, or dead. So it goes round: noted, sent, failed, looked at, noted. Each round counts, and so does the time; what is
//! given up the owner's own sweep finds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::actors::system::Backoff;
use crate::models::control::{KnownRevision, ORDERED_MAX};
use crate::models::{InstanceId, ReplicaId};

/// Instances that orders may be about at once; each takes 100 bytes or so.
pub(super) const ORDERS_MAX: usize = 10_000;

/// How often one may fail. At the longest pause that is half a minute, in which any owner has swept many times.
const FAILURES_MAX: u32 = 20;

/// How long one may be tried, however it went.
const TRIED_FOR: Duration = Duration::from_secs(60);

/// How long the look at a row may take until it is clear that nothing came of it.
const LOOK_WITHIN: Duration = Duration::from_secs(20);

const RETRY: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(2) };

/// Word for one replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) to: ReplicaId,
    pub(super) instances: Vec<KnownRevision>,
}

#[derive(Debug)]
struct Entry {
    owner: ReplicaId,
    revision: i64,
    stage: Stage,
    failures: u32,
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    ToSend,
    /// To whom, and with which revision.
    Sent(ReplicaId, i64),
    /// Failed; its row is to be read from then on.
    ToLook(Instant),
    /// Its row is being read; until then something is heard of it, or nothing has to be done any more.
    Looking(Instant),
}

/// The register of orders.
#[derive(Debug, Default)]
pub(super) struct Orders {
    entries: HashMap<InstanceId, Entry>,
}

impl Orders {
    /// `owner` has to know that the row has this revision. False when there is no room for more.
    pub(super) fn note(&mut self, id: InstanceId, owner: ReplicaId, revision: i64, now: Instant) -> bool {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.owner = owner;
            entry.revision = entry.revision.max(revision);
            if !matches!(entry.stage, Stage::Sent(..)) {
                entry.stage = Stage::ToSend;
            }
            return true;
        }
        if self.entries.len() >= ORDERS_MAX {
            return false;
        }
        self.entries.insert(id, Entry { owner, revision, stage: Stage::ToSend, failures: 0, since: now });
        true
    }

    /// The next thing to send: all that waits for the same replica, up to what one order holds.
    pub(super) fn next_parcel(&mut self) -> Option<Parcel> {
        let to = self.entries.values().find(|entry| entry.stage == Stage::ToSend)?.owner;
        let mut instances = Vec::new();
        for (id, entry) in &mut self.entries {
            if entry.stage == Stage::ToSend && entry.owner == to {
                entry.stage = Stage::Sent(to, entry.revision);
                instances.push(KnownRevision { instance_id: *id, revision: entry.revision });
                if instances.len() == ORDERED_MAX {
                    break;
                }
            }
        }
        Some(Parcel { to, instances })
    }

    /// `parcel` was acknowledged, `not_mine` of it with the word that its reader does not look after them. Answers how many
    /// were given up.
    pub(super) fn acknowledge(&mut self, parcel: &Parcel, not_mine: &[InstanceId], now: Instant) -> usize {
        let mut given_up = 0;
        for KnownRevision { instance_id, .. } in &parcel.instances {
            if not_mine.contains(instance_id) {
                given_up += usize::from(self.fail(instance_id, parcel.to, now));
                continue;
            }
            let Some(entry) = self.entries.get_mut(instance_id) else { continue };
            let Stage::Sent(to, revision) = entry.stage else { continue };
            if entry.owner == to && entry.revision <= revision {
                self.entries.remove(instance_id);
            } else {
                // There was later word meanwhile.
                entry.stage = Stage::ToSend;
            }
        }
        given_up
    }

    /// `parcel` did not arrive, or nobody said that it did. Answers how many were given up.
    pub(super) fn fail_all(&mut self, parcel: &Parcel, now: Instant) -> usize {
        let failed = parcel.instances.iter();
        failed.filter(|known| self.fail(&known.instance_id, parcel.to, now)).count()
    }

    /// True when it is given up.
    fn fail(&mut self, id: &InstanceId, to: ReplicaId, now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(id) else { return false };
        if !matches!(entry.stage, Stage::Sent(sent_to, _) if sent_to == to) {
            return false;
        }
        entry.failures += 1;
        let is_over = entry.failures >= FAILURES_MAX || now.duration_since(entry.since) >= TRIED_FOR;
        if is_over {
            self.entries.remove(id);
        } else {
            entry.stage = Stage::ToLook(now + RETRY.pause_now(entry.failures));
        }
        is_over
    }

    /// The instances whose rows have to be read now. What a look came to nothing for is forgotten.
    pub(super) fn due(&mut self, now: Instant) -> Vec<InstanceId> {
        self.entries.retain(|_, entry| !matches!(entry.stage, Stage::Looking(until) if until <= now));
        let mut due = Vec::new();
        for (id, entry) in &mut self.entries {
            if matches!(entry.stage, Stage::ToLook(at) if at <= now) {
                entry.stage = Stage::Looking(now + LOOK_WITHIN);
                due.push(*id);
            }
        }
        due
    }

    /// When [`Orders::due`] has something to do next.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let times = self.entries.values().filter_map(|entry| match entry.stage {
            Stage::ToLook(at) | Stage::Looking(at) => Some(at),
            Stage::ToSend | Stage::Sent(..) => None,
        });
        times.min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn instance(number: u8) -> InstanceId {
        InstanceId(Uuid::from_u128(u128::from(number)))
    }

    fn replica(number: u8) -> ReplicaId {
        ReplicaId(Uuid::from_u128(1_000 + u128::from(number)))
    }

    #[test]
    fn what_is_for_one_replica_goes_in_one_parcel_and_is_done_when_acknowledged() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        assert!(orders.note(instance(1), replica(1), 3, now));
        assert!(orders.note(instance(2), replica(1), 5, now));
        assert!(orders.note(instance(3), replica(2), 7, now));
        let parcels = [orders.next_parcel().unwrap(), orders.next_parcel().unwrap()];
        assert_eq!(orders.next_parcel(), None);
        let sizes: std::collections::BTreeMap<_, _> =
            parcels.iter().map(|parcel| (parcel.to, parcel.instances.len())).collect();
        assert_eq!(sizes, [(replica(1), 2), (replica(2), 1)].into());
        for parcel in &parcels {
            assert_eq!(orders.acknowledge(parcel, &[], now), 0);
        }
        assert!(orders.entries.is_empty());
    }

    #[test]
    fn word_that_comes_while_an_order_is_out_is_sent_after_it() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        orders.note(instance(1), replica(1), 3, now);
        let first = orders.next_parcel().unwrap();
        orders.note(instance(1), replica(1), 4, now);
        assert_eq!(orders.next_parcel(), None);
        orders.acknowledge(&first, &[], now);
        assert_eq!(orders.next_parcel().unwrap().instances[0].revision, 4);
    }

    #[test]
    fn what_is_not_its_readers_is_read_again_and_goes_to_the_new_owner() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        orders.note(instance(1), replica(1), 3, now);
        let parcel = orders.next_parcel().unwrap();
        orders.acknowledge(&parcel, &[instance(1)], now);
        let at = orders.due_at().unwrap();
        assert_eq!(orders.due(at), [instance(1)]);
        orders.note(instance(1), replica(2), 3, at);
        assert_eq!(orders.next_parcel().unwrap().to, replica(2));
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let (mut orders, now) = (Orders::default(), Instant::now());
        for _ in 0..ORDERS_MAX {
            assert!(orders.note(InstanceId::new(), replica(1), 1, now));
        }
        assert!(!orders.note(instance(1), replica(1), 1, now));
        assert_eq!(orders.next_parcel().unwrap().instances.len(), ORDERED_MAX);
    }

    #[derive(Clone, Debug)]
    enum Happening {
        Word(u8, u8, i64),
        Send,
        Acknowledged,
        NotMine,
        Silence,
        Pause(u16),
    }

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            (0u8..6, 0u8..3, 1i64..20).prop_map(|(id, owner, revision)| Happening::Word(id, owner, revision)),
            Just(Happening::Send),
            Just(Happening::Acknowledged),
            Just(Happening::NotMine),
            Just(Happening::Silence),
            (0u16..5_000).prop_map(Happening::Pause),
        ]
    }

    proptest! {
        #[test]
        fn no_word_is_forgotten_before_its_time_and_none_is_kept_for_ever(
            happenings in prop::collection::vec(happening(), 0..80),
        ) {
            let (mut orders, mut now) = (Orders::default(), Instant::now());
            let mut out: Vec<Parcel> = Vec::new();
            for happening in happenings {
                match happening {
                    Happening::Word(id, owner, revision) => {
                        orders.note(instance(id), replica(owner), revision, now);
                        let entry = &orders.entries[&instance(id)];
                        prop_assert!(entry.revision >= revision);
                        // It is sent, or will be after what is out.
                        prop_assert!(matches!(entry.stage, Stage::ToSend | Stage::Sent(..)));
                    }
                    Happening::Send => out.extend(orders.next_parcel()),
                    Happening::Acknowledged => if let Some(parcel) = out.pop() {
                        orders.acknowledge(&parcel, &[], now);
                        for known in &parcel.instances {
                            if let Some(entry) = orders.entries.get(&known.instance_id) {
                                prop_assert!(entry.revision > known.revision || entry.owner != parcel.to);
                            }
                        }
                    },
                    Happening::NotMine => if let Some(parcel) = out.pop() {
                        let ids: Vec<_> = parcel.instances.iter().map(|known| known.instance_id).collect();
                        orders.acknowledge(&parcel, &ids, now);
                    },
                    Happening::Silence => if let Some(parcel) = out.pop() {
                        orders.fail_all(&parcel, now);
                    },
                    Happening::Pause(millis) => {
                        now += Duration::from_millis(u64::from(millis));
                        orders.due(now);
                    }
                }
                // Whatever is there waits for something that will come: a sending, an answer, or a time.
                let waiting = orders.entries.values().filter(|entry| matches!(entry.stage, Stage::Sent(..))).count();
                prop_assert_eq!(waiting, out.iter().map(|parcel| parcel.instances.len()).sum::<usize>());
                prop_assert!(orders.entries.values().all(|entry| entry.failures < FAILURES_MAX));
            }
            // From now on nobody answers, and nobody finds the rows changed: it all comes to an end.
            for _ in 0..200 {
                out.extend(std::iter::from_fn(|| orders.next_parcel()));
                for parcel in out.drain(..) {
                    orders.fail_all(&parcel, now);
                }
                now += Duration::from_secs(1);
                for id in orders.due(now) {
                    let (owner, revision) = (orders.entries[&id].owner, orders.entries[&id].revision);
                    orders.note(id, owner, revision, now);
                }
            }
            prop_assert!(orders.entries.is_empty());
        }
    }
}
