//! Decides about each request where it is served: no actor is asked, and no server.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::counter::{Counter, RouteClass, Subject};
use super::settings::RateLimitsSettings;
use super::windows::{Delta, Standing, Windows};
use crate::sync::{Mutex, MutexGuard};

/// Threads seldom meet in one of so many; more would be looked through in vain at each exchange. In a model they should meet.
const SHARDS: usize = if cfg!(feature = "models") { 2 } else { 64 };

/// The part of a limit after which other replicas are told at once. A smaller one asks Redis oftener in bursts, a bigger
/// one lets more through in all before the replicas know of each other.
const TOLD_AT_ONCE: u32 = 16;

/// Whose request it is.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The holder of its credential, if it has a good one; nobody while it proves who it is.
    pub subject: Option<Subject>,
    /// The API key that it comes with: of each kind of request it has a count of its own, so that a program which runs away
    /// leaves its user room for the rest.
    pub key: Option<Subject>,
    /// Where it comes from, if that is known.
    pub address: Option<IpAddr>,
}

/// Where requests are counted. Clones are the same place.
#[derive(Clone)]
pub struct RateLimiter {
    shared: Arc<Shared>,
}

struct Shared {
    settings: RateLimitsSettings,
    hasher: RandomState,
    shards: Vec<Mutex<Windows>>,
    /// Rung when many requests were admitted since the last exchange.
    bell: Notify,
}

impl RateLimiter {
    /// Everybody starts anew.
    #[must_use]
    pub fn new(settings: RateLimitsSettings) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let hasher = RandomState::new();
        Self { shared: Arc::new(Shared { settings, hasher, shards, bell: Notify::new() }) }
    }

    /// Counts a request. Answers with the count that has the least room left; `None` if no limit concerns it.
    ///
    /// # Errors
    /// The count that has no room. The request is counted nowhere then.
    pub fn admit(&self, asker: Asker, class: RouteClass) -> Result<Option<Standing>, Standing> {
        let settings = &self.shared.settings;
        let address = asker.address.map(Subject::address);
        let subject = asker.subject;
        let class_max = match class {
            RouteClass::Auth => settings.auth_max,
            RouteClass::Read => settings.read_max,
            RouteClass::Write => settings.write_max,
            RouteClass::Socket => settings.socket_max,
        };
        // Guessing is counted where it comes from, and also for the one whose secret it is, if they are known.
        let (of_class, also_of_class) = if class == RouteClass::Auth {
            (address, subject)
        } else {
            (asker.key.or(subject).or(address), None)
        };
        // The one that a flood meets first stands first: it is refused by one look.
        let wanted = [
            (of_class, Some(class), class_max),
            (also_of_class, Some(class), class_max),
            (subject, None, settings.user_max),
            (address, None, settings.address_max),
        ];
        self.take_all(&wanted)
    }

    /// Counts an attempt to sign in with a user name, from an address if that is known. What one address has tried too often
    /// does not count everywhere, so that nobody keeps an account's owner out by themselves.
    ///
    /// # Errors
    /// The count that has no room.
    pub fn admit_account(&self, name: &str, address: Option<IpAddr>) -> Result<(), Standing> {
        let settings = &self.shared.settings;
        let here = Subject::account_at(name, address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let wanted = [
            (Some(here), None, settings.account_max),
            (Some(Subject::account(name)), None, settings.account_everywhere_max),
        ];
        self.take_all(&wanted).map(|_standing| ())
    }

    fn take_all(
        &self,
        wanted: &[(Option<Subject>, Option<RouteClass>, u32)],
    ) -> Result<Option<Standing>, Standing> {
        let now = Instant::now();
        let mut tightest: Option<Standing> = None;
        for (index, (subject, class, limit)) in wanted.iter().enumerate() {
            let Some(counter) = counted(*subject, *class, *limit) else { continue };
            match self.take(counter, *limit, now) {
                Ok(standing) => {
                    let is_tighter = tightest.is_none_or(|known| standing.remaining < known.remaining);
                    tightest = if is_tighter { Some(standing) } else { tightest };
                }
                Err(full) => {
                    let taken = wanted.iter().take(index);
                    for counter in
                        taken.filter_map(|(subject, class, limit)| counted(*subject, *class, *limit))
                    {
                        self.shard(&counter).give_back(counter);
                    }
                    return Err(full);
                }
            }
        }
        Ok(tightest)
    }

    fn take(&self, counter: Counter, limit: u32, now: Instant) -> Result<Standing, Standing> {
        let length_max = (self.shared.settings.counters_max / SHARDS).max(1);
        let (taken, untold) = self.shard(&counter).take(counter, limit, length_max, now);
        if untold == i64::from((limit / TOLD_AT_ONCE).max(1)) {
            self.shared.bell.notify_one();
        }
        taken
    }

    fn shard(&self, counter: &Counter) -> MutexGuard<'_, Windows> {
        let hash = self.shared.hasher.hash_one(counter);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        // Nothing panics while it holds the lock.
        self.shared.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is much to tell.
    pub(super) async fn rung(&self) {
        self.shared.bell.notified().await;
    }

    /// All that Redis was not told of yet; from now on it counts as told.
    pub(super) fn take_changes(&self) -> Vec<Delta> {
        let mut changes = Vec::new();
        for shard in &self.shared.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).take_changes(&mut changes);
        }
        changes
    }

    /// What Redis has answered to a change: the count of all replicas, and how long its window still lasts.
    pub(super) fn settle(&self, delta: &Delta, total: i64, left: Option<Duration>) {
        self.shard(&delta.counter).settle(delta, total, left, Instant::now());
    }

    /// It is not known whether Redis was told.
    pub(super) fn doubt(&self, delta: &Delta) {
        self.shard(&delta.counter).doubt(delta);
    }

    /// Redis was not told after all.
    pub(super) fn untold(&self, delta: &Delta) {
        self.shard(&delta.counter).untold(delta);
    }

    pub(super) fn settings(&self) -> &RateLimitsSettings {
        &self.shared.settings
    }
}

/// `None` for what is not counted: nobody, or without a limit.
fn counted(subject: Option<Subject>, class: Option<RouteClass>, limit: u32) -> Option<Counter> {
    subject.filter(|_| limit > 0).map(|subject| Counter { subject, class })
}

#[cfg(all(test, feature = "models"))]
#[path = "meetings.rs"]
mod meetings;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
