//! The catalog as administrators write it.
//!
//! - **Owns:** nothing but its way to the database: the rows are the truth, and their rules are in the migrations.
//! - **Receives:** [`CreateAgent`], [`EditAgent`], [`ImportAgents`], [`PublishAgent`], [`RetireAgent`], [`DeleteAgent`], [`FindAgent`],
//!   [`ListAgents`] and [`ListAgentVersions`] from `http::admin`.
//! - **Sends:** `Ring` to the bell after each commit.
//! - **Invariant:** an agent that instances were made from is never deleted.
//! - **On failure:** keeps no state, so a rebuild loses nothing.

pub mod definition;
mod drafting;
mod error;
mod import;
mod messages;
pub mod rules;

pub use error::CatalogError;
pub use import::{ImportOutcome, ImportedAgent, draft, import};
pub use messages::{
    CreateAgent, DeleteAgent, EditAgent, FindAgent, ImportAgents, ListAgentVersions, ListAgents,
    PublishAgent, RetireAgent,
};

use actix::{Actor, Context, Handler};

use super::bell::{self, Bell};
use super::probe;
use super::system::{Answer, Handle, Lifeline};
use crate::models::store::agents::AgentUpdate;
use crate::models::store::{Session, SharedDb, SharedSide, StoreError, agents};
use crate::models::{Agent, AgentId, AgentVersion, Made, Page};

/// The actor. All of its answers overlap: the pool is the bound, and the database keeps writers of one row apart.
pub struct CatalogEditor {
    works: Works,
    lifeline: Lifeline,
}

#[derive(Clone)]
struct Works {
    shared_db: SharedDb,
    bell: Handle<Bell>,
}

impl CatalogEditor {
    /// The name of its handle.
    pub const NAME: &'static str = "catalog_editor";

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub fn new(shared_db: SharedDb, bell: Handle<Bell>, lifeline: Lifeline) -> Self {
        Self { works: Works { shared_db, bell }, lifeline }
    }
}

impl Actor for CatalogEditor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let shared_db = self.works.shared_db.clone();
        probe::watch(context, &self.lifeline, "shared_psql", move || {
            let shared_db = shared_db.clone();
            async move { shared_db.check().await.map_err(|error| format!("shared_psql: {error}")) }
        });
    }
}

impl Handler<CreateAgent> for CatalogEditor {
    type Result = Answer<Result<Made<Agent>, CatalogError>>;

    fn handle(&mut self, order: CreateAgent, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let made = works.draft(&order).await?;
            works.committed();
            Ok(made)
        })
    }
}

impl Handler<ImportAgents> for CatalogEditor {
    type Result = Answer<Result<Vec<ImportedAgent>, CatalogError>>;

    fn handle(&mut self, order: ImportAgents, _context: &mut Self::Context) -> Self::Result {
        let ImportAgents { definitions, publish, origin } = order;
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let imported = import(&works.shared_db, &definitions, publish, &origin).await?;
            works.committed();
            Ok(imported)
        })
    }
}

impl Handler<EditAgent> for CatalogEditor {
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(&mut self, order: EditAgent, _context: &mut Self::Context) -> Self::Result {
        let EditAgent { id, patch, origin } = order;
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            match agents::update(&session, id, &patch, &origin).await.map_err(taken)? {
                AgentUpdate::NotFound => Err(CatalogError::NotFound(id)),
                AgentUpdate::Stale => Err(CatalogError::Stale(id)),
                AgentUpdate::Updated(agent) => {
                    works.committed();
                    Ok(*agent)
                }
            }
        })
    }
}

impl Handler<PublishAgent> for CatalogEditor {
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(&mut self, order: PublishAgent, _context: &mut Self::Context) -> Self::Result {
        let PublishAgent { id, expected_revision, origin } = order;
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            match agents::publish(&session, id, expected_revision, &origin).await? {
                Some(agent) => {
                    works.committed();
                    Ok(agent)
                }
                None => Err(not_met(&session, id, expected_revision).await?),
            }
        })
    }
}

impl Handler<RetireAgent> for CatalogEditor {
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(&mut self, order: RetireAgent, _context: &mut Self::Context) -> Self::Result {
        let RetireAgent { id, expected_revision, origin } = order;
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            match agents::retire(&session, id, expected_revision, &origin).await? {
                Some(agent) => {
                    works.committed();
                    Ok(agent)
                }
                None => Err(not_met(&session, id, expected_revision).await?),
            }
        })
    }
}

impl Handler<DeleteAgent> for CatalogEditor {
    type Result = Answer<Result<(), CatalogError>>;

    fn handle(&mut self, order: DeleteAgent, _context: &mut Self::Context) -> Self::Result {
        let DeleteAgent { id, expected_revision, origin } = order;
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let mut session = works.shared_db.connection().await?;
            let transaction = session.transaction().await?;
            agents::name_origin(&transaction, id, &origin).await?;
            let deleted = agents::delete(&transaction, id, expected_revision, &origin).await;
            if deleted.map_err(|error| in_use(id, error))? {
                transaction.commit().await?;
                works.committed();
                return Ok(());
            }
            Err(not_met(&transaction, id, expected_revision).await?)
        })
    }
}

impl Handler<FindAgent> for CatalogEditor {
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(&mut self, FindAgent { id }: FindAgent, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            agents::find(&session, id).await?.ok_or(CatalogError::NotFound(id))
        })
    }
}

impl Handler<ListAgents> for CatalogEditor {
    type Result = Answer<Result<Page<Agent>, CatalogError>>;

    fn handle(
        &mut self,
        ListAgents { filter, before, limit }: ListAgents,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            Ok(agents::list(&session, &filter, before, limit).await?)
        })
    }
}

impl Handler<ListAgentVersions> for CatalogEditor {
    type Result = Answer<Result<Page<AgentVersion>, CatalogError>>;

    fn handle(&mut self, question: ListAgentVersions, _context: &mut Self::Context) -> Self::Result {
        let ListAgentVersions { id, before, limit } = question;
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let page = agents::list_versions(&session, id, before, limit).await?;
            // A draft has no version yet; an agent that is not there has none either.
            if page.items.is_empty() && agents::find(&session, id).await?.is_none() {
                return Err(CatalogError::NotFound(id));
            }
            Ok(page)
        })
    }
}

impl Works {
    fn committed(&self) {
        bell::ring(&self.bell);
    }
}

/// Why no row was met: none has the id, or the one that has it is not in the expected revision.
async fn not_met(
    session: &impl Session<SharedSide>,
    id: AgentId,
    expected_revision: Option<i64>,
) -> Result<CatalogError, StoreError> {
    let is_stale = expected_revision.is_some() && agents::find(session, id).await?.is_some();
    Ok(if is_stale { CatalogError::Stale(id) } else { CatalogError::NotFound(id) })
}

fn taken(error: StoreError) -> CatalogError {
    let is_taken = error.is_conflict_on(agents::ACTIVATION_CODE_KEY);
    if is_taken { CatalogError::ActivationCodeTaken } else { error.into() }
}

fn in_use(id: AgentId, error: StoreError) -> CatalogError {
    match error {
        StoreError::Reference { .. } => CatalogError::InUse(id),
        other => other.into(),
    }
}
