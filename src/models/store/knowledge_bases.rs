//! Knowledge bases, reached by way of their instance, in `shared_psql`.

use tokio_postgres::Row;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::InstanceId;
use crate::models::knowledge::{KnowledgeBase, KnowledgeBaseState};
use crate::models::reach::Reach;

const FIND: &str = include_str!("sql/knowledge_bases/find.sql");
const ENTER: &str = include_str!("sql/knowledge_bases/enter.sql");
const COUNT: &str = include_str!("sql/knowledge_bases/count.sql");

/// The knowledge base of an instance, if that is reached and not deleted.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    instance: InstanceId,
) -> Result<Option<KnowledgeBase>, StoreError> {
    reached(db, FIND, reach.into(), instance).await
}

/// The same for a transaction that changes something in it: whoever makes the change is in the team until it ends.
///
/// # Errors
/// Only those of the database itself.
pub async fn enter(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    instance: InstanceId,
) -> Result<Option<KnowledgeBase>, StoreError> {
    reached(db, ENTER, reach.into(), instance).await
}

async fn reached(
    db: &impl Session<SharedSide>,
    statement: &'static str,
    reach: Reach,
    instance: InstanceId,
) -> Result<Option<KnowledgeBase>, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach;
    let parameters: session::Parameters<'_> = &[&instance, &user_id, &team_only, &team_roles.names()];
    session::optional(db, statement, parameters).await?.as_ref().map(KnowledgeBase::try_from).transpose()
}

/// What is in a knowledge base.
///
/// # Errors
/// Only those of the database itself.
pub async fn state(
    db: &impl Session<SharedSide>,
    base: KnowledgeBase,
) -> Result<KnowledgeBaseState, StoreError> {
    let row = session::one(db, COUNT, &[&base.id]).await?;
    Ok(KnowledgeBaseState {
        base,
        queued: row.try_get("queued")?,
        processing: row.try_get("processing")?,
        ready: row.try_get("ready")?,
        failed: row.try_get("failed")?,
        bytes: row.try_get("bytes")?,
        chunks: row.try_get("chunks")?,
        embeddings: None,
    })
}

impl TryFrom<&Row> for KnowledgeBase {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            instance_id: row.try_get("instance_id")?,
            user_id: row.try_get("user_id")?,
            created_at: row.try_get("created_at")?,
        })
    }
}
