//! For how long this process may act as the owner of what it has claimed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::models::ReplicaId;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// This replica's view of its own lease. Cheap to clone, and readable from every thread without a lock.
///
/// Time is counted on this machine's monotonic clock, from the *sending* of the last beat that Postgres acknowledged:
/// whatever the network did with it, the row cannot be older than that. Only two thirds of the lease are used, so that an
/// effect which was begun in the last moment has the rest to come to its end before another replica may begin its own.
#[derive(Clone, Debug)]
pub struct ReplicaLease {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: ReplicaId,
    lease: Duration,
    born: Instant,
    /// Milliseconds since `born`, as all moments here.
    acts_until: AtomicU64,
    has_begun: AtomicBool,
    lapses: AtomicU64,
    is_retired: AtomicBool,
}

impl ReplicaLease {
    /// A lease that nothing has been acknowledged of yet. `id` is fresh for every start of the process.
    #[must_use]
    pub fn new(id: ReplicaId, lease_ms: u64) -> Self {
        let shared = Shared {
            id,
            lease: Duration::from_millis(lease_ms),
            born: Instant::now(),
            acts_until: AtomicU64::new(0),
            has_begun: AtomicBool::new(false),
            lapses: AtomicU64::new(0),
            is_retired: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Who holds it.
    #[must_use]
    pub fn id(&self) -> ReplicaId {
        self.shared.id
    }

    /// How long the others believe in a beat.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.shared.lease
    }

    /// Whether an effect outside of Postgres may be begun now. Ask right before each: an effect cannot be fenced.
    #[must_use]
    pub fn may_act(&self) -> bool {
        self.may_act_at(Instant::now())
    }

    /// How often the lease has run out and begun anew. After each, others may have taken what was owned before.
    #[must_use]
    pub fn lapses(&self) -> u64 {
        self.shared.lapses.load(Ordering::Acquire)
    }

    /// A beat that was sent at `sent` has been acknowledged. `row_was_there` is false when the row had to be made anew:
    /// others have called this replica dead.
    pub(super) fn renew(&self, sent: Instant, row_was_there: bool) {
        let sent_at = self.moment(sent);
        let unbroken = self.may_act_at(sent) && row_was_there;
        if !unbroken && self.shared.has_begun.swap(true, Ordering::AcqRel) {
            self.shared.lapses.fetch_add(1, Ordering::AcqRel);
        }
        // Last, so that whoever may act again sees that there was a break.
        let usable = u64::try_from(self.shared.lease.as_millis() * 2 / 3).unwrap_or(u64::MAX);
        self.shared.acts_until.store(sent_at.saturating_add(usable), Ordering::Release);
    }

    /// From now on this process claims nothing and begins no effect, however well it beats: it is about to end. Whoever is
    /// rebuilt meanwhile, the directory or the ledger, finds it so. There is no way back.
    pub fn retire(&self) {
        self.shared.is_retired.store(true, Ordering::Release);
    }

    /// No effect is begun any more: this process hands back what it owns.
    pub(super) fn give_up(&self) {
        self.shared.acts_until.store(0, Ordering::Release);
    }

    fn may_act_at(&self, now: Instant) -> bool {
        !self.shared.is_retired.load(Ordering::Acquire)
            && self.moment(now) < self.shared.acts_until.load(Ordering::Acquire)
    }

    fn moment(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.shared.born).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(all(test, feature = "models"))]
#[path = "meetings.rs"]
mod meetings;

#[cfg(all(test, not(feature = "models")))]
#[path = "model.rs"]
mod model;

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> ReplicaLease {
        ReplicaLease::new(ReplicaId::new(), 9_000)
    }

    #[test]
    fn who_has_retired_does_not_act_again_however_well_it_beats() {
        let lease = lease();
        lease.renew(Instant::now(), false);
        lease.retire();
        lease.renew(Instant::now(), true);
        assert!(!lease.may_act());
    }

    #[test]
    fn nobody_acts_before_the_first_beat_is_acknowledged() {
        let lease = lease();
        assert!(!lease.may_act());
        lease.renew(Instant::now(), false);
        assert!(lease.may_act());
        assert_eq!(lease.lapses(), 0);
    }

    #[test]
    fn two_thirds_of_the_lease_are_counted_from_the_sending() {
        let lease = lease();
        let sent = Instant::now();
        lease.renew(sent, false);
        assert!(lease.may_act_at(sent + Duration::from_millis(5_990)));
        assert!(!lease.may_act_at(sent + Duration::from_millis(6_001)));
    }

    #[test]
    fn a_beat_in_time_goes_on_and_a_late_one_begins_anew() {
        let lease = lease();
        let first = Instant::now();
        lease.renew(first, false);
        lease.renew(first + Duration::from_millis(4_000), true);
        assert_eq!(lease.lapses(), 0);
        lease.renew(first + Duration::from_millis(11_000), true);
        assert_eq!(lease.lapses(), 1);
    }

    #[test]
    fn whoever_was_called_dead_has_lapsed_however_recent_its_last_beat() {
        let lease = lease();
        let first = Instant::now();
        lease.renew(first, false);
        lease.renew(first + Duration::from_millis(10), false);
        assert_eq!(lease.lapses(), 1);
    }

    #[test]
    fn a_lease_that_was_given_up_acts_no_more() {
        let lease = lease();
        lease.renew(Instant::now(), false);
        lease.give_up();
        assert!(!lease.may_act());
    }
}
