//! Users' instances: made, changed, wished up and down, and deleted.
//!
//! - **Owns:** the queue of wishes for instances, the commits that they share (`commit.rs`), and how many a user may have.
//! - **Receives:** the messages of `messages.rs` from `http::user`; every one of them says what the caller reaches.
//! - **Sends:** `Ring` to the bell after each commit; the triggers tell the rest through the outbox.
//! - **Invariant:** one wish's failure never fails another; nobody touches or sees what is neither
//!   theirs nor their team's; nobody has more than
//!   their quota; one key makes one instance.
//! - **On failure:** what was waiting to be made is answered with `outcome_unknown`; beside the queue it keeps no state.

mod commit;
mod error;
mod messages;
pub mod rules;
mod settings;

pub use error::InstanceError;
pub use messages::{
    CreateInstance, DeleteInstance, ExplainInstance, FindInstance, FindUsage, ListInstanceEvents,
    ListInstances, PatchInstance, QuotaUsage, StartInstance, StopInstance,
};
pub use settings::QuotaSettings;

use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};

use self::commit::{COMMITTERS, Committer, Wish, Wishes};
use self::error::INSTANCES;
pub(super) use self::error::{KNOWLEDGE_BYTES, KNOWLEDGE_ENTRIES};
use super::bell::{self, Bell};
use super::system::{Answer, Handle, Lifeline};
use crate::models::standing::Standing;
use crate::models::store::instances::{self as rows, ChangeOutcome, InstanceFilter};
use crate::models::store::{SharedDb, outbox, standings, usage};
use crate::models::{Cursor, Instance, InstanceId, Made, Page, PastEvent, Reach};

/// The actor. All of its answers overlap: the pool is the bound, and the database keeps writers of one row apart.
pub struct Instances {
    works: Works,
    wishes: Wishes,
    committer: Committer,
    lifeline: Lifeline,
}

#[derive(Clone)]
struct Works {
    shared_db: SharedDb,
    bell: Handle<Bell>,
    quotas: QuotaSettings,
}

impl Instances {
    /// The name of its handle.
    pub const NAME: &'static str = "instances";

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub fn new(shared_db: SharedDb, bell: Handle<Bell>, quotas: QuotaSettings, lifeline: Lifeline) -> Self {
        let (wishes, committer) = Committer::new(shared_db.clone(), bell.clone(), quotas);
        Self { works: Works { shared_db, bell, quotas }, wishes, committer, lifeline }
    }
}

impl Actor for Instances {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        for _committer in 0..COMMITTERS {
            // In the actor's own context: they end with it, and their panic is its own.
            context.spawn(self.committer.clone().run().into_actor(self));
        }
        self.lifeline.ready();
    }
}

impl Handler<CreateInstance> for Instances {
    type Result = Answer<Result<Made<Instance>, InstanceError>>;

    fn handle(
        &mut self,
        CreateInstance { wish: instance, key }: CreateInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let left = self.wishes.leave(Wish { instance, key });
        self.lifeline.answer(async move { left?.outcome().await })
    }
}

impl Handler<FindInstance> for Instances {
    type Result = Answer<Result<Instance, InstanceError>>;

    fn handle(
        &mut self,
        FindInstance { reach, id }: FindInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            rows::find(&session, reach, id).await?.ok_or(InstanceError::NotFound(id))
        })
    }
}

impl Handler<ListInstances> for Instances {
    type Result = Answer<Result<Page<Instance>, InstanceError>>;

    fn handle(&mut self, question: ListInstances, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let ListInstances { reach, status, agent_id, before, limit } = question;
            let session = works.shared_db.connection().await?;
            Ok(rows::list(&session, reach, InstanceFilter { status, agent_id }, before, limit).await?)
        })
    }
}

impl Handler<PatchInstance> for Instances {
    type Result = Answer<Result<Instance, InstanceError>>;

    fn handle(&mut self, order: PatchInstance, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let PatchInstance { reach, id, patch } = order;
            let session = works.shared_db.connection().await?;
            let outcome = rows::patch(&session, reach, id, &patch).await?;
            drop(session);
            works.changed(reach, id, outcome).await
        })
    }
}

impl Handler<DeleteInstance> for Instances {
    type Result = Answer<Result<(), InstanceError>>;

    fn handle(&mut self, order: DeleteInstance, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let DeleteInstance { reach, id, expected_revision, origin } = order;
            let session = works.shared_db.connection().await?;
            let outcome = rows::tombstone(&session, reach, id, expected_revision, &origin).await?;
            drop(session);
            works.changed(reach, id, outcome).await.map(|_tombstone| ())
        })
    }
}

impl Handler<StopInstance> for Instances {
    type Result = Answer<Result<Instance, InstanceError>>;

    fn handle(
        &mut self,
        StopInstance { reach, id, origin }: StopInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let instance = rows::stop(&session, reach, id, &origin).await?;
            drop(session);
            let outcome = instance.map_or(ChangeOutcome::NotFound, |it| ChangeOutcome::Changed(Box::new(it)));
            works.changed(reach, id, outcome).await
        })
    }
}

impl Handler<StartInstance> for Instances {
    type Result = Answer<Result<Instance, InstanceError>>;

    fn handle(
        &mut self,
        StartInstance { reach, id, origin }: StartInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let instance = rows::start(&session, reach, id, &origin).await?;
            drop(session);
            let outcome = instance.map_or(ChangeOutcome::NotFound, |it| ChangeOutcome::Changed(Box::new(it)));
            works.changed(reach, id, outcome).await
        })
    }
}

impl Handler<ListInstanceEvents> for Instances {
    type Result = Answer<Result<Page<PastEvent>, InstanceError>>;

    fn handle(&mut self, question: ListInstanceEvents, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let ListInstanceEvents { reach, id, after, limit } = question;
            let session = works.shared_db.connection().await?;
            // The log outlives the instance; what was deleted has no history any more for its user.
            rows::find(&session, reach, id).await?.ok_or(InstanceError::NotFound(id))?;
            let events = outbox::of_instance(&session, reach, id, after, limit.rows()).await?;
            Ok(Page::cut(events, limit, |past: &PastEvent| Cursor::Number(past.event.position)))
        })
    }
}

impl Handler<ExplainInstance> for Instances {
    type Result = Answer<Result<Standing, InstanceError>>;

    fn handle(
        &mut self,
        ExplainInstance { reach, id }: ExplainInstance,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            standings::explain(&session, reach, id).await?.ok_or(InstanceError::NotFound(id))
        })
    }
}

impl Handler<FindUsage> for Instances {
    type Result = Answer<Result<Vec<QuotaUsage>, InstanceError>>;

    fn handle(&mut self, FindUsage { owner }: FindUsage, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.shared_db.connection().await?;
            let usage = usage::find(&session, owner).await?;
            let quotas = works.quotas;
            let counted = [
                (INSTANCES, usage.instances_max, quotas.instances_max, usage.instances),
                (
                    KNOWLEDGE_ENTRIES,
                    usage.knowledge_entries_max,
                    quotas.knowledge_entries_max,
                    usage.knowledge_entries,
                ),
                (
                    KNOWLEDGE_BYTES,
                    usage.knowledge_bytes_max,
                    quotas.knowledge_bytes_max,
                    usage.knowledge_bytes,
                ),
            ];
            let quota = |(name, own, of_all, used): (_, Option<i64>, _, _)| QuotaUsage {
                name,
                limit: own.unwrap_or(of_all),
                used,
            };
            Ok(counted.map(quota).to_vec())
        })
    }
}

impl Works {
    async fn changed(
        &self,
        reach: Reach,
        id: InstanceId,
        outcome: ChangeOutcome,
    ) -> Result<Instance, InstanceError> {
        match outcome {
            ChangeOutcome::Changed(instance) => {
                bell::ring(&self.bell);
                Ok(*instance)
            }
            ChangeOutcome::Stale => Err(InstanceError::Stale(id)),
            ChangeOutcome::NotFound if reach.to_see() == reach => Err(InstanceError::NotFound(id)),
            // Whoever may see it is told that their role lets them do no more.
            ChangeOutcome::NotFound => {
                let session = self.shared_db.connection().await?;
                let seen = rows::find(&session, reach.to_see(), id).await?;
                Err(seen.map_or(InstanceError::NotFound(id), |_instance| InstanceError::RoleTooLow))
            }
        }
    }
}
