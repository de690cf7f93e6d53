//! Instances as workers see them, in `shared_psql`: claims, fenced moves, and what the reaper looks for.
//!
//! A claim raises `owner_epoch`, and every later write names the epoch it was made under: a former owner's writes find
//! no row. Statements that write many rows lock them in the order of their ids.

use tokio_postgres::Row;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{InstanceId, ReplicaId};
use crate::models::instance::{Instance, InstanceStatus};

const TAKE_BATCH: &str = include_str!("sql/instances/take_batch.sql");
const LOAD_BATCH: &str = include_str!("sql/instances/load_batch.sql");
const MOVE_BATCH: &str = include_str!("sql/instances/move_batch.sql");
const FINISH_TEARDOWN: &str = include_str!("sql/instances/finish_teardown.sql");
const RELEASE: &str = include_str!("sql/instances/release.sql");
const RELEASE_ALL: &str = include_str!("sql/instances/release_all.sql");
const SWEEP: &str = include_str!("sql/instances/sweep.sql");
const EXPIRE: &str = include_str!("sql/instances/expire.sql");
const LIST_OWNED: &str = include_str!("sql/instances/list_owned.sql");
const LIST_ELSEWHERE: &str = include_str!("sql/instances/list_elsewhere.sql");
const LIST_OWNERS: &str = include_str!("sql/instances/list_owners.sql");

/// A claim on one instance: good as long as the row has this owner and this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The instance.
    pub id: InstanceId,
    /// The epoch that the claim raised it to.
    pub epoch: i64,
}

/// Claims those of `ids` that need an owner or are running, and that no other living replica owns. What waits to be
/// started goes on to `provisioning` in the same write; what is stopped but wanted goes to `pending`, and must be
/// taken once more. `deadline_ms` from now the work counts as stuck.
///
/// Gives the rows that are now `me`'s, tombstones included, by id. What is missing is gone, settled or another's:
/// see [`list_owners`]. A row that `me` owned already is claimed again, so that its earlier claim is void.
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

/// The rows as they are now, whoever owns them, tombstones included; purged ones are missing. For a worker that was
/// told of a change to what it has claimed already.
///
/// # Errors
/// Only those of the database itself.
pub async fn load_batch(
    db: &impl Session<SharedSide>,
    ids: &[InstanceId],
) -> Result<Vec<Instance>, StoreError> {
    let rows = session::rows(db, LOAD_BATCH, &[&ids]).await?;
    session::decode_all(&rows)
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

/// Purges tombstones whose instances are torn down; gives those that were purged. Nobody is told again.
///
/// # Errors
/// Only those of the database itself.
pub async fn finish_teardown(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    claims: &[Claim],
) -> Result<Vec<InstanceId>, StoreError> {
    fenced(db, FINISH_TEARDOWN, me, claims).await
}

/// Gives up claims, so that anybody may take the instances at once; gives those that were given up.
///
/// # Errors
/// Only those of the database itself.
pub async fn release(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    claims: &[Claim],
) -> Result<Vec<InstanceId>, StoreError> {
    fenced(db, RELEASE, me, claims).await
}

async fn fenced(
    db: &impl Session<SharedSide>,
    statement: &'static str,
    me: ReplicaId,
    claims: &[Claim],
) -> Result<Vec<InstanceId>, StoreError> {
    let ids: Vec<_> = claims.iter().map(|claim| claim.id).collect();
    let epochs: Vec<_> = claims.iter().map(|claim| claim.epoch).collect();
    let rows = session::rows(db, statement, &[&me, &ids, &epochs]).await?;
    instance_ids(&rows)
}

/// Gives up all that `me` owns: the last thing a replica does before it leaves. Gives what was given up.
///
/// # Errors
/// Only those of the database itself.
pub async fn release_all(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
) -> Result<Vec<InstanceId>, StoreError> {
    instance_ids(&session::rows(db, RELEASE_ALL, &[&me]).await?)
}

/// Up to `limit` instances that need an owner: work that nobody has, work of the dead, live instances that nobody keeps.
/// Within a transaction with [`take_batch`], sweepers pass over each other's finds.
///
/// # Errors
/// Only those of the database itself.
pub async fn sweep(db: &impl Session<SharedSide>, limit: i64) -> Result<Vec<InstanceId>, StoreError> {
    instance_ids(&session::rows(db, SWEEP, &[&limit]).await?)
}

/// A row that was stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The instance.
    pub id: InstanceId,
    /// Its revision now.
    pub revision: i64,
    /// Its status now: `failed` if it was being started, else unchanged and without an owner.
    pub status: InstanceStatus,
}

/// Ends up to `limit` claims of living replicas whose deadline has passed. What was being started fails with `reason`; what
/// was being stopped or torn down is left for [`sweep`], as is all that a dead replica has left.
///
/// # Errors
/// Only those of the database itself.
pub async fn expire(
    db: &impl Session<SharedSide>,
    limit: i64,
    reason: &str,
) -> Result<Vec<Expired>, StoreError> {
    let rows = session::rows(db, EXPIRE, &[&limit, &reason]).await?;
    session::decode_all(&rows)
}

/// All that `me` has claimed and has to look after: what a directory that was rebuilt must find again.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_owned(db: &impl Session<SharedSide>, me: ReplicaId) -> Result<Vec<InstanceId>, StoreError> {
    instance_ids(&session::rows(db, LIST_OWNED, &[&me]).await?)
}

/// Who has an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The instance.
    pub id: InstanceId,
    /// Its owner, if it has one; whether that one lives is another question.
    pub replica: Option<ReplicaId>,
    /// The epoch of the claim.
    pub epoch: i64,
}

/// Who has these instances: to forward a hint to its owner. Purged ones are missing.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_owners(
    db: &impl Session<SharedSide>,
    ids: &[InstanceId],
) -> Result<Vec<Ownership>, StoreError> {
    let rows = session::rows(db, LIST_OWNERS, &[&ids]).await?;
    session::decode_all(&rows)
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

/// Those of `ids` that another living replica than `me` has: whom to tell of them.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_elsewhere(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    ids: &[InstanceId],
) -> Result<Vec<Elsewhere>, StoreError> {
    let rows = session::rows(db, LIST_ELSEWHERE, &[&me, &ids]).await?;
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

impl TryFrom<&Row> for Expired {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            revision: row.try_get("revision")?,
            status: row.try_get("status")?,
        })
    }
}

impl TryFrom<&Row> for Elsewhere {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            owner: row.try_get("owner_replica")?,
            revision: row.try_get("revision")?,
            observed_revision: row.try_get("observed_revision")?,
        })
    }
}

impl TryFrom<&Row> for Ownership {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            replica: row.try_get("owner_replica")?,
            epoch: row.try_get("owner_epoch")?,
        })
    }
}
