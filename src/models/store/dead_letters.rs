//! What no consumer could digest, in `shared_psql`.

use serde_json::Value;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};

const INSERT: &str = include_str!("sql/dead_letters/insert.sql");

/// A message that was given up.
#[derive(Clone, Debug)]
pub struct NewDeadLetter<'a> {
    /// The queue it came from.
    pub queue: &'a str,
    /// Its message id; for a message without one, something that is the same whenever it comes again.
    pub event_id: &'a str,
    /// The routing key it came with.
    pub routing_key: &'a str,
    /// Why it was given up.
    pub reason: &'a str,
    /// Its headers, a JSON object.
    pub headers: &'a Value,
    /// Its body, whatever that is.
    pub body: &'a [u8],
}

/// Keeps a dead letter; tells whether it is new. The same message from the same queue is kept once, with its first
/// reason.
///
/// # Errors
/// Only those of the database itself.
pub async fn insert(db: &impl Session<SharedSide>, letter: &NewDeadLetter<'_>) -> Result<bool, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&letter.queue, &letter.event_id, &letter.routing_key, &letter.reason, letter.headers, &letter.body];
    Ok(session::run(db, INSERT, parameters).await? > 0)
}
