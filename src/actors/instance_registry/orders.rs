//! What the registry asks of the replicas behind the instances.

use std::time::Duration;

use futures_util::future::join_all;

use crate::actors::courier::{Carry, Courier};
use crate::actors::system::Handle;
use crate::models::control::{ActorState, Describe, Described, LetGo, Order, OrderReply, TakeUp};
use crate::models::standing::{ActorView, Standing};
use crate::models::store::{SharedDb, StoreError, replicas};
use crate::models::{InstanceId, ReplicaId};

/// How long an owner may take to say how its actor does. An administrator waits for it.
const DESCRIBED_WITHIN: Duration = Duration::from_secs(1);

/// How long replicas may take to hear of a requeue. Nobody waits for it.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// Workers that are told of a requeue at most: one of them is enough.
const TOLD_MAX: i64 = 16;

/// How the actor behind an instance does, or why that cannot be said.
pub(super) async fn ask_actor(courier: &Handle<Courier>, standing: &Standing) -> ActorView {
    let Some(owner) = &standing.owner else { return unknown("nobody owns the instance") };
    match &owner.life {
        Some(life) if !life.is_stale => {}
        Some(_) => return unknown("its owner has not renewed its lease and counts as dead"),
        None => return unknown("its owner is gone"),
    }
    let instance_id = standing.instance.id;
    let order = Order::Describe(Describe { instance_id });
    match courier.ask(Carry { to: owner.replica, order, within: DESCRIBED_WITHIN }).await {
        Ok(OrderReply::Described(Described { actor: Some(actor) })) => known(actor),
        Ok(OrderReply::Described(Described { actor: None })) => {
            unknown("its owner has no actor for it just now")
        }
        Ok(OrderReply::Refused(refused)) => unknown(refused.reason),
        Ok(OrderReply::Taken(_)) => unknown("its owner answered another question"),
        Err(error) => unknown(error.to_string()),
    }
}

fn known(actor: ActorState) -> ActorView {
    ActorView::Known(Box::new(actor))
}

fn unknown(why: impl Into<String>) -> ActorView {
    ActorView::Unknown(why.into())
}

/// Tells the former owner that it has lost an instance, then the other workers that it is there to be taken. The database
/// says both; this makes it sooner.
pub(super) async fn tell_of_requeue(
    courier: Handle<Courier>,
    shared_db: SharedDb,
    instance_id: InstanceId,
    owner_epoch: i64,
    former_owner: Option<ReplicaId>,
) {
    let carry = |to, order| courier.ask(Carry { to, order, within: TOLD_WITHIN });
    if let Some(owner) = former_owner
        && let Err(error) = carry(owner, Order::LetGo(LetGo { instance_id, owner_epoch })).await
    {
        tracing::warn!(instance.id = %instance_id, replica.id = %owner, %error, "its former owner was not told");
    }
    match list_workers(&shared_db, former_owner).await {
        Ok(workers) => {
            let told = workers.into_iter().map(|to| carry(to, Order::TakeUp(TakeUp {})));
            let heard = join_all(told).await.into_iter().filter(Result::is_ok).count();
            tracing::debug!(instance.id = %instance_id, heard, "workers were told of a requeued instance");
        }
        Err(error) => tracing::debug!(%error, "the workers are not known, and so not told"),
    }
}

/// Others first. Where there are none, the one that had it may take it again.
async fn list_workers(
    shared_db: &SharedDb,
    former_owner: Option<ReplicaId>,
) -> Result<Vec<ReplicaId>, StoreError> {
    let connection = shared_db.connection().await?;
    let but = former_owner.unwrap_or_else(ReplicaId::new);
    let others = replicas::list_other_workers(&connection, but, TOLD_MAX).await?;
    Ok(if others.is_empty() { former_owner.into_iter().collect() } else { others })
}
