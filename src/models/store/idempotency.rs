//! The keys of work that clients may send again, in the database where the work is done.
//!
//! One order of things, all in the transaction of the work: claim, work, settle (or give back what was refused), commit.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::StoreError;
use super::session::{self, Session};
use crate::models::idempotency::IdempotencyKey;
use crate::models::ids::UserId;

const CLAIM: &str = include_str!("sql/idempotency_keys/claim.sql");
const SETTLE: &str = include_str!("sql/idempotency_keys/settle.sql");
const GIVE_BACK: &str = include_str!("sql/idempotency_keys/give_back.sql");
const FIND: &str = include_str!("sql/idempotency_keys/find.sql");

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

fn misshapen(error: serde_json::Error) -> StoreError {
    StoreError::Shape(format!("idempotency_keys.answer: {error}"))
}

fn columns<'a>(claims: impl Iterator<Item = Claim<'a>>) -> (Vec<UserId>, Vec<&'a str>) {
    claims.map(|(owner, key)| (owner, key.text())).unzip()
}
