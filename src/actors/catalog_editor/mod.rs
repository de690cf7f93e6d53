//! The catalog as administrators write it.
//!
//! - **Owns:** nothing but its way to the database: the rows are the truth, and their rules are in the migrations.
//! - **Receives:** [`CreateAgent`], [`PublishAgent`], [`RetireAgent`], [`DeleteAgent`], [`FindAgent`] and [`ListAgents`]
//!   from `http::admin`.
//! - **Sends:** `Ring` to the bell after each commit.
//! - **Invariant:** an agent that instances were made from is never deleted.
//! - **On failure:** keeps no state, so a rebuild loses nothing.

mod drafting;
mod error;
mod messages;
pub mod rules;

pub use error::CatalogError;
pub use messages::{CreateAgent, DeleteAgent, FindAgent, ListAgents, PublishAgent, RetireAgent};

use actix::{Actor, Context, Handler};

use super::bell::{self, Bell};
use super::probe;
use super::system::{Answer, Handle, Lifeline};
use crate::models::store::{SharedDb, StoreError, agents};
use crate::models::{Agent, AgentId, Made, Page};

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

impl Handler<PublishAgent> for CatalogEditor {
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(
        &mut self,
        PublishAgent { id, origin }: PublishAgent,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let agent = agents::publish(&session, id, &origin).await?;
            works.committed();
            agent.ok_or(CatalogError::NotFound(id))
        })
    }
}

impl Handler<RetireAgent> for CatalogEditor {
    type Result = Answer<Result<Agent, CatalogError>>;

    fn handle(
        &mut self,
        RetireAgent { id, origin }: RetireAgent,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let agent = agents::retire(&session, id, &origin).await?;
            works.committed();
            agent.ok_or(CatalogError::NotFound(id))
        })
    }
}

impl Handler<DeleteAgent> for CatalogEditor {
    type Result = Answer<Result<(), CatalogError>>;

    fn handle(
        &mut self,
        DeleteAgent { id, origin }: DeleteAgent,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let mut session = works.shared_db.connection().await?;
            let transaction = session.transaction().await?;
            agents::name_origin(&transaction, id, &origin).await?;
            let was_there = agents::delete(&transaction, id).await.map_err(|error| in_use(id, error))?;
            transaction.commit().await?;
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
        ListAgents { before, limit }: ListAgents,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            Ok(agents::list(&session, before, limit).await?)
        })
    }
}

impl Works {
    fn committed(&self) {
        bell::ring(&self.bell);
    }
}

fn in_use(id: AgentId, error: StoreError) -> CatalogError {
    match error {
        StoreError::Reference { .. } => CatalogError::InUse(id),
        other => other.into(),
    }
}
