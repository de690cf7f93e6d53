//! What tokens and password hashes are worth.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::tokens::PublicKey;
use crate::faults::Faults;
use crate::secret::Secret;

/// The next key, the last one, and some that somebody forgot. Every token of a stranger is compared with all of them.
const VERIFYING_KEYS_MAX: usize = 8;

/// `[auth]`: tokens and passwords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSettings {
    /// Life of an access token, in seconds; 30 to 86,400.
    pub access_token_seconds: u64,
    /// Life of a refresh token, in seconds; longer than an access token's, up to a year.
    pub refresh_token_seconds: u64,
    /// Sessions that one user may have at once; 1 to 100,000. Those that were not refreshed for longest end first.
    pub sessions_per_user_max: u32,
    /// The Ed25519 seed, 32 bytes in base64; read it with [`AuthSettings::signing_seed`].
    pub signing_key: Secret,
    /// Public keys whose tokens are taken, too, while keys are rotated; read them with [`AuthSettings::public_keys`].
    pub verifying_keys: Vec<String>,
    /// What API keys are kept under, 32 bytes in base64; read it with [`AuthSettings::api_key_secret`].
    pub api_key_secret: Secret,
    /// Good API keys that one user may have; 0 to 10,000.
    pub api_keys_per_user_max: u32,
    /// User names that nobody can register or take, whatever their case.
    pub reserved_usernames: Vec<String>,
    /// Threads that compute password hashes; 1 to 256.
    pub hash_threads: usize,
    /// Logins that may wait for a hash thread; 1 to 100,000.
    pub logins_waiting_max: usize,
    /// Registrations that may wait for a hash thread; 1 to 100,000.
    pub registrations_waiting_max: usize,
    /// What a password hash costs.
    pub password_hash: PasswordHashSettings,
}

/// What one argon2id hash costs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordHashSettings {
    /// Memory in KiB; 8 for each lane at least, up to 1 GiB.
    pub memory_kib: u32,
    /// Passes over the memory; 1 to 100.
    pub iterations: u32,
    /// Lanes; 1 to 64.
    pub lanes: u32,
}

impl AuthSettings {
    /// The seed of the signing key, or nothing when the key is not set or not 32 bytes in base64.
    pub fn signing_seed(&self) -> Option<[u8; 32]> {
        let bytes = STANDARD.decode(self.signing_key.expose()).ok()?;
        bytes.try_into().ok()
    }

    /// The secret that API keys are kept under: the configured one, else one that follows from the signing key. `None` when
    /// neither is there.
    pub fn api_key_secret(&self) -> Option<[u8; 32]> {
        if self.api_key_secret.is_empty() {
            let seed = self.signing_seed()?;
            return Some(
                Sha256::new().chain_update("botberi API keys\0").chain_update(seed).finalize().into(),
            );
        }
        let bytes = STANDARD.decode(self.api_key_secret.expose()).ok()?;
        bytes.try_into().ok()
    }

    /// The keys whose tokens are taken beside those of the signing key; what is none is left out.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.verifying_keys.iter().filter_map(|key| key.parse().ok()).collect()
    }

    /// Notes what is out of range, and a key that is none.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("access_token_seconds", self.access_token_seconds, 30..=86_400);
        faults.range("refresh_token_seconds", self.refresh_token_seconds, 60..=31_536_000);
        if self.refresh_token_seconds <= self.access_token_seconds {
            let (access, refresh) = (self.access_token_seconds, self.refresh_token_seconds);
            let problem = format!("must be longer than access_token_seconds ({access}), is {refresh}");
            faults.add("refresh_token_seconds", problem);
        }
        faults.range("sessions_per_user_max", self.sessions_per_user_max, 1..=100_000);
        if !self.signing_key.is_empty() && self.signing_seed().is_none() {
            faults.add("signing_key", "must be 32 bytes in base64, as `openssl rand -base64 32` writes them");
        }
        let is_stated = !self.api_key_secret.is_empty();
        if is_stated && self.api_key_secret().is_none() {
            faults.add(
                "api_key_secret",
                "must be 32 bytes in base64, as `openssl rand -base64 32` writes them",
            );
        }
        faults.range("api_keys_per_user_max", self.api_keys_per_user_max, 0..=10_000);
        if self.verifying_keys.len() > VERIFYING_KEYS_MAX {
            faults.add("verifying_keys", format!("must not be more than {VERIFYING_KEYS_MAX}"));
        }
        for key in &self.verifying_keys {
            if let Err(error) = key.parse::<PublicKey>() {
                faults.add("verifying_keys", format!("each {error}"));
            }
        }
        if self.reserved_usernames.iter().any(|name| name.trim().is_empty()) {
            faults.add("reserved_usernames", "must not contain an empty name");
        }
        faults.range("hash_threads", self.hash_threads, 1..=256);
        faults.range("logins_waiting_max", self.logins_waiting_max, 1..=100_000);
        faults.range("registrations_waiting_max", self.registrations_waiting_max, 1..=100_000);
        faults.within("password_hash", |hash| self.password_hash.check(hash));
    }
}

impl PasswordHashSettings {
    fn check(&self, faults: &mut Faults) {
        faults.range("iterations", self.iterations, 1..=100);
        faults.range("lanes", self.lanes, 1..=64);
        // argon2 refuses less than 8 KiB for each lane.
        faults.range("memory_kib", self.memory_kib, self.lanes.saturating_mul(8)..=1_048_576);
    }
}
