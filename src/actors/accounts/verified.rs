//! Tokens that were verified before, so that a client's next request does not cost a signature check (some 50 µs).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::models::Principal;

/// Locks; more threads than these rarely ask at once.
const SHARDS: usize = 16;

/// Tokens in one shard: 16,384 in all, some 3 MiB. Fewer makes a big crowd pay for signatures again and again.
const SHARD_LENGTH_MAX: usize = 1_024;

type Digest = [u8; 32];

/// A bounded memory, by the SHA-256 of the token: the token itself is not kept.
pub(super) struct Verified {
    shards: [Mutex<HashMap<Digest, Principal>>; SHARDS],
}

impl Default for Verified {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Verified {
    /// What the token was found to prove; its expiry is the caller's matter.
    pub(super) fn find(&self, digest: &Digest) -> Option<Principal> {
        self.shard(digest).get(digest).cloned()
    }

    /// Remembers a token until there is no room for it.
    pub(super) fn keep(&self, digest: Digest, principal: Principal, now_seconds: i64) {
        let mut shard = self.shard(&digest);
        if shard.len() >= SHARD_LENGTH_MAX {
            shard.retain(|_, known| known.expires_at.as_second() > now_seconds);
        }
        if shard.len() >= SHARD_LENGTH_MAX {
            // None is expired. Whichever half goes, its holders pay for one signature check each; going one by one would
            // make every newcomer walk the whole shard.
            let mut stays = false;
            shard.retain(|_, _| {
                stays = !stays;
                stays
            });
        }
        shard.insert(digest, principal);
    }

    fn shard(&self, digest: &Digest) -> MutexGuard<'_, HashMap<Digest, Principal>> {
        let place = usize::from(digest[0]) % SHARDS;
        // Nothing panics while it holds the lock.
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::models::{Credential, Role, SessionId, TokenId, UserId};

    fn principal(expires_at_second: i64) -> Principal {
        Principal {
            user_id: UserId::new(),
            role: Role::Developer,
            credential: Credential::Session { session_id: SessionId::new(), token_id: TokenId::new() },
            expires_at: Timestamp::from_second(expires_at_second).unwrap(),
        }
    }

    fn digest(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[1..9].copy_from_slice(&(number as u64).to_be_bytes());
        digest
    }

    #[test]
    fn a_flood_of_tokens_stays_within_bounds_and_the_newest_is_there() {
        let verified = Verified::default();
        for number in 0..3 * SHARD_LENGTH_MAX {
            verified.keep(digest(number), principal(1_000), 10);
            assert!(verified.find(&digest(number)).is_some());
            assert!(verified.shard(&digest(0)).len() <= SHARD_LENGTH_MAX);
        }
    }

    #[test]
    fn expired_tokens_make_room_first() {
        let verified = Verified::default();
        verified.keep(digest(0), principal(1_000), 10);
        for number in 1..SHARD_LENGTH_MAX {
            verified.keep(digest(number), principal(20), 10);
        }
        verified.keep(digest(SHARD_LENGTH_MAX), principal(1_000), 30);
        assert!(verified.find(&digest(0)).is_some());
        assert!(verified.find(&digest(1)).is_none());
        assert_eq!(verified.shard(&digest(0)).len(), 2);
    }
}
