//! The keys of work that clients may send again, in the database where the work is done.
//!
//! One order of things, all in the transaction of the work: claim, work, settle (or give back what was refused), commit.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::StoreError;
use super::pool::{Database, Transaction};
use super::session::{self, Session};
use crate::models::idempotency::{IdempotencyKey, Made};
use crate::models::ids::UserId;

const CLAIM: &str = include_str!("sql/idempotency_keys/claim.sql");
const SETTLE: &str = include_str!("sql/idempotency_keys/settle.sql");
const GIVE_BACK: &str = include_str!("sql/idempotency_keys/give_back.sql");
const FIND: &str = include_str!("sql/idempotency_keys/find.sql");

/// How often a key is tried that somebody else has, and then has not: each time another's work under it was refused.
const CLAIMS_MAX: usize = 3;

/// A key of somebody's.
pub type Claim<'a> = (UserId, &'a IdempotencyKey);

/// Claims keys for work that is about to be done; no two of them may be the same. Waits while somebody else works under
/// one of them. Gives those that are the caller's now; the work of the others is done already.
///
/// # Errors
/// [`StoreError::Busy`] when somebody else's work takes too long.
pub async fn claim<Side>(
    db: &impl Session<Side>,
    route: &str,
    claims: &[Claim<'_>],
) -> Result<Vec<(UserId, String)>, StoreError> {
    let (owners, keys) = columns(claims.iter().copied());
    let fingerprints: Vec<_> = claims.iter().map(|(_, key)| key.fingerprint()).collect();
    let rows = session::rows(db, CLAIM, &[&owners, &route, &keys, &fingerprints]).await?;
    rows.iter().map(|row| Ok((row.try_get("owner_id")?, row.try_get("key")?))).collect()
}

/// Keeps what was made under the claimed keys.
///
/// # Errors
/// [`StoreError::Shape`] when it is no JSON.
pub async fn settle<Side, T: Serialize>(
    db: &impl Session<Side>,
    route: &str,
    settled: &[(Claim<'_>, &T)],
) -> Result<(), StoreError> {
    let (owners, keys) = columns(settled.iter().map(|(claim, _)| *claim));
    let answers = settled.iter().map(|(_, thing)| serde_json::to_value(thing));
    let answers: Vec<Value> = answers.collect::<Result<_, _>>().map_err(misshapen)?;
    let _as_many = session::run(db, SETTLE, &[&owners, &route, &keys, &answers]).await?;
    Ok(())
}

/// Gives claimed keys back whose work was refused.
///
/// # Errors
/// Only those of the database itself.
pub async fn give_back<Side>(
    db: &impl Session<Side>,
    route: &str,
    refused: &[Claim<'_>],
) -> Result<(), StoreError> {
    let (owners, keys) = columns(refused.iter().copied());
    let _as_many = session::run(db, GIVE_BACK, &[&owners, &route, &keys]).await?;
    Ok(())
}

/// What is known of work that was done under a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Known<T> {
    /// What was made.
    Made(T),
    /// Something else was sent under that key.
    OtherWork,
    /// Nothing: the key is free.
    Nothing,
}

/// What is known of the work that was done under a key.
///
/// # Errors
/// [`StoreError::Shape`] when what was kept cannot be read as a `T`.
pub async fn find<Side, T: DeserializeOwned>(
    db: &impl Session<Side>,
    route: &str,
    (owner, key): Claim<'_>,
) -> Result<Known<T>, StoreError> {
    let Some(row) = session::optional(db, FIND, &[&owner, &route, &key.text()]).await? else {
        return Ok(Known::Nothing);
    };
    if row.try_get::<_, &[u8]>("fingerprint")? != key.fingerprint() {
        return Ok(Known::OtherWork);
    }
    match row.try_get::<_, Option<Value>>("answer")? {
        Some(answer) => serde_json::from_value(answer).map(Known::Made).map_err(misshapen),
        None => Ok(Known::Nothing),
    }
}

/// Why work was not done under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefused {
    /// Something else was sent under that key.
    OtherWork,
    /// Others work under the same key, and are refused, again and again.
    Busy,
}

/// Does work once however often its wish is sent: in a transaction of its own, under the claim if there is one. Whatever fails frees
/// the key, for the transaction takes it back. What was made before is given as it was then.
///
/// # Errors
/// Those of the work and of the database, and [`KeyRefused`].
pub async fn once<Side, T, E>(
    db: &Database<Side>,
    route: &str,
    claim: Option<Claim<'_>>,
    work: impl AsyncFn(&Transaction<'_, Side>) -> Result<T, E>,
) -> Result<Made<T>, E>
where
    T: Serialize + DeserializeOwned,
    E: From<StoreError> + From<KeyRefused>,
{
    for _try in 0..CLAIMS_MAX {
        let mut connection = db.connection().await?;
        let transaction = connection.transaction().await?;
        let is_ours = match claim {
            Some(claim) => !self::claim(&transaction, route, &[claim]).await?.is_empty(),
            None => true,
        };
        if is_ours {
            let thing = work(&transaction).await?;
            if let Some(claim) = claim {
                settle(&transaction, route, &[(claim, &thing)]).await?;
            }
            transaction.commit().await?;
            return Ok(Made::anew(thing));
        }
        transaction.rollback().await?;
        let Some(claim) = claim else { break };
        match find(&connection, route, claim).await? {
            Known::Made(thing) => return Ok(Made { thing, is_replayed: true }),
            Known::OtherWork => return Err(KeyRefused::OtherWork.into()),
            Known::Nothing => {}
        }
    }
    Err(KeyRefused::Busy.into())
}

fn misshapen(error: serde_json::Error) -> StoreError {
    StoreError::Shape(format!("idempotency_keys.answer: {error}"))
}

fn columns<'a>(claims: impl Iterator<Item = Claim<'a>>) -> (Vec<UserId>, Vec<&'a str>) {
    claims.map(|(owner, key)| (owner, key.text())).unzip()
}
