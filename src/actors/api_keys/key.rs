//! The text of a key, and what is kept of it.
//!
//! `sk-`, 43 characters of base64url for 32 random bytes, 6 more for a checksum. The checksum lets a text that is no key be told
//! apart without a database, by us and by whoever looks for keys that leaked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

/// What every key begins with.
pub(super) const PREFIX: &str = "sk-";

/// Random characters, and those of the checksum.
const RANDOM_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;

/// What is shown of a key for ever: the prefix and a part of the random text that leaves 200 bits of it unknown.
const SHOWN_LENGTH: usize = PREFIX.len() + 8;

/// The digest of a key.
pub(super) type Digest = [u8; 32];

/// A new key.
pub(super) fn fresh() -> Secret {
    let random = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    Secret::new(format!("{PREFIX}{random}{}", checksum(&random)))
}

/// Whether it could be a key.
pub(super) fn is_well_formed(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(PREFIX) else { return false };
    if rest.len() != RANDOM_LENGTH + CHECKSUM_LENGTH || !rest.is_ascii() {
        return false;
    }
    let (random, sum) = rest.split_at(RANDOM_LENGTH);
    URL_SAFE_NO_PAD.decode(random).is_ok() && checksum(random) == sum
}

/// The part by which its holder knows a key again.
pub(super) fn shown(key: &str) -> &str {
    key.get(..SHOWN_LENGTH).unwrap_or(PREFIX)
}

fn checksum(random: &str) -> String {
    let digest = Sha256::digest(random);
    URL_SAFE_NO_PAD.encode(digest).chars().take(CHECKSUM_LENGTH).collect()
}

/// Makes digests under a secret that no database knows: without it nobody can make a row that some key belongs to.
#[derive(Clone)]
pub struct KeyHasher(Hmac<Sha256>);

impl KeyHasher {
    /// One for the secret of the settings.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let mut block = [0; 64];
        block[..secret.len()].copy_from_slice(secret);
        // As RFC 2104 says of keys that are shorter than a block.
        Self(Hmac::new(&block.into()))
    }

    /// What is kept of a key.
    pub(super) fn digest(&self, key: &str) -> Digest {
        self.0.clone().chain_update(b"key\0").chain_update(key).finalize().into_bytes().into()
    }

    /// Proves that we wrote a text.
    pub(super) fn seal(&self, text: &str) -> String {
        let seal = self.0.clone().chain_update(b"seal\0").chain_update(text).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(seal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_told_apart_from_any_other_text_without_a_database() {
        let key = fresh();
        let key = key.expose();
        assert!(is_well_formed(key) && key.len() == 52);
        assert_eq!(shown(key), &key[..11]);
        for place in 0..key.len() {
            let mut other = key.as_bytes().to_vec();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            assert!(!is_well_formed(std::str::from_utf8(&other).unwrap()), "{place}");
        }
        for none in ["", "sk-", "sk_", &key[1..], &format!("{key}A"), &key.to_uppercase()] {
            assert!(!is_well_formed(none), "{none}");
        }
    }

    #[test]
    fn a_digest_depends_on_the_key_and_on_the_secret() {
        let (one, other) = (KeyHasher::new(&[1; 32]), KeyHasher::new(&[2; 32]));
        assert_eq!(one.digest("sk-a"), one.digest("sk-a"));
        assert_ne!(one.digest("sk-a"), other.digest("sk-a"));
        assert_ne!(one.digest("sk-a"), one.digest("sk-b"));
        assert_ne!(URL_SAFE_NO_PAD.encode(one.digest("sk-a")), one.seal("sk-a"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "\\PC{0,60}|sk-\\PC{49}|sk-[A-Za-z0-9_-]{49}") {
            prop_assert!(!is_well_formed(&text));
        }
    }
}
