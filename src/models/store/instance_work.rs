//! Instances as workers see them, in `shared_psql`: claims and fenced moves.
//!
//! A claim raises `owner_epoch`, and every later write names the epoch it was made under: a former owner's writes find
//! no row. No statement here waits for a row, as it may hold others: what another session has locked is left out of the
//! answer, like a row that was lost, and its asker looks again.

use tokio_postgres::Row;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{InstanceId, ReplicaId};
use crate::models::instance::{Instance, InstanceStatus};

const TAKE_BATCH: &str = include_str!("sql/instances/take_batch.sql");
const MOVE_BATCH: &str = include_str!("sql/instances/move_batch.sql");
const EMPTY_KNOWLEDGE: &str = include_str!("sql/knowledge_base_entries/empty.sql");
const FINISH_TEARDOWN: &str = include_str!("sql/instances/finish_teardown.sql");
const RELEASE_ALL: &str = include_str!("sql/instances/release_all.sql");
const LIST_OWNED: &str = include_str!("sql/instances/list_owned.sql");
const EXPLAIN_MISSING: &str = include_str!("sql/instances/explain_missing.sql");

/// A claim on one instance: good as long as the row has this owner and this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The instance.
    pub id: InstanceId,
    /// The epoch that the claim raised it to.
    pub epoch: i64,
}

/// Claims those of `ids` that need an owner or are running, and that no other living replica owns; what a dead one owned only
/// where `me` may judge that, which needs a whole lease of its own beats without a break. What waits to be
/// started goes on to `provisioning` in the same write; what is stopped but wanted goes to `pending`, and must be
/// taken once more. `deadline_ms` from now the work counts as stuck.
///
/// Gives the rows that are now `me`'s, tombstones included, by id. What is missing is gone, settled, another's or locked:
/// see [`explain_missing`]. A row that `me` owned already is claimed again, so that its earlier claim is void.
///
/// # Errors
/// Only those of the database itself; then nothing was claimed.
pub async fn take_batch(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    ids: &[InstanceId],
    deadline_ms: i64,
) -> Result<Vec<Instance>, StoreError> {
    let rows = session::rows(db, TAKE_BATCH, &[&me, &ids, &deadline_ms]).await?;
    let mut taken: Vec<Instance> = session::decode_all(&rows)?;
    taken.sort_unstable_by_key(|instance| instance.id);
    Ok(taken)
}

/// One step of one instance, valid only under its claim and from the status it is believed to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Under which claim.
    pub claim: Claim,
    /// The status it must have.
    pub from: InstanceStatus,
    /// The status it will have. In `failed` and `stopped` it has no owner any more.
    pub to: InstanceStatus,
    /// What to say about it; replaces what was said before.
    pub reason: Option<String>,
    /// In how many milliseconds the new status counts as stuck; `None` for one that may last.
    pub deadline_ms: Option<i64>,
}

/// A step that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The instance.
    pub id: InstanceId,
    /// Its revision after the step.
    pub revision: i64,
}

/// Makes every step whose claim still holds, in one statement; gives those that were made. Each instance may be named
/// once.
///
/// # Errors
/// An unlawful step fails them all ([`StoreError::RuleBroken`]): try them one by one then.
pub async fn move_batch(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    moves: &[Move],
) -> Result<Vec<Moved>, StoreError> {
    let ids: Vec<_> = moves.iter().map(|step| step.claim.id).collect();
    let epochs: Vec<_> = moves.iter().map(|step| step.claim.epoch).collect();
    let from: Vec<_> = moves.iter().map(|step| step.from).collect();
    let to: Vec<_> = moves.iter().map(|step| step.to).collect();
    let reasons: Vec<_> = moves.iter().map(|step| step.reason.as_deref()).collect();
    let deadlines: Vec<_> = moves.iter().map(|step| step.deadline_ms).collect();

    let rows = session::rows(db, MOVE_BATCH, &[&me, &ids, &epochs, &from, &to, &reasons, &deadlines]).await?;
    session::decode_all(&rows)
}

/// Takes away up to `limit` entries of the knowledge base of one of these instances, if it is deleted. Gives how many.
///
/// # Errors
/// Only those of the database itself.
pub async fn empty_knowledge(
    db: &impl Session<SharedSide>,
    instances: &[InstanceId],
    limit: i64,
) -> Result<usize, StoreError> {
    Ok(session::rows(db, EMPTY_KNOWLEDGE, &[&instances, &limit]).await?.len())
}

/// Purges tombstones whose instances are torn down and whose knowledge bases are empty; gives those that were purged. Nobody is told again.
///
/// # Errors
/// Only those of the database itself.
pub async fn finish_teardown(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    claims: &[Claim],
) -> Result<Vec<InstanceId>, StoreError> {
    let ids: Vec<_> = claims.iter().map(|claim| claim.id).collect();
    let epochs: Vec<_> = claims.iter().map(|claim| claim.epoch).collect();
    instance_ids(&session::rows(db, FINISH_TEARDOWN, &[&me, &ids, &epochs]).await?)
}

/// Gives up all that `me` owns and nobody has locked: the last thing a replica does before it leaves. Gives what was given up.
/// What was locked the next call may find; what is left in the end is for the sweeps of others.
///
/// # Errors
/// Only those of the database itself.
pub async fn release_all(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
) -> Result<Vec<InstanceId>, StoreError> {
    instance_ids(&session::rows(db, RELEASE_ALL, &[&me]).await?)
}

/// All that `me` has claimed and has to look after: what a directory that was rebuilt must find again.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_owned(db: &impl Session<SharedSide>, me: ReplicaId) -> Result<Vec<InstanceId>, StoreError> {
    instance_ids(&session::rows(db, LIST_OWNED, &[&me]).await?)
}

/// An instance that another living replica has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The instance.
    pub id: InstanceId,
    /// Who has it.
    pub owner: ReplicaId,
    /// The revision of the row.
    pub revision: i64,
    /// The last revision that its owner has noted as read; none of a release that does not note it.
    pub observed_revision: Option<i64>,
}

impl Elsewhere {
    /// Whether its owner has read the row as it is.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.observed_revision.is_some_and(|observed| observed >= self.revision)
    }
}

/// Why a claim did not get an instance that is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Whom to tell of it.
    Elsewhere(Elsewhere),
    /// It can be claimed now: another session held its row then.
    Claimable(InstanceId),
}

impl Missing {
    /// The instance.
    #[must_use]
    pub const fn id(&self) -> InstanceId {
        match self {
            Self::Elsewhere(there) => there.id,
            Self::Claimable(id) => *id,
        }
    }
}

/// Why [`take_batch`] has left out some of `ids`. What is gone, settled, or a dead replica's that `me` may not judge is missing
/// here, too: that is for the sweep to find.
///
/// # Errors
/// Only those of the database itself.
pub async fn explain_missing(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    ids: &[InstanceId],
) -> Result<Vec<Missing>, StoreError> {
    let rows = session::rows(db, EXPLAIN_MISSING, &[&me, &ids]).await?;
    session::decode_all(&rows)
}

fn instance_ids(rows: &[Row]) -> Result<Vec<InstanceId>, StoreError> {
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

impl TryFrom<&Row> for Moved {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.try_get("id")?, revision: row.try_get("revision")? })
    }
}

impl TryFrom<&Row> for Missing {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let id = row.try_get("id")?;
        let Some(owner) = row.try_get("living_owner")? else { return Ok(Self::Claimable(id)) };
        let (revision, observed_revision) = (row.try_get("revision")?, row.try_get("observed_revision")?);
        Ok(Self::Elsewhere(Elsewhere { id, owner, revision, observed_revision }))
    }
}
