//! The catalog, in `shared_psql`.

use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::agent::{Agent, AgentDraft, AgentFilter, AgentPatch, AgentVersion};
use crate::models::ids::AgentId;
use crate::models::origin::Origin;
use crate::models::page::{Cursor, Page, PageLimit};

const INSERT: &str = include_str!("sql/agents/insert.sql");
const INSERT_IF_MISSING: &str = include_str!("sql/agents/insert_if_missing.sql");
const NAME_ORIGIN: &str = include_str!("sql/agents/name_origin.sql");
const FIND: &str = include_str!("sql/agents/find.sql");
const LOCK_BY_CODE: &str = include_str!("sql/agents/lock_by_code.sql");
const LIST: &str = include_str!("sql/agents/list.sql");
const LIST_PUBLISHED: &str = include_str!("sql/agents/list_published.sql");
const UPDATE: &str = include_str!("sql/agents/update.sql");
const PUBLISH: &str = include_str!("sql/agents/publish.sql");
const RETIRE: &str = include_str!("sql/agents/retire.sql");
const DELETE: &str = include_str!("sql/agents/delete.sql");
const LIST_VERSIONS: &str = include_str!("sql/agent_versions/list.sql");
const FIND_VERSION: &str = include_str!("sql/agent_versions/find.sql");

/// The constraint that keeps activation codes apart, as [`StoreError::is_conflict_on`] knows it.
pub const ACTIVATION_CODE_KEY: &str = "agents_activation_code_key";

/// Inserts an agent as a draft.
///
/// # Errors
/// [`StoreError::Conflict`] on [`ACTIVATION_CODE_KEY`].
pub async fn insert(
    db: &impl Session<SharedSide>,
    draft: &AgentDraft,
    origin: &Origin,
) -> Result<Agent, StoreError> {
    let traceparent = origin.traceparent_text();
    let parameters: session::Parameters<'_> = &[
        &draft.title,
        &draft.content,
        &draft.activation_code,
        &draft.rate,
        &origin.request_id,
        &traceparent,
        &acting(origin),
    ];
    let row = session::one(db, INSERT, parameters).await?;
    Agent::try_from(&row)
}

/// Inserts an agent as a draft unless its activation code is there already; then nothing changes and `None` is given.
///
/// # Errors
/// Only those of the database itself.
pub async fn insert_if_missing(
    db: &impl Session<SharedSide>,
    draft: &AgentDraft,
    origin: &Origin,
) -> Result<Option<Agent>, StoreError> {
    let traceparent = origin.traceparent_text();
    let parameters: session::Parameters<'_> = &[
        &draft.title,
        &draft.content,
        &draft.activation_code,
        &draft.rate,
        &origin.request_id,
        &traceparent,
        &acting(origin),
    ];
    let row = session::optional(db, INSERT_IF_MISSING, parameters).await?;
    row.as_ref().map(Agent::try_from).transpose()
}

/// The agent of that id, whatever its status.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(db: &impl Session<SharedSide>, id: AgentId) -> Result<Option<Agent>, StoreError> {
    let row = session::optional(db, FIND, &[&id]).await?;
    row.as_ref().map(Agent::try_from).transpose()
}

/// The agent of that code, whatever its status. Until the transaction ends nobody else changes it.
///
/// # Errors
/// Only those of the database itself.
pub async fn lock_by_code(
    db: &impl Session<SharedSide>,
    activation_code: &str,
) -> Result<Option<Agent>, StoreError> {
    let row = session::optional(db, LOCK_BY_CODE, &[&activation_code]).await?;
    row.as_ref().map(Agent::try_from).transpose()
}

/// A page of all agents, newest first, for administrators. `before` is the number of the cursor.
///
/// # Errors
/// Only those of the database itself.
pub async fn list(
    db: &impl Session<SharedSide>,
    filter: &AgentFilter,
    before: Option<AgentId>,
    limit: PageLimit,
) -> Result<Page<Agent>, StoreError> {
    let AgentFilter { status, category, words } = filter;
    let parameters: session::Parameters<'_> =
        &[&before, &status, &category, &words.as_slice(), &limit.rows()];
    let rows = session::rows(db, LIST, parameters).await?;
    session::decode_page(&rows, limit, &["content"], |agent: &Agent| Cursor::Number(agent.id.0.into()))
}

/// All that is offered, oldest first: what a catalog cache holds.
///
/// # Errors
/// Only those of the database itself.
pub async fn load_published(db: &impl Session<SharedSide>) -> Result<Vec<Agent>, StoreError> {
    let rows = session::rows(db, LIST_PUBLISHED, &[]).await?;
    session::decode_all(&rows)
}

/// What became of an update of an agent.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentUpdate {
    /// There is no such agent.
    NotFound,
    /// The agent has another revision than the patch expects; nothing changed.
    Stale,
    /// The agent as it is now.
    Updated(Box<Agent>),
}

/// Changes what the patch names. Editing what was published makes the next version, and offers that.
///
/// # Errors
/// [`StoreError::Conflict`] on [`ACTIVATION_CODE_KEY`].
pub async fn update(
    db: &impl Session<SharedSide>,
    id: AgentId,
    patch: &AgentPatch,
    origin: &Origin,
) -> Result<AgentUpdate, StoreError> {
    let traceparent = origin.traceparent_text();
    let parameters: session::Parameters<'_> = &[
        &id,
        &patch.title,
        &patch.content,
        &patch.activation_code,
        &patch.rate,
        &patch.expected_revision,
        &origin.request_id,
        &traceparent,
        &acting(origin),
    ];
    let Some(row) = session::optional(db, UPDATE, parameters).await? else {
        return Ok(AgentUpdate::NotFound);
    };
    match row.try_get::<_, Option<AgentId>>("id")? {
        Some(_) => Ok(AgentUpdate::Updated(Box::new(Agent::try_from(&row)?))),
        None => Ok(AgentUpdate::Stale),
    }
}

/// Offers an agent in its present version; an agent that is offered stays as it is. `None` if there is no such agent, or none of
/// the revision `expected`, if one is expected.
///
/// # Errors
/// Only those of the database itself.
pub async fn publish(
    db: &impl Session<SharedSide>,
    id: AgentId,
    expected: Option<i64>,
    origin: &Origin,
) -> Result<Option<Agent>, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&id, &origin.request_id, &origin.traceparent_text(), &expected, &acting(origin)];
    let row = session::optional(db, PUBLISH, parameters).await?;
    row.as_ref().map(Agent::try_from).transpose()
}

/// Offers an agent no longer; its instances go on. `None` if there is no such agent, or none of the revision `expected`, if one is
/// expected.
///
/// # Errors
/// Only those of the database itself.
pub async fn retire(
    db: &impl Session<SharedSide>,
    id: AgentId,
    expected: Option<i64>,
    origin: &Origin,
) -> Result<Option<Agent>, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&id, &origin.request_id, &origin.traceparent_text(), &expected, &acting(origin)];
    let row = session::optional(db, RETIRE, parameters).await?;
    row.as_ref().map(Agent::try_from).transpose()
}

/// Deletes an agent with its versions; tells whether there was one, and of the revision `expected`, if one is expected.
///
/// # Errors
/// [`StoreError::Reference`] while instances were made from it.
pub async fn delete(
    db: &impl Session<SharedSide>,
    id: AgentId,
    expected: Option<i64>,
    origin: &Origin,
) -> Result<bool, StoreError> {
    Ok(session::run(db, DELETE, &[&id, &expected, &acting(origin)]).await? > 0)
}

/// Writes down what a deletion follows from; it is to come in the same transaction.
///
/// # Errors
/// Only those of the database itself.
pub async fn name_origin(
    db: &impl Session<SharedSide>,
    id: AgentId,
    origin: &Origin,
) -> Result<(), StoreError> {
    let parameters: session::Parameters<'_> = &[&id, &origin.request_id, &origin.traceparent_text()];
    let _one_or_none = session::run(db, NAME_ORIGIN, parameters).await?;
    Ok(())
}

/// A published version of an agent. It never changes, so the answer may be kept for ever.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_version(
    db: &impl Session<SharedSide>,
    agent_id: AgentId,
    version: i32,
) -> Result<Option<AgentVersion>, StoreError> {
    let row = session::optional(db, FIND_VERSION, &[&agent_id, &version]).await?;
    row.as_ref().map(AgentVersion::try_from).transpose()
}

/// A page of the versions of an agent that were ever offered, newest first. `before` is the number of the cursor.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_versions(
    db: &impl Session<SharedSide>,
    agent_id: AgentId,
    before: Option<i32>,
    limit: PageLimit,
) -> Result<Page<AgentVersion>, StoreError> {
    let rows = session::rows(db, LIST_VERSIONS, &[&agent_id, &before, &limit.rows()]).await?;
    let key = |version: &AgentVersion| Cursor::Number(version.version.into());
    session::decode_page(&rows, limit, &["content"], key)
}

impl TryFrom<&Row> for AgentVersion {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            agent_id: row.try_get("agent_id")?,
            version: row.try_get("version")?,
            title: row.try_get("title")?,
            content: row.try_get("content")?,
            rate: row.try_get("rate")?,
            published_at: row.try_get("published_at")?,
        })
    }
}

impl TryFrom<&Row> for Agent {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            content: row.try_get("content")?,
            activation_code: row.try_get("activation_code")?,
            rate: row.try_get("rate")?,
            version: row.try_get("version")?,
            status: row.try_get("status")?,
            revision: row.try_get("revision")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}
