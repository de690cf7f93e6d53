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
    let sealed_to = if is_more {
        // So that the next look begins where this one ended, however much there is.
        up_to(&unsealed.sealed_to, unsealed.last_written_in)
    } else {
        Some(unsealed.sealed_to)
    };
    if let Some(sealed_to) = sealed_to {
        audit::advance(&transaction, &sealed_to).await?;
    }
    transaction.commit().await?;
    Ok(Round::Sealed { rows, is_more })
}

/// The snapshot that shows what `snapshot` does of the transactions before `number`, and nothing of those from it on: `xmin:xmax:xip`.
/// `None` where it shows no transaction from there on anyway, as in a copy that was restored on another server.
fn up_to(snapshot: &str, number: i64) -> Option<String> {
    let mut parts = snapshot.split(':');
    let (_xmin, xmax, under_way) = (parts.next()?, parts.next()?, parts.next()?);
    if xmax.parse::<i64>().ok()? <= number {
        return None;
    }
    let under_way: Vec<i64> =
        under_way.split(',').filter_map(|text| text.parse().ok()).filter(|one| *one < number).collect();
    let xmin = under_way.first().copied().unwrap_or(number);
    let under_way: Vec<String> = under_way.iter().map(ToString::to_string).collect();
    Some(format!("{xmin}:{number}:{}", under_way.join(",")))
}

/// Keeps the end of a chain in the other database.
///
/// # Errors
/// Only those of the database itself.
pub async fn anchor<Side>(other: &Database<Side>, head: ChainHead) -> Result<(), StoreError> {
    audit::anchor(&other.connection().await?, head).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_snapshot_shows_what_is_before_a_number_and_keeps_what_is_under_way() {
        assert_eq!(up_to("10:20:10,14,17", 15).as_deref(), Some("10:15:10,14"));
        assert_eq!(up_to("10:20:10,14,17", 10).as_deref(), Some("10:10:"));
        assert_eq!(up_to("20:20:", 12).as_deref(), Some("12:12:"));
        assert_eq!(up_to("20:20:", 20), None);
        assert_eq!(up_to("20:20:", 900), None);
        assert_eq!(up_to("", 1), None);
    }
}
