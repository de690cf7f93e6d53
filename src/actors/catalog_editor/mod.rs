//! The catalog as administrators write it.
//!
//! - **Owns:** nothing but its way to the database: the rows are the truth, and their rules are in the migrations.
//! - **Receives:** [`CreateAgent`], [`EditAgent`], [`ImportAgents`], [`PublishAgent`], [`RetireAgent`], [`DeleteAgent`], [`FindAgent`],
//!   [`ListAgents`] and [`ListAgentVersions`] from `http::admin`.
//! - **Sends:** `Ring` to the bell after each commit.
//! - **Invariant:** an agent that instances were made from is never deleted.
//! - **On failure:** keeps no state, so a rebuild loses nothing.

pub mod definition;
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
use crate::models::store::{SharedDb, StoreError, agents};
use crate::models::{Agent, AgentId, AgentVersion, Page};

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
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(&mut self, CreateAgent { draft }: CreateAgent, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let agent = agents::insert(&session, &draft).await.map_err(taken)?;
            works.committed();
            Ok(agent)
        })
    }
}

impl Handler<ImportAgents> for CatalogEditor {
    type Result = Answer<Result<Vec<ImportedAgent>, CatalogError>>;

    fn handle(&mut self, order: ImportAgents, _context: &mut Self::Context) -> Self::Result {
        let ImportAgents { definitions, publish } = order;
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let imported = import(&works.shared_db, &definitions, publish).await?;
            works.committed();
            Ok(imported)
        })
    }
}

impl Handler<EditAgent> for CatalogEditor {
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(&mut self, EditAgent { id, patch }: EditAgent, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            match agents::update(&session, id, &patch).await.map_err(taken)? {
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

    fn handle(&mut self, PublishAgent { id }: PublishAgent, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let agent = agents::publish(&session, id).await?;
            works.committed();
            agent.ok_or(CatalogError::NotFound(id))
        })
    }
}

impl Handler<RetireAgent> for CatalogEditor {
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(&mut self, RetireAgent { id }: RetireAgent, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let agent = agents::retire(&session, id).await?;
            works.committed();
            agent.ok_or(CatalogError::NotFound(id))
        })
    }
}

impl Handler<DeleteAgent> for CatalogEditor {
    type Result = Answer<Result<(), CatalogError>>;

    fn handle(&mut self, DeleteAgent { id }: DeleteAgent, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let was_there = agents::delete(&session, id).await.map_err(|error| in_use(id, error))?;
            works.committed();
            if was_there { Ok(()) } else { Err(CatalogError::NotFound(id)) }
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
