//! The counts: by who was denied, from where, what and why.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

pub use crate::models::audit::Denied;
use crate::models::audit::{Actor, DenialKey};

/// Different counts between two writings. One more is counted together with all others that find no room.
const COUNTS_MAX: usize = 1_000;

/// What is counted together when there is no room left.
const OVERFLOW: &str = "overflow";

/// The counts of this process. Clones are the same.
#[derive(Clone, Default)]
pub struct Denials(Arc<Mutex<HashMap<DenialKey, Denied>>>);

impl Denials {
    /// Counts a request that was denied: why, as a code, and where, as the route's pattern.
    pub fn count(&self, actor: &Actor, code: &'static str, route: &str, request_id: &str) {
        let (now, request_id) = (Timestamp::now(), request_id.to_owned());
        let key = DenialKey { actor: actor.clone(), code, route: route.to_owned() };
        add(&mut self.lock(), Denied { key, count: 1, first_at: now, last_at: now, request_id });
    }

    /// Takes all counts out.
    #[must_use]
    pub fn take(&self) -> Vec<Denied> {
        std::mem::take(&mut *self.lock()).into_values().collect()
    }

    /// Counts again what could not be written.
    pub fn give_back(&self, taken: Vec<Denied>) {
        let mut counts = self.lock();
        taken.into_iter().for_each(|denied| add(&mut counts, denied));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DenialKey, Denied>> {
        // A count is changed in one step, or not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts it where it belongs, or as one too many where there is no room.
fn add(counts: &mut HashMap<DenialKey, Denied>, denied: Denied) {
    let has_room = counts.len() < COUNTS_MAX || counts.contains_key(&denied.key);
    let key = if has_room { denied.key.clone() } else { overflow() };
    match counts.entry(key) {
        Entry::Occupied(mut known) => known.get_mut().add(denied.count, denied.first_at, denied.last_at),
        Entry::Vacant(place) => {
            let key = place.key().clone();
            let _first = place.insert(Denied { key, ..denied });
        }
    }
}

fn overflow() -> DenialKey {
    DenialKey { actor: Actor::nobody(None), code: OVERFLOW, route: OVERFLOW.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn from(number: u32) -> Actor {
        Actor::nobody(Some(IpAddr::V4(Ipv4Addr::from(number))))
    }

    #[test]
    fn the_same_denial_is_one_count_and_another_is_another() {
        let denials = Denials::default();
        for _ in 0..3 {
            denials.count(&from(1), "forbidden", "/x", "first");
        }
        denials.count(&from(2), "forbidden", "/x", "other");
        denials.count(&from(1), "unauthenticated", "/x", "other");
        let mut counts: Vec<i64> = denials.take().iter().map(|denied| denied.count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 3]);
        assert!(denials.take().is_empty());
    }

    #[test]
    fn however_many_are_denied_the_counts_are_bounded_and_none_is_lost() {
        let denials = Denials::default();
        for number in 0..5_000 {
            denials.count(&from(number), "forbidden", "/x", "id");
        }
        let taken = denials.take();
        assert_eq!(taken.len(), COUNTS_MAX + 1);
        assert_eq!(taken.iter().map(|denied| denied.count).sum::<i64>(), 5_000);
        for number in 10_000..15_000 {
            denials.count(&from(number), "forbidden", "/x", "id");
        }
        denials.give_back(taken);
        let taken = denials.take();
        assert_eq!(taken.len(), COUNTS_MAX + 1);
        assert_eq!(taken.iter().map(|denied| denied.count).sum::<i64>(), 10_000);
    }
}
