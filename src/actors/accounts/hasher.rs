//! Argon2id on threads of its own: few at a time, and only so many waiting. Hashes by bcrypt, as older systems have them, are
//! verified, too, and give way to one of ours when their owner signs in.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::AuthSettings;
use crate::models::{Coded, ErrorCode, PasswordHash};
use crate::secret::Secret;

/// Why a password was not looked at.
#[derive(Debug, Error)]
pub enum HashError {
    /// The waiting room is full.
    #[error("too many sign-ins are waiting")]
    Busy,
    /// The settings make no hash, the stored hash is none, or there was no memory for it.
    #[error("the password could not be hashed: {0}")]
    Broken(String),
}

impl Coded for HashError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Busy => ErrorCode::ServiceBusy,
            Self::Broken(_) => ErrorCode::Internal,
        }
    }
}

/// What somebody waits for. Each kind has a waiting room of its own, so that a flood of sign-ups locks nobody out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Errand {
    Login,
    Registration,
}

/// Somebody's place in the waiting room, which is free again when it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// What was found out about a password.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// It is the one.
    pub(super) is_right: bool,
    /// A hash of it as it would be made today, where the one that is kept was made otherwise.
    pub(super) better: Option<PasswordHash>,
}

/// Cheap to clone: clones share the threads and the waiting rooms.
#[derive(Clone)]
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    threads: Arc<Semaphore>,
    /// What hashes are worked out in, one for each thread that has ever been busy. Kept, because an allocator that is given
    /// 19 MiB back by one thread after the other keeps them for each: a gigabyte after a few hundred sign-ins.
    scratch: Arc<Mutex<Vec<Scratch>>>,
    logins: Arc<Semaphore>,
    registrations: Arc<Semaphore>,
}

impl Hasher {
    /// # Errors
    /// When argon2 refuses the costs; checked settings are within its limits.
    pub(super) fn new(settings: &AuthSettings) -> Result<Self, HashError> {
        let cost = &settings.password_hash;
        let params = Params::new(cost.memory_kib, cost.iterations, cost.lanes, None).map_err(broken)?;
        let threads = settings.hash_threads;
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            threads: Arc::new(Semaphore::new(threads)),
            scratch: Arc::default(),
            logins: Arc::new(Semaphore::new(threads + settings.logins_waiting_max)),
            registrations: Arc::new(Semaphore::new(threads + settings.registrations_waiting_max)),
        })
    }

    /// A place in the waiting room; taken before anything else is done for the errand, so that what cannot be served
    /// costs nothing.
    ///
    /// # Errors
    /// [`HashError::Busy`] when there is none.
    pub(super) fn enter(&self, errand: Errand) -> Result<Place, HashError> {
        let room = match errand {
            Errand::Login => &self.logins,
            Errand::Registration => &self.registrations,
        };
        let permit = room.clone().try_acquire_owned().map_err(|_full| HashError::Busy)?;
        Ok(Place { _permit: permit })
    }

    pub(super) async fn hash(&self, place: Place, password: Secret) -> Result<PasswordHash, HashError> {
        self.on_thread(place, move |argon2, scratch| hash(argon2, scratch, &password)).await
    }

    /// Whether the password is the one. Without a hash to compare with it is not, and finding out takes as long.
    pub(super) async fn verify(
        &self,
        place: Place,
        password: Secret,
        expected: Option<PasswordHash>,
    ) -> Result<Checked, HashError> {
        self.on_thread(place, move |argon2, scratch| match expected {
            Some(expected) => check(argon2, scratch, &password, &expected),
            None => hash(argon2, scratch, &password).map(|_of_nobody| Checked::default()),
        })
        .await
    }

    /// Runs `work` when a thread is free. The thread keeps its permit and the place until the work is done, also when
    /// nobody waits for it any more, for it cannot be stopped.
    async fn on_thread<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce(&Argon2<'static>, &mut Scratch) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let thread = self.threads.clone().acquire_owned().await.map_err(broken)?;
        let (argon2, shelf) = (self.argon2.clone(), self.scratch.clone());
        let working = spawn_blocking(move || {
            let _held = (thread, place);
            let on_shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut scratch = on_shelf.unwrap_or_default();
            let outcome = work(&argon2, &mut scratch);
            shelf.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
            outcome
        });
        working.await.map_err(broken)?
    }
}

/// Hashes a password here and now, which takes some 20 ms: for commands, never on an arbiter.
///
/// # Errors
/// When argon2 refuses the settings' costs.
pub fn hash_password(settings: &AuthSettings, password: &Secret) -> Result<PasswordHash, HashError> {
    hash(&Hasher::new(settings)?.argon2, &mut Scratch::default(), password)
}

/// The memory of one hash.
type Scratch = Vec<Block>;

/// As RFC 9106 recommends, section 3.1.
const SALT_BYTES: usize = 16;

fn hash(
    argon2: &Argon2<'static>,
    scratch: &mut Scratch,
    password: &Secret,
) -> Result<PasswordHash, HashError> {
    let salt: [u8; SALT_BYTES] = rand::random();
    let mut tag = [0; Params::DEFAULT_OUTPUT_LEN];
    fill(argon2, scratch, password, &salt, &mut tag)?;
    let hash = phc::PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).map_err(broken)?,
        salt: Some(Salt::new(&salt).map_err(broken)?),
        hash: Some(Output::new(&tag).map_err(broken)?),
    };
    Ok(PasswordHash::new(hash.to_string()))
}

fn check(
    argon2: &Argon2<'static>,
    scratch: &mut Scratch,
    password: &Secret,
    expected: &PasswordHash,
) -> Result<Checked, HashError> {
    let is_right = verify(scratch, password, expected)?;
    let better = if is_right && !is_of_today(argon2, expected) {
        Some(hash(argon2, scratch, password)?)
    } else {
        None
    };
    Ok(Checked { is_right, better })
}

/// Whether a hash was made as hashes are made now.
fn is_of_today(argon2: &Argon2<'_>, hash: &PasswordHash) -> bool {
    let Ok(hash) = phc::PasswordHash::new(hash.expose()) else { return false };
    let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    hash.algorithm == ARGON2ID_IDENT
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(&hash).is_ok_and(|params| costs(&params) == costs(argon2.params()))
}

/// The prefixes of bcrypt's hashes, which differ in nothing that matters here.
const BCRYPT: [&str; 3] = ["$2a$", "$2b$", "$2y$"];

/// A higher one would take seconds: whoever wrote that hash did not mean people to sign in with it.
const BCRYPT_COST_MAX: u32 = 16;

/// Of longer passwords bcrypt has only ever looked at the beginning.
fn verify_bcrypt(password: &Secret, expected: &str) -> Result<bool, HashError> {
    let cost = expected.get(4..6).and_then(|cost| cost.parse().ok()).unwrap_or(u32::MAX);
    if cost > BCRYPT_COST_MAX {
        return Err(broken("the stored bcrypt hash costs too much, or is none"));
    }
    bcrypt::verify(password.expose(), expected).map_err(broken)
}

/// With the costs that the hash was made with, which need not be today's.
fn verify(scratch: &mut Scratch, password: &Secret, expected: &PasswordHash) -> Result<bool, HashError> {
    if BCRYPT.iter().any(|prefix| expected.expose().starts_with(prefix)) {
        return verify_bcrypt(password, expected.expose());
    }
    let expected = phc::PasswordHash::new(expected.expose()).map_err(broken)?;
    let (Some(salt), Some(tag)) = (&expected.salt, &expected.hash) else {
        return Err(broken("the stored hash has no salt or no tag"));
    };
    let algorithm = Algorithm::try_from(expected.algorithm.as_str()).map_err(broken)?;
    let version = expected.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(broken)?;
    let params = Params::try_from(&expected).map_err(broken)?;
    let argon2 = Argon2::new(algorithm, version, params);

    let mut found = vec![0; tag.len()];
    fill(&argon2, scratch, password, salt, &mut found)?;
    // `Output` compares in constant time.
    Ok(Output::new(&found).map_err(broken)? == *tag)
}

fn fill(
    argon2: &Argon2<'_>,
    scratch: &mut Scratch,
    password: &Secret,
    salt: &[u8],
    tag: &mut [u8],
) -> Result<(), HashError> {
    scratch.resize(argon2.params().block_count(), Block::new());
    let filled = argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, tag, scratch);
    filled.map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> HashError {
    HashError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::PasswordHashSettings;
    use super::*;

    fn cheap() -> AuthSettings {
        AuthSettings {
            access_token_seconds: 900,
            refresh_token_seconds: 1_000,
            signing_key: Secret::new(""),
            verifying_keys: Vec::new(),
            api_key_secret: Secret::new(""),
            api_keys_per_user_max: 5,
            sessions_per_user_max: 1,
            reserved_usernames: Vec::new(),
            hash_threads: 1,
            logins_waiting_max: 1,
            registrations_waiting_max: 1,
            password_hash: PasswordHashSettings { memory_kib: 8, iterations: 1, lanes: 1 },
        }
    }

    #[actix::test]
    async fn a_password_is_told_from_another_and_from_nobodys() {
        let hasher = Hasher::new(&cheap()).unwrap();
        let secret = |text: &str| Secret::new(text);
        let enter = || hasher.enter(Errand::Login).unwrap();

        let hash = hasher.hash(enter(), secret("correct horse")).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", hash.expose());
        assert!(hasher.verify(enter(), secret("correct horse"), Some(hash.clone())).await.unwrap().is_right);
        assert!(!hasher.verify(enter(), secret("battery staple"), Some(hash)).await.unwrap().is_right);
        assert!(!hasher.verify(enter(), secret("correct horse"), None).await.unwrap().is_right);
    }

    #[test]
    fn hashes_of_the_library_and_ours_are_the_same_whatever_they_cost() {
        use argon2::{PasswordHasher, PasswordVerifier};
        let password = Secret::new("correct horse");
        let mut scratch = Scratch::default();
        for (memory_kib, iterations, lanes) in [(64, 1, 1), (8, 3, 1), (32, 2, 4)] {
            let params = Params::new(memory_kib, iterations, lanes, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let theirs: phc::PasswordHash = argon2.hash_password(b"correct horse").unwrap();
            assert!(verify(&mut scratch, &password, &PasswordHash::new(theirs.to_string())).unwrap());

            let ours = hash(&argon2, &mut scratch, &password).unwrap();
            let ours = phc::PasswordHash::new(ours.expose()).unwrap();
            argon2.verify_password(b"correct horse", &ours).unwrap();
        }
    }

    #[test]
    fn a_hash_of_another_time_gives_way_to_one_of_ours_and_only_to_the_right_password() {
        let argon2 = Hasher::new(&cheap()).unwrap().argon2;
        let mut scratch = Scratch::default();
        let password = Secret::new("correct horse");
        let dearer = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(16, 1, 1, None).unwrap());
        let dearer = hash(&dearer, &mut scratch, &password).unwrap();
        let by_bcrypt = ["2a", "2b", "2y"].map(|version| {
            let hash = bcrypt::hash_with_salt("correct horse", 4, [7; 16]).unwrap().to_string();
            PasswordHash::new(hash.replacen("2b", version, 1))
        });
        for old in by_bcrypt.iter().chain([&dearer]) {
            let wrong = check(&argon2, &mut scratch, &Secret::new("battery staple"), old).unwrap();
            assert!(!wrong.is_right && wrong.better.is_none());
            let right = check(&argon2, &mut scratch, &password, old).unwrap();
            assert!(right.is_right);
            let better = right.better.unwrap();
            assert!(better.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", better.expose());
            let again = check(&argon2, &mut scratch, &password, &better).unwrap();
            assert!(again.is_right && again.better.is_none());
        }
        // The 73rd byte was never looked at.
        let (long, longer) = ("x".repeat(72), "x".repeat(80));
        let hash = PasswordHash::new(bcrypt::hash_with_salt(&long, 4, [7; 16]).unwrap().to_string());
        assert!(verify(&mut scratch, &Secret::new(&longer), &hash).unwrap());
        for broken in [
            "$2b$31$",
            "$2b$",
            "$2b$10$tooshort",
            "$2b$xx$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            let found = verify(&mut scratch, &password, &PasswordHash::new(broken.to_owned()));
            assert!(matches!(found, Err(HashError::Broken(_))), "{broken}");
        }
    }

    #[actix::test]
    async fn a_hash_that_is_none_is_our_fault_and_not_a_wrong_password() {
        let hasher = Hasher::new(&cheap()).unwrap();
        let place = hasher.enter(Errand::Login).unwrap();
        let found =
            hasher.verify(place, Secret::new("correct horse"), Some(PasswordHash::new("?".into()))).await;
        assert!(matches!(found, Err(HashError::Broken(_))));
    }

    #[test]
    fn a_full_waiting_room_refuses_and_a_place_that_is_left_is_free_again() {
        let hasher = Hasher::new(&cheap()).unwrap();
        let places = [hasher.enter(Errand::Login), hasher.enter(Errand::Login)];
        assert!(places.iter().all(Result::is_ok));
        assert!(matches!(hasher.enter(Errand::Login), Err(HashError::Busy)));
        assert!(hasher.enter(Errand::Registration).is_ok());
        drop(places);
        assert!(hasher.enter(Errand::Login).is_ok());
    }
}
