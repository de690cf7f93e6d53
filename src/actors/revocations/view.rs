//! The sessions that were ended, as those who serve requests see them: a look costs two loads and no wait.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::models::store::credential_changes::CredentialChange;
use crate::models::store::sessions::Revocation;
use crate::models::{ApiKeyId, SessionId, UserId};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, RwLock};

/// How long a look at Postgres is good for. Longer lets a token work for longer after a log-out that was not heard of;
/// shorter sends requests to Redis whenever Postgres hesitates.
const FRESH_FOR: Duration = Duration::from_secs(2);

/// How long an entry is kept past the end of its tokens: clocks differ, and tokens are taken some seconds too long.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(60);

/// How long a change may be told again: as long as the statement looks back, and somewhat more for clocks that differ.
const CHANGES_TOLD_FOR: Duration = Duration::from_secs(3_700);

/// How long it is remembered of a key that it has changed: longer than anybody uses what they have read of it, here and in
/// Redis.
const KEYS_DOUBTED_FOR: Duration = Duration::from_secs(120);

/// Locks; readers of different sessions rarely meet at one.
const SHARDS: usize = 16;

/// What is known of a session, here and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on.
    Good,
    /// It was ended, for ever.
    Revoked,
    /// It was not ended as far as was heard, and not enough was heard lately.
    Unknown,
}

/// Clones are the same view. It holds what was revoked in the last access token's life: some 100 bytes for each log-out.
#[derive(Clone)]
pub struct RevocationView {
    shared: Arc<Shared>,
}

struct Shared {
    began: Instant,
    changes: Mutex<Changes>,
    /// In milliseconds since `began`; 0 before the first look.
    fresh_until_ms: AtomicU64,
    shards: [RwLock<HashSet<SessionId>>; SHARDS],
    journal: Mutex<Journal>,
}

/// In the order of learning, so that others can follow.
#[derive(Default)]
struct Journal {
    last: u64,
    entries: Vec<(u64, Revocation)>,
}

/// What was heard of credentials that others remember, in the order of hearing.
#[derive(Default)]
struct Changes {
    last: u64,
    /// By the number that Postgres gave: each is heard once, however often it is told.
    heard: HashMap<i64, Heard>,
    /// The last that was heard of each key.
    keys: HashMap<ApiKeyId, Instant>,
    /// Users about whom something was changed here, which will be heard of in a moment.
    users: HashMap<UserId, Instant>,
}

struct Heard {
    place: u64,
    at: Instant,
    change: CredentialChange,
}

impl Default for RevocationView {
    fn default() -> Self {
        let shared = Shared {
            began: Instant::now(),
            changes: Mutex::default(),
            fresh_until_ms: AtomicU64::new(0),
            shards: std::array::from_fn(|_| RwLock::default()),
            journal: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl RevocationView {
    /// What is known of a session.
    #[must_use]
    pub fn standing(&self, session_id: SessionId) -> Standing {
        // In this order: what was complete when it was looked at misses nothing that was ended before.
        let is_fresh = self.is_fresh();
        if self.is_revoked(session_id) {
            return Standing::Revoked;
        }
        if is_fresh { Standing::Good } else { Standing::Unknown }
    }

    /// Whether it was heard that the session is over.
    #[must_use]
    pub fn is_revoked(&self, session_id: SessionId) -> bool {
        let shard = self.shard(session_id).read().unwrap_or_else(PoisonError::into_inner);
        shard.contains(&session_id)
    }

    /// Whether the last look was a moment ago.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        let now_ms = millis(self.shared.began.elapsed());
        now_ms < self.shared.fresh_until_ms.load(Ordering::Acquire)
    }

    /// Takes in what was revoked; what is known already changes nothing.
    pub fn learn(&self, revocations: &[Revocation]) {
        for revocation in revocations {
            let shard = self.shard(revocation.session_id);
            let is_new = shard.write().unwrap_or_else(PoisonError::into_inner).insert(revocation.session_id);
            if is_new {
                let mut journal = self.journal();
                journal.last += 1;
                let number = journal.last;
                journal.entries.push((number, *revocation));
            }
        }
    }

    /// Takes in what has changed about credentials; what was told before changes nothing.
    pub fn hear(&self, changes: &[CredentialChange]) {
        if changes.is_empty() {
            return;
        }
        let at = Instant::now();
        let mut known = self.changes();
        for change in changes.iter().copied() {
            if known.heard.contains_key(&change.number) {
                continue;
            }
            known.last += 1;
            let place = known.last;
            let _new = known.heard.insert(change.number, Heard { place, at, change });
            if let Some(key_id) = change.api_key_id {
                let _last = known.keys.insert(key_id, at);
            }
        }
    }

    /// Takes nothing for granted any more that was read of a key before now.
    pub fn doubt(&self, key_id: ApiKeyId) {
        let _last = self.changes().keys.insert(key_id, Instant::now());
    }

    /// The same of all keys of a user.
    pub fn doubt_user(&self, user_id: UserId) {
        let _last = self.changes().users.insert(user_id, Instant::now());
    }

    /// Whether what was read of a key at `read_at` may be out of date.
    #[must_use]
    pub fn has_changed_since(&self, (key_id, user_id): (ApiKeyId, UserId), read_at: Instant) -> bool {
        let known = self.changes();
        let heard = [known.keys.get(&key_id), known.users.get(&user_id)];
        heard.into_iter().flatten().any(|heard_at| *heard_at >= read_at)
    }

    /// Whether anything was heard of a key lately: what a third party remembers of it is not to be trusted.
    #[must_use]
    pub fn has_changed_lately(&self, key_id: ApiKeyId, user_id: UserId) -> bool {
        let known = self.changes();
        known.keys.contains_key(&key_id) || known.users.contains_key(&user_id)
    }

    /// What was heard after place `seen`, and the place to ask with the next time.
    #[must_use]
    pub fn heard_since(&self, seen: u64) -> (Vec<CredentialChange>, u64) {
        let known = self.changes();
        if known.last <= seen {
            return (Vec::new(), known.last);
        }
        let news =
            known.heard.values().filter(|heard| heard.place > seen).map(|heard| heard.change).collect();
        (news, known.last)
    }

    /// Everything that was revoked before `began` is in the view by now.
    pub fn complete_as_of(&self, began: Instant) {
        let until = began.saturating_duration_since(self.shared.began) + FRESH_FOR;
        self.shared.fresh_until_ms.fetch_max(millis(until), Ordering::AcqRel);
    }

    /// What was learned after number `seen`, and the number to ask with the next time; 0 asks for all that is kept.
    #[must_use]
    pub fn learned_since(&self, seen: u64) -> (Vec<Revocation>, u64) {
        let journal = self.journal();
        let start = journal.entries.partition_point(|(number, _)| *number <= seen);
        let news = journal.entries[start..].iter().map(|(_, revocation)| *revocation).collect();
        (news, journal.last)
    }

    /// The number of the last that was learned.
    #[must_use]
    pub fn last_learned(&self) -> u64 {
        self.journal().last
    }

    /// Forgets sessions whose tokens have all expired by themselves.
    pub fn forget_expired(&self, now: Timestamp) {
        let mut gone = Vec::new();
        self.journal().entries.retain(|(_, revocation)| {
            let is_kept = now.duration_since(revocation.access_until) < KEPT_FOR;
            if !is_kept {
                gone.push(revocation.session_id);
            }
            is_kept
        });
        for session_id in gone {
            self.shard(session_id).write().unwrap_or_else(PoisonError::into_inner).remove(&session_id);
        }
    }

    /// Forgets changes that can be told no more, and keys of which nothing that was read before can be in use.
    pub fn forget_changes(&self) {
        let mut known = self.changes();
        known.heard.retain(|_, heard| heard.at.elapsed() < CHANGES_TOLD_FOR);
        known.keys.retain(|_, heard_at| heard_at.elapsed() < KEYS_DOUBTED_FOR);
        known.users.retain(|_, heard_at| heard_at.elapsed() < KEYS_DOUBTED_FOR);
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        // Nothing panics while it holds the lock.
        self.shared.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard(&self, session_id: SessionId) -> &RwLock<HashSet<SessionId>> {
        // The last byte of a UUIDv7 is random.
        let [.., last] = *session_id.as_uuid().as_bytes();
        &self.shared.shards[usize::from(last) % SHARDS]
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        // Nothing panics while it holds the lock.
        self.shared.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(all(test, feature = "models"))]
#[path = "meetings.rs"]
mod meetings;

#[cfg(test)]
mod tests {
    use super::*;

    fn revocation(access_until: i64) -> Revocation {
        let access_until = Timestamp::from_second(access_until).unwrap();
        Revocation { session_id: SessionId::new(), user_id: UserId::new(), access_until }
    }

    #[test]
    fn what_was_not_looked_at_lately_is_unknown_and_what_is_revoked_stays_so() {
        let view = RevocationView::default();
        let ended = revocation(1_000);
        assert_eq!(view.standing(ended.session_id), Standing::Unknown);
        view.learn(&[ended]);
        assert_eq!(view.standing(ended.session_id), Standing::Revoked);

        view.complete_as_of(Instant::now());
        assert_eq!(view.standing(ended.session_id), Standing::Revoked);
        assert_eq!(view.standing(SessionId::new()), Standing::Good);
    }

    #[test]
    fn an_old_look_makes_nothing_fresh_and_takes_no_freshness_away() {
        let view = RevocationView::default();
        let long_ago = Instant::now();
        view.complete_as_of(long_ago.checked_sub(FRESH_FOR * 2).unwrap_or(long_ago));
        view.complete_as_of(Instant::now());
        assert!(view.is_fresh());
    }

    #[test]
    fn a_follower_hears_of_each_revocation_once() {
        let view = RevocationView::default();
        let (one, other) = (revocation(1_000), revocation(1_000));
        view.learn(&[one]);
        let (news, seen) = view.learned_since(0);
        assert_eq!(news, [one]);
        view.learn(&[one, other]);
        let (news, seen) = view.learned_since(seen);
        assert_eq!(news, [other]);
        assert_eq!(view.learned_since(seen), (Vec::new(), view.last_learned()));
    }

    #[test]
    fn what_was_read_of_a_key_before_a_change_was_heard_is_out_of_date_and_each_change_is_heard_once() {
        let view = RevocationView::default();
        let (key_id, user_id) = (ApiKeyId::new(), UserId::new());
        let key = (key_id, user_id);
        let before = Instant::now();
        assert!(!view.has_changed_since(key, before));
        let change = CredentialChange { number: 7, user_id, api_key_id: Some(key_id) };
        view.hear(&[change, change]);
        assert!(view.has_changed_since(key, before) && view.has_changed_lately(key_id, user_id));
        let (news, seen) = view.heard_since(0);
        assert_eq!(news, [change]);
        let after = Instant::now();
        view.hear(&[change]);
        assert_eq!(view.heard_since(seen), (Vec::new(), seen));
        assert!(!view.has_changed_since(key, after) || after == before);
        assert!(!view.has_changed_since((ApiKeyId::new(), user_id), before));
        view.doubt_user(user_id);
        assert!(view.has_changed_since((ApiKeyId::new(), user_id), before));
        assert!(!view.has_changed_since((ApiKeyId::new(), UserId::new()), before));
    }

    #[test]
    fn an_entry_goes_a_while_after_its_last_token() {
        let view = RevocationView::default();
        let (old, young) = (revocation(1_000), revocation(2_000));
        view.learn(&[old, young]);
        view.forget_expired(Timestamp::from_second(1_059).unwrap());
        assert!(view.is_revoked(old.session_id));
        view.forget_expired(Timestamp::from_second(1_060).unwrap());
        assert!(!view.is_revoked(old.session_id) && view.is_revoked(young.session_id));
        assert_eq!(view.learned_since(0).0, [young]);
    }
}
