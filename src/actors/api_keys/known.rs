//! Keys that were looked up before, so that a program's next request costs no question to a database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::key::{self, Digest, KeyHasher};
use crate::actors::revocations::RevocationView;
use crate::models::{ApiKeyId, Credential, Principal};

/// How long what was read of a key is used. Less than for what view remembers that a key has changed.
const USED_FOR: Duration = Duration::from_secs(30);

/// Keys that are remembered; some 200 bytes each. One more makes those forgotten that are old, or all.
const LENGTH_MAX: usize = 16_384;

/// The keys that came lately. Clones are the same memory.
#[derive(Clone)]
pub struct KnownKeys {
    hasher: KeyHasher,
    view: RevocationView,
    known: Arc<Mutex<HashMap<Digest, Known>>>,
    used: Arc<Mutex<HashMap<ApiKeyId, Timestamp>>>,
}

struct Known {
    holder: Principal,
    key_id: ApiKeyId,
    /// Before the question was sent.
    read_at: Instant,
}

/// What is known of a key here and now.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyStanding {
    /// It is none.
    NoKey,
    /// Somebody's.
    Good(Principal),
    /// Its row has to be looked at.
    Unknown([u8; 32]),
}

impl KnownKeys {
    /// Nothing yet. What it remembers is checked against `view`, which hears of changes.
    #[must_use]
    pub fn new(hasher: KeyHasher, view: RevocationView) -> Self {
        Self { hasher, view, known: Arc::default(), used: Arc::default() }
    }

    /// Whether a text is meant to be a key.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(key::PREFIX)
    }

    /// What is known of a key that somebody came with.
    #[must_use]
    pub fn standing(&self, text: &str) -> KeyStanding {
        if !key::is_well_formed(text) {
            return KeyStanding::NoKey;
        }
        let digest = self.hasher.digest(text);
        match self.find(&digest) {
            Some(holder) => KeyStanding::Good(holder),
            None => KeyStanding::Unknown(digest),
        }
    }

    /// Whose key it is, as far as nothing can have changed since its row was read.
    fn find(&self, digest: &Digest) -> Option<Principal> {
        if !self.view.is_fresh() {
            return None;
        }
        let (holder, key_id, read_at) = {
            let known = lock(&self.known);
            let found = known.get(digest)?;
            (found.holder.clone(), found.key_id, found.read_at)
        };
        let is_good = read_at.elapsed() < USED_FOR
            && holder.expires_at > Timestamp::now()
            && !self.view.has_changed_since((key_id, holder.user_id), read_at);
        if !is_good {
            return None;
        }
        self.note_use(key_id);
        Some(holder)
    }

    /// Remembers what was read of a key; `read_at` is before the question was sent.
    pub(super) fn keep(&self, digest: Digest, holder: &Principal, read_at: Instant) {
        let Credential::ApiKey { key_id, .. } = holder.credential else { return };
        self.note_use(key_id);
        let mut known = lock(&self.known);
        if known.len() >= LENGTH_MAX {
            known.retain(|_, known| known.read_at.elapsed() < USED_FOR);
            if known.len() >= LENGTH_MAX {
                known.clear();
            }
        }
        let _older = known.insert(digest, Known { holder: holder.clone(), key_id, read_at });
    }

    /// A key has just been changed here.
    pub(super) fn forget(&self, key_id: ApiKeyId) {
        self.view.doubt(key_id);
    }

    /// Takes what is to be written down about uses.
    pub(super) fn take_uses(&self) -> Vec<(ApiKeyId, Timestamp)> {
        lock(&self.used).drain().collect()
    }

    /// What only the hasher can say.
    pub(super) const fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// What hears of changes.
    pub(super) const fn view(&self) -> &RevocationView {
        &self.view
    }

    fn note_use(&self, key_id: ApiKeyId) {
        let mut used = lock(&self.used);
        // While nobody writes them down, a use more or less is not worth memory without an end.
        if used.len() < LENGTH_MAX || used.contains_key(&key_id) {
            let _earlier = used.insert(key_id, Timestamp::now());
        }
    }
}

/// Nothing panics while it holds one of these.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::store::credential_changes::CredentialChange;
    use crate::models::{PermissionSet, Role, UserId};

    fn holder(expires_at: Timestamp) -> (ApiKeyId, Principal) {
        let key_id = ApiKeyId::new();
        let credential = Credential::ApiKey { key_id, permissions: PermissionSet::ALL, team_id: None };
        (key_id, Principal { user_id: UserId::new(), role: Role::Developer, credential, expires_at })
    }

    #[test]
    fn a_key_is_known_until_it_changes_expires_or_nobody_would_hear_of_it() {
        let (view, hasher) = (RevocationView::default(), KeyHasher::new(&[7; 32]));
        let keys = KnownKeys::new(hasher.clone(), view.clone());
        let text = key::fresh();
        let digest = hasher.digest(text.expose());
        assert_eq!(keys.standing("sk-x"), KeyStanding::NoKey);
        assert_eq!(keys.standing(text.expose()), KeyStanding::Unknown(digest));

        let (key_id, ada) = holder(Timestamp::MAX);
        keys.keep(digest, &ada, Instant::now());
        assert_eq!(keys.standing(text.expose()), KeyStanding::Unknown(digest), "the view is not fresh");
        view.complete_as_of(Instant::now());
        assert_eq!(keys.standing(text.expose()), KeyStanding::Good(ada.clone()));
        assert_eq!(keys.take_uses().len(), 1);

        let read_at = Instant::now();
        view.hear(&[CredentialChange { number: 1, user_id: ada.user_id, api_key_id: Some(key_id) }]);
        assert_eq!(keys.standing(text.expose()), KeyStanding::Unknown(digest));
        // An answer that was on its way when the change was heard may be the old one.
        keys.keep(digest, &ada, read_at);
        assert_eq!(keys.standing(text.expose()), KeyStanding::Unknown(digest));

        let (_, late) = holder(Timestamp::UNIX_EPOCH);
        let other = key::fresh();
        keys.keep(hasher.digest(other.expose()), &late, Instant::now());
        assert!(matches!(keys.standing(other.expose()), KeyStanding::Unknown(_)));
    }

    #[test]
    fn a_flood_of_keys_stays_within_bounds() {
        let keys = KnownKeys::new(KeyHasher::new(&[7; 32]), RevocationView::default());
        for number in 0..LENGTH_MAX + 10 {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&(number as u64).to_be_bytes());
            keys.keep(digest, &holder(Timestamp::MAX).1, Instant::now());
        }
        assert!(lock(&keys.known).len() <= LENGTH_MAX && lock(&keys.used).len() <= LENGTH_MAX);
    }
}
