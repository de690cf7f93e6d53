//! Instances as their users see them, in `shared_psql`. Every function says what the caller reaches; anything else does not
//! exist.

use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use super::usage;
use crate::models::agent::AgentStatus;
use crate::models::audit::ActorKind;
use crate::models::document::Document;
use crate::models::ids::{AgentId, InstanceId};
use crate::models::instance::{Instance, InstancePatch, InstanceStatus, NewInstance};
use crate::models::origin::Origin;
use crate::models::page::{Cursor, Page, PageLimit};
use crate::models::reach::Reach;

const INSERT: &str = include_str!("sql/instances/insert.sql");
const FIND: &str = include_str!("sql/instances/find.sql");
const LIST: &str = include_str!("sql/instances/list.sql");
const PATCH: &str = include_str!("sql/instances/patch.sql");
const TOMBSTONE: &str = include_str!("sql/instances/tombstone.sql");
const STOP: &str = include_str!("sql/instances/stop.sql");
const START: &str = include_str!("sql/instances/start.sql");

/// How often users' counts are opened before an insert: they are never closed, so once is enough.
const COUNTS_OPENED_MAX: usize = 2;

/// What became of a wish for an instance.
#[derive(Clone, Debug, PartialEq)]
pub enum InsertOutcome {
    /// It is there, `pending`, with its knowledge base.
    Created(Box<Instance>),
    /// There is no such agent, or it is still a draft, which is the same to a user.
    AgentUnknown,
    /// The agent is no longer offered.
    AgentRetired,
    /// The user is in no such team.
    TeamUnknown,
    /// The user's role in the team does not let them.
    RoleTooLow,
    /// The team is going away.
    TeamClosed,
    /// The user has as many as they may have.
    QuotaExceeded {
        /// How many there are, those of the same statement included.
        used: i64,
        /// How many there may be.
        limit: i64,
    },
}

/// Inserts any number of instances with their knowledge bases in one statement, and so in one commit; the answers come
/// in the order of the wishes. The triggers record `instance.created` and `knowledge_base.created`.
///
/// `instances_max` is how many a user may have whose own row in `usage` says nothing else.
///
/// # Errors
/// One wish that the database refuses fails them all: try them one by one then. [`StoreError::Conflict`] on
/// `instances_pkey` means that the id is there already, as after an insert whose answer was lost.
pub async fn insert_batch(
    db: &impl Session<SharedSide>,
    wishes: &[&NewInstance],
    instances_max: i64,
) -> Result<Vec<InsertOutcome>, StoreError> {
    for _try in 0..COUNTS_OPENED_MAX {
        if let Some(outcomes) = insert_metered(db, wishes, instances_max).await? {
            return Ok(outcomes);
        }
        // Once in a user's life.
        let users: Vec<_> = wishes.iter().map(|wish| wish.user_id).collect();
        usage::open(db, &users).await?;
    }
    let reason = "the users' counts went away as they were opened".to_owned();
    Err(StoreError::Busy { reason, is_about_rows: true })
}

/// `None`, and nothing was made, while one of the users has no count.
async fn insert_metered(
    db: &impl Session<SharedSide>,
    wishes: &[&NewInstance],
    instances_max: i64,
) -> Result<Option<Vec<InsertOutcome>>, StoreError> {
    let ids: Vec<_> = wishes.iter().map(|wish| wish.id).collect();
    let base_ids: Vec<_> = wishes.iter().map(|wish| wish.knowledge_base_id).collect();
    let agents: Vec<_> = wishes.iter().map(|wish| wish.agent_id).collect();
    let users: Vec<_> = wishes.iter().map(|wish| wish.user_id).collect();
    let teams: Vec<_> = wishes.iter().map(|wish| wish.team_id).collect();
    let titles: Vec<_> = wishes.iter().map(|wish| wish.title.as_str()).collect();
    let user_configs: Vec<_> = wishes.iter().map(|wish| &wish.user_config).collect();
    let pipeline_configs: Vec<_> = wishes.iter().map(|wish| &wish.pipeline_config).collect();
    let request_ids: Vec<_> = wishes.iter().map(|wish| wish.origin.request_id.as_deref()).collect();
    let traceparents: Vec<_> = wishes.iter().map(|wish| wish.origin.traceparent_text()).collect();
    // Arrays in an array have to be of one length, so each is a text here.
    let team_roles: Vec<_> =
        wishes.iter().map(|wish| format!("{{{}}}", wish.team_roles.names().join(","))).collect();

    let actors = || wishes.iter().map(|wish| wish.origin.actor.as_deref());
    let actor_kinds: Vec<_> =
        actors().map(|actor| actor.map_or(ActorKind::Nobody, |actor| actor.kind)).collect();
    let actor_ids: Vec<_> = actors().map(|actor| actor?.id).collect();
    let actor_names: Vec<_> = actors().map(|actor| actor?.name.as_deref()).collect();
    let credentials: Vec<_> = actors().map(|actor| actor?.credential_id).collect();
    let addresses: Vec<_> = actors().map(|actor| Some(actor?.address?.to_string())).collect();

    let rows = session::rows(
        db,
        INSERT,
        &[
            &ids,
            &base_ids,
            &agents,
            &users,
            &teams,
            &titles,
            &user_configs,
            &pipeline_configs,
            &request_ids,
            &traceparents,
            &instances_max,
            &actor_kinds,
            &actor_ids,
            &actor_names,
            &credentials,
            &addresses,
            &team_roles,
        ],
    )
    .await?;
    for row in &rows {
        if row.try_get::<_, Option<i64>>("used")?.is_none() {
            return Ok(None);
        }
    }
    rows.iter().map(insert_outcome).collect::<Result<_, _>>().map(Some)
}

/// Inserts one instance with its knowledge base.
///
/// # Errors
/// As [`insert_batch`].
pub async fn insert(
    db: &impl Session<SharedSide>,
    wish: &NewInstance,
    instances_max: i64,
) -> Result<InsertOutcome, StoreError> {
    let mut outcomes = insert_batch(db, &[wish], instances_max).await?;
    outcomes.pop().ok_or_else(|| StoreError::Shape("an insert of one instance gave no row".to_owned()))
}

fn insert_outcome(row: &Row) -> Result<InsertOutcome, StoreError> {
    if row.try_get::<_, Option<InstanceId>>("id")?.is_some() {
        return Ok(InsertOutcome::Created(Box::new(Instance::try_from(row)?)));
    }
    if !row.try_get::<_, bool>("is_member")? {
        return Ok(InsertOutcome::TeamUnknown);
    }
    if row.try_get::<_, Option<bool>>("role_is_enough")? == Some(false) {
        return Ok(InsertOutcome::RoleTooLow);
    }
    if row.try_get::<_, Option<bool>>("is_closed")? == Some(true) {
        return Ok(InsertOutcome::TeamClosed);
    }
    Ok(match row.try_get::<_, Option<AgentStatus>>("agent_status")? {
        Some(AgentStatus::Retired) => InsertOutcome::AgentRetired,
        Some(AgentStatus::Published) => {
            let (used, limit): (i64, i64) = (row.try_get("used")?, row.try_get("allowed")?);
            // What was granted in the same statement has filled it up.
            InsertOutcome::QuotaExceeded { used: used.max(limit), limit }
        }
        Some(AgentStatus::Draft) | None => InsertOutcome::AgentUnknown,
    })
}

/// The instance of that id, if it is reached and not deleted.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    id: InstanceId,
) -> Result<Option<Instance>, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach.into();
    let row = session::optional(db, FIND, &[&id, &user_id, &team_only, &team_roles.names()]).await?;
    row.as_ref().map(Instance::try_from).transpose()
}

/// What a list is narrowed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Only instances of this status.
    pub status: Option<InstanceStatus>,
    /// Only instances of this agent.
    pub agent_id: Option<AgentId>,
}

/// A page of the instances that are reached, newest first. `before` is the id of the cursor.
///
/// # Errors
/// Only those of the database itself.
pub async fn list(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    filter: InstanceFilter,
    before: Option<InstanceId>,
    limit: PageLimit,
) -> Result<Page<Instance>, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach.into();
    let InstanceFilter { status, agent_id } = filter;
    let parameters: session::Parameters<'_> =
        &[&user_id, &team_only, &team_roles.names(), &before, &status, &agent_id, &limit.rows()];
    let rows = session::rows(db, LIST, parameters).await?;
    let key = |instance: &Instance| Cursor::Uuid(instance.id.as_uuid());
    session::decode_page(&rows, limit, &["user_config", "pipeline_config"], key)
}

/// What became of a conditional change.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeOutcome {
    /// Nothing of that id is reached.
    NotFound,
    /// It has another revision than was expected; nothing changed.
    Stale,
    /// It is now so.
    Changed(Box<Instance>),
}

/// Changes what the patch names; a patch that changes nothing raises no revision and no event.
///
/// # Errors
/// [`StoreError::Invalid`] for a configuration that is no JSON object.
pub async fn patch(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    id: InstanceId,
    patch: &InstancePatch,
) -> Result<ChangeOutcome, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach.into();
    let team_roles = team_roles.names();
    let traceparent = patch.origin.traceparent_text();
    let parameters: session::Parameters<'_> = &[
        &id,
        &user_id,
        &team_only,
        &team_roles,
        &patch.title,
        &patch.user_config,
        &patch.pipeline_config,
        &patch.expected_revision,
        &patch.origin.request_id,
        &traceparent,
        &acting(&patch.origin),
    ];
    change_outcome(session::optional(db, PATCH, parameters).await?.as_ref())
}

/// Deletes an instance for its users: the row is hidden, `instance.deleted` is told, a worker tears down and purges.
///
/// # Errors
/// Only those of the database itself.
pub async fn tombstone(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    id: InstanceId,
    expected_revision: Option<i64>,
    origin: &Origin,
) -> Result<ChangeOutcome, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach.into();
    let parameters: session::Parameters<'_> = &[
        &id,
        &user_id,
        &team_only,
        &team_roles.names(),
        &expected_revision,
        &origin.request_id,
        &origin.traceparent_text(),
        &acting(origin),
    ];
    change_outcome(session::optional(db, TOMBSTONE, parameters).await?.as_ref())
}

fn change_outcome(row: Option<&Row>) -> Result<ChangeOutcome, StoreError> {
    let Some(row) = row else { return Ok(ChangeOutcome::NotFound) };
    match row.try_get::<_, Option<InstanceId>>("id")? {
        Some(_) => Ok(ChangeOutcome::Changed(Box::new(Instance::try_from(row)?))),
        None => Ok(ChangeOutcome::Stale),
    }
}

/// Wishes that the instance be halted. Wishing again changes nothing. `None` if nothing of that id is reached.
///
/// # Errors
/// Only those of the database itself.
pub async fn stop(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    id: InstanceId,
    origin: &Origin,
) -> Result<Option<Instance>, StoreError> {
    wish(db, STOP, reach.into(), id, origin).await
}

/// Wishes that the instance be live: what failed or was stopped begins anew as `pending`, a stop that has not happened
/// yet is called off, and else nothing changes. `None` if nothing of that id is reached.
///
/// # Errors
/// Only those of the database itself.
pub async fn start(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    id: InstanceId,
    origin: &Origin,
) -> Result<Option<Instance>, StoreError> {
    wish(db, START, reach.into(), id, origin).await
}

/// Runs the statement of a wish about an instance that is reached.
async fn wish(
    db: &impl Session<SharedSide>,
    statement: &'static str,
    reach: Reach,
    id: InstanceId,
    origin: &Origin,
) -> Result<Option<Instance>, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach;
    let parameters: session::Parameters<'_> = &[
        &id,
        &user_id,
        &team_only,
        &team_roles.names(),
        &origin.request_id,
        &origin.traceparent_text(),
        &acting(origin),
    ];
    let row = session::optional(db, statement, parameters).await?;
    row.as_ref().map(Instance::try_from).transpose()
}

fn document(row: &Row, column: &str) -> Result<Document, StoreError> {
    let Json(document) = row.try_get(column)?;
    Ok(document)
}

impl TryFrom<&Row> for Instance {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            agent_id: row.try_get("bot_id")?,
            agent_version: row.try_get("agent_version")?,
            user_id: row.try_get("user_id")?,
            team_id: row.try_get("team_id")?,
            title: row.try_get("title")?,
            user_config: document(row, "user_config")?,
            pipeline_config: document(row, "pipeline_config")?,
            status: row.try_get("status")?,
            status_reason: row.try_get("status_reason")?,
            desired_state: row.try_get("desired_state")?,
            revision: row.try_get("revision")?,
            knowledge_base_id: row.try_get("knowledge_base_id")?,
            owner_replica: row.try_get("owner_replica")?,
            owner_epoch: row.try_get("owner_epoch")?,
            attempts: row.try_get("attempts")?,
            deadline_at: row.try_get("deadline_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            deleted_at: row.try_get("deleted_at")?,
        })
    }
}
