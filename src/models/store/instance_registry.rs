//! Instances as administrators see them, in `shared_psql`: whoever's they are. Nothing here may be called on a user's behalf.

use super::acting::acting;
use super::error::StoreError;
use super::instances::InstanceFilter;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{InstanceId, ReplicaId};
use crate::models::instance::Instance;
use crate::models::origin::Origin;
use crate::models::page::{Cursor, Page, PageLimit};

const FIND_ANY: &str = include_str!("sql/instances/find_any.sql");
const LIST_ANY: &str = include_str!("sql/instances/list_any.sql");
const STOP_ANY: &str = include_str!("sql/instances/stop_any.sql");
const REQUEUE_ANY: &str = include_str!("sql/instances/requeue_any.sql");
const START_ANY: &str = include_str!("sql/instances/start_any.sql");

/// The instance of that id, also while it is being torn down.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_any(db: &impl Session<SharedSide>, id: InstanceId) -> Result<Option<Instance>, StoreError> {
    let row = session::optional(db, FIND_ANY, &[&id]).await?;
    row.as_ref().map(Instance::try_from).transpose()
}

/// A page of everybody's instances, newest first, without those that are deleted. `before` is the id of the cursor.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_any(
    db: &impl Session<SharedSide>,
    filter: InstanceFilter,
    before: Option<InstanceId>,
    limit: PageLimit,
) -> Result<Page<Instance>, StoreError> {
    let parameters: session::Parameters<'_> = &[&before, &filter.status, &filter.agent_id, &limit.rows()];
    let rows = session::rows(db, LIST_ANY, parameters).await?;
    let key = |instance: &Instance| Cursor::Uuid(instance.id.as_uuid());
    session::decode_page(&rows, limit, &["user_config", "pipeline_config"], key)
}

/// Wishes that an instance be halted, as its user could.
///
/// # Errors
/// Only those of the database itself.
pub async fn stop_any(
    db: &impl Session<SharedSide>,
    id: InstanceId,
    origin: &Origin,
) -> Result<Option<Instance>, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&id, &origin.request_id, &origin.traceparent_text(), &acting(origin)];
    let row = session::optional(db, STOP_ANY, parameters).await?;
    row.as_ref().map(Instance::try_from).transpose()
}

/// Wishes that an instance be live, as its user could.
///
/// # Errors
/// Only those of the database itself.
pub async fn start_any(
    db: &impl Session<SharedSide>,
    id: InstanceId,
    origin: &Origin,
) -> Result<Option<Instance>, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&id, &origin.request_id, &origin.traceparent_text(), &acting(origin)];
    let row = session::optional(db, START_ANY, parameters).await?;
    row.as_ref().map(Instance::try_from).transpose()
}

/// What became of a requeue.
#[derive(Clone, Debug, PartialEq)]
pub enum RequeueOutcome {
    /// There is no such instance.
    NotFound,
    /// It is being deleted, or stopped and wanted so: there is nothing that a worker could be given.
    NothingToDo,
    /// It is nobody's now.
    Requeued {
        /// The row.
        instance: Box<Instance>,
        /// Who had it.
        former_owner: Option<ReplicaId>,
    },
}

/// Takes an instance from whoever has it, under a new epoch, and puts it where any worker finds it.
///
/// # Errors
/// Only those of the database itself.
pub async fn requeue_any(
    db: &impl Session<SharedSide>,
    id: InstanceId,
    origin: &Origin,
) -> Result<RequeueOutcome, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&id, &origin.request_id, &origin.traceparent_text(), &acting(origin)];
    let Some(row) = session::optional(db, REQUEUE_ANY, parameters).await? else {
        return Ok(RequeueOutcome::NotFound);
    };
    if row.try_get::<_, Option<InstanceId>>("id")?.is_none() {
        return Ok(RequeueOutcome::NothingToDo);
    }
    let instance = Box::new(Instance::try_from(&row)?);
    Ok(RequeueOutcome::Requeued { instance, former_owner: row.try_get("former_owner")? })
}
