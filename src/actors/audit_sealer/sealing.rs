//! One batch of links.

use crate::models::audit::{AuditChain, ChainHead};
use crate::models::store::{Database, StoreError, audit};

/// Rows in one transaction. More would hold what others wait for; fewer would make a backlog last.
const BATCH_ROWS_MAX: i64 = 1_000;

/// What became of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// All is sealed.
    Nothing,
    /// Another replica seals at this moment.
    Anothers,
    /// There are new links.
    Sealed {
        /// How many.
        rows: u64,
        /// Where the chain ends now.
        head: ChainHead,
        /// There may be more to seal.
        is_more: bool,
    },
}

/// Chains what is committed and not chained yet, as many rows as go into one transaction.
///
/// # Errors
/// Only those of the database itself; then nothing was chained, or after [`StoreError::Lost`] it may have been. To seal again is safe.
pub async fn seal_some<Side>(db: &Database<Side>, chain: AuditChain) -> Result<Round, StoreError> {
    let mut connection = db.connection().await?;
    // Most looks find nothing, and cost no transaction.
    if !audit::has_unsealed(&connection).await? {
        return Ok(Round::Nothing);
    }
    let transaction = connection.transaction().await?;
    if !audit::take_turn(&transaction).await? {
        return Ok(Round::Anothers);
    }
    // Behind the lock: whoever had it before has committed what this sees.
    let mut head = audit::head(&transaction).await?;
    let unsealed = audit::list_unsealed(&transaction, BATCH_ROWS_MAX).await?;
    if unsealed.entries.is_empty() {
        return Ok(Round::Nothing);
    }
    let mut links = Vec::with_capacity(unsealed.entries.len());
    for entry in &unsealed.entries {
        let next = head.link(chain, entry);
        links.push((head.hash, entry.id, next));
        head = next;
    }
    audit::append(&transaction, &links).await?;
    let rows = links.len() as u64;
    let is_more = i64::try_from(links.len()).is_ok_and(|rows| rows >= BATCH_ROWS_MAX);
    if !is_more {
        audit::advance(&transaction, &unsealed.sealed_to).await?;
    }
    transaction.commit().await?;
    Ok(Round::Sealed { rows, head, is_more })
}

/// Keeps the end of a chain in the other database.
///
/// # Errors
/// Only those of the database itself.
pub async fn anchor<Side>(other: &Database<Side>, head: ChainHead) -> Result<(), StoreError> {
    audit::anchor(&other.connection().await?, head).await
}
