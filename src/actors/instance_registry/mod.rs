//! Everybody's instances, as administrators see and steer them. An actor apart from `Instances`, so that what needs no owner
//! cannot be asked where users are served.
//!
//! - **Owns:** nothing but its way to the database: the rows are the truth, and their rules are in the migrations.
//! - **Receives:** the messages of `messages.rs` from `http::admin`.
//! - **Sends:** `Ring` to the bell after each commit; orders to workers, by way of the courier: how does your actor do, let go of
//!   what was taken from you, there is something to take.
//! - **Invariant:** it wishes as a user could wish; of what is a worker's it writes one thing, that nobody has an instance, and
//!   that under a new epoch.
//! - **On failure:** keeps no state, so a rebuild loses nothing.

mod messages;
mod orders;

pub use messages::{
    ExplainAnyInstance, FindAnyInstance, ListAllInstances, RequeueAnyInstance, StartAnyInstance,
    StopAnyInstance,
};

use actix::{Actor, Context, Handler};

use super::bell::{self, Bell};
use super::courier::Courier;
use super::instances::InstanceError;
use super::system::{Answer, Handle, Lifeline};
use crate::models::standing::{ActorView, Standing};
use crate::models::store::instance_registry::RequeueOutcome;
use crate::models::store::instances::{self, InstanceFilter};
use crate::models::store::{SharedDb, instance_registry, standings};
use crate::models::{Instance, Page};

/// The actor. All of its answers overlap: the pool is the bound, and the database keeps writers of one row apart.
pub struct InstanceRegistry {
    works: Works,
    lifeline: Lifeline,
}

#[derive(Clone)]
struct Works {
    shared_db: SharedDb,
    bell: Handle<Bell>,
    courier: Handle<Courier>,
}

impl InstanceRegistry {
    /// The name of its handle.
    pub const NAME: &'static str = "instance_registry";

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub fn new(
        shared_db: SharedDb,
        bell: Handle<Bell>,
        courier: Handle<Courier>,
        lifeline: Lifeline,
    ) -> Self {
        Self { works: Works { shared_db, bell, courier }, lifeline }
    }
}

impl Actor for InstanceRegistry {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        self.lifeline.ready();
    }
}

impl Handler<FindAnyInstance> for InstanceRegistry {
    type Result = Answer<Result<Instance, InstanceError>>;

    fn handle(
        &mut self,
        FindAnyInstance { id }: FindAnyInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            instance_registry::find_any(&session, id).await?.ok_or(InstanceError::NotFound(id))
        })
    }
}

impl Handler<ListAllInstances> for InstanceRegistry {
    type Result = Answer<Result<Page<Instance>, InstanceError>>;

    fn handle(&mut self, question: ListAllInstances, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let ListAllInstances { user_id, status, agent_id, before, limit } = question;
            let filter = InstanceFilter { status, agent_id };
            let session = works.shared_db.connection().await?;
            Ok(match user_id {
                // The user's own list has an index; a filter over everybody's would look at all of them.
                Some(user) => instances::list(&session, user, filter, before, limit).await?,
                None => instance_registry::list_any(&session, filter, before, limit).await?,
            })
        })
    }
}

impl Handler<ExplainAnyInstance> for InstanceRegistry {
    type Result = Answer<Result<(Standing, ActorView), InstanceError>>;

    fn handle(
        &mut self,
        ExplainAnyInstance { id }: ExplainAnyInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let standing = standings::explain_any(&session, id).await?.ok_or(InstanceError::NotFound(id))?;
            // Not while a connection of the pool is held: the answer may take a second.
            drop(session);
            let actor = orders::ask_actor(&works.courier, &standing).await;
            Ok((standing, actor))
        })
    }
}

impl Handler<StopAnyInstance> for InstanceRegistry {
    type Result = Answer<Result<Instance, InstanceError>>;

    fn handle(
        &mut self,
        StopAnyInstance { id, origin }: StopAnyInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let instance = instance_registry::stop_any(&session, id, &origin).await?;
            bell::ring(&works.bell);
            instance.ok_or(InstanceError::NotFound(id))
        })
    }
}

impl Handler<StartAnyInstance> for InstanceRegistry {
    type Result = Answer<Result<Instance, InstanceError>>;

    fn handle(
        &mut self,
        StartAnyInstance { id, origin }: StartAnyInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let instance = instance_registry::start_any(&session, id, &origin).await?;
            bell::ring(&works.bell);
            instance.ok_or(InstanceError::NotFound(id))
        })
    }
}

impl Handler<RequeueAnyInstance> for InstanceRegistry {
    type Result = Answer<Result<Instance, InstanceError>>;

    fn handle(
        &mut self,
        RequeueAnyInstance { id, origin }: RequeueAnyInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let outcome = instance_registry::requeue_any(&session, id, &origin).await?;
            drop(session);
            bell::ring(&works.bell);
            match outcome {
                RequeueOutcome::NotFound => Err(InstanceError::NotFound(id)),
                RequeueOutcome::NothingToDo => Err(InstanceError::NothingToRequeue(id)),
                RequeueOutcome::Requeued { instance, former_owner } => {
                    // Beside the answer: it is done, and this only makes it seen sooner. It ends within seconds.
                    let Works { courier, shared_db, .. } = works;
                    let epoch = instance.owner_epoch;
                    actix::spawn(orders::tell_of_requeue(courier, shared_db, id, epoch, former_owner));
                    Ok(*instance)
                }
            }
        })
    }
}
