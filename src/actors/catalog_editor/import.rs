//! Brings definitions into the catalog: all of them or none, and again without a trace.

use serde::Serialize;
use utoipa::ToSchema;

use super::definition::Definition;
use crate::models::store::agents::{self, AgentUpdate};
use crate::models::store::{Session, SharedDb, SharedSide, StoreError};
use crate::models::{Agent, AgentDraft, AgentId, AgentPatch, AgentStatus, Origin};

/// How often it is tried to write an agent that others make and delete at the same moment.
const TRIES_MAX: usize = 3;

/// What became of one definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportOutcome {
    /// There was no agent of that code.
    Created,
    /// The agent was another one before: it has a new document or a new status.
    Updated,
    /// The agent was like that.
    Unchanged,
}

/// An agent after its import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedAgent {
    /// Its id.
    pub id: AgentId,
    /// The code that it was found by.
    pub activation_code: String,
    /// Its version now.
    pub version: i32,
    /// Its status now.
    pub status: AgentStatus,
    /// What became of it.
    pub outcome: ImportOutcome,
}

/// Writes all definitions in one transaction, and answers in their order. New agents are drafts unless `publish` offers
/// them; it offers drafts that were there, too. What was retired stays so: that was somebody's decision.
///
/// Definitions must have codes of their own, as a `Reading` sees to.
///
/// # Errors
/// Those of the database; then nothing was changed, or after [`StoreError::Lost`] everything may have been. To import
/// again is safe.
pub async fn import(
    shared_db: &SharedDb,
    definitions: &[Definition],
    publish: bool,
    origin: &Origin,
) -> Result<Vec<ImportedAgent>, StoreError> {
    let mut connection = shared_db.connection().await?;
    let transaction = connection.transaction().await?;
    // Two imports that meet lock the same agents in the same order, and so never wait for each other in a circle.
    let mut order: Vec<(usize, &Definition)> = definitions.iter().enumerate().collect();
    order.sort_by(|(_, one), (_, other)| one.activation_code.cmp(&other.activation_code));
    let mut imported = Vec::with_capacity(order.len());
    for (index, definition) in order {
        imported.push((index, import_one(&transaction, definition, publish, origin).await?));
    }
    transaction.commit().await?;
    imported.sort_by_key(|(index, _)| *index);
    Ok(imported.into_iter().map(|(_, agent)| agent).collect())
}

async fn import_one(
    db: &impl Session<SharedSide>,
    definition: &Definition,
    publish: bool,
    origin: &Origin,
) -> Result<ImportedAgent, StoreError> {
    let (mut agent, was) = written(db, definition, origin).await?;
    if publish && agent.status == AgentStatus::Draft {
        agent = agents::publish(db, agent.id, None, origin).await?.ok_or_else(|| gone(definition))?;
    }
    let outcome = match was {
        None => ImportOutcome::Created,
        Some(revision) if revision == agent.revision => ImportOutcome::Unchanged,
        Some(_) => ImportOutcome::Updated,
    };
    let Agent { id, activation_code, version, status, .. } = agent;
    Ok(ImportedAgent { id, activation_code, version, status, outcome })
}

/// The agent as the definition says, and the revision that it had before, if it was there.
async fn written(
    db: &impl Session<SharedSide>,
    definition: &Definition,
    origin: &Origin,
) -> Result<(Agent, Option<i64>), StoreError> {
    for _ in 0..TRIES_MAX {
        if let Some(agent) = agents::lock_by_code(db, &definition.activation_code).await? {
            let revision = agent.revision;
            return Ok((edited(db, agent, definition, origin).await?, Some(revision)));
        }
        // Somebody may have made it since it was looked for.
        if let Some(agent) = agents::insert_if_missing(db, &draft(definition), origin).await? {
            return Ok((agent, None));
        }
    }
    Err(gone(definition))
}

async fn edited(
    db: &impl Session<SharedSide>,
    agent: Agent,
    definition: &Definition,
    origin: &Origin,
) -> Result<Agent, StoreError> {
    let rate = definition.rate.unwrap_or(agent.rate);
    if (&agent.title, &agent.content, agent.rate) == (&definition.title, &definition.content, rate) {
        return Ok(agent);
    }
    let patch = AgentPatch {
        title: Some(definition.title.clone()),
        content: Some(definition.content.clone()),
        rate: Some(rate),
        ..AgentPatch::default()
    };
    match agents::update(db, agent.id, &patch, origin).await? {
        AgentUpdate::Updated(agent) => Ok(*agent),
        // It is locked.
        AgentUpdate::NotFound | AgentUpdate::Stale => Err(gone(definition)),
    }
}

/// The agent that a definition makes where there is none.
#[must_use]
pub fn draft(definition: &Definition) -> AgentDraft {
    let Definition { title, activation_code, rate, content } = definition.clone();
    AgentDraft { title, content, activation_code, rate: rate.unwrap_or_default() }
}

fn gone(definition: &Definition) -> StoreError {
    let reason = format!("agent {} comes and goes", definition.activation_code);
    StoreError::Busy { reason, is_about_rows: true }
}
