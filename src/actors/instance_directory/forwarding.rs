//! Telling other replicas of changes to instances that are theirs.

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::time::{sleep, timeout};

use super::house::{House, LOOK};
use super::orders::{Orders, Parcel};
use crate::actors::courier::{Carry, Courier};
use crate::actors::system::Handle;
use crate::models::control::{LookAfterThese, Order, OrderReply, TakeUp, Taken};
use crate::models::store::{SharedDb, StoreError, replicas};
use crate::models::{InstanceId, ReplicaId};

/// How long an owner may take to acknowledge an order. It only takes it into its roster.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(1);

/// Orders that are out at once. Each may name hundreds of instances.
const PARCELS_MAX: usize = 16;

/// How long the others may take to hear that there is something to take. Longer holds up the end of the process.
const TOLD_WITHIN: Duration = Duration::from_millis(400);

/// Others that are told at most: enough to share the work, and those that are not told sweep a second later.
const TOLD_MAX: i64 = 64;

/// Without anything to wait for.
const A_WHILE: Duration = Duration::from_secs(3_600);

/// Who is told, and how.
pub(super) struct Forwarding {
    pub(super) courier: Handle<Courier>,
    pub(super) shared_db: SharedDb,
    pub(super) me: ReplicaId,
}

type Outcome = Result<Vec<InstanceId>, String>;

/// For ever: whatever supervisors here find with others is told to those.
pub(super) async fn forward(house: Rc<House>) {
    let mut orders = Orders::default();
    let mut out = FuturesUnordered::new();
    loop {
        let now = Instant::now();
        note(&house, &mut orders, now);
        for id in orders.due(now) {
            house.look_after(id, LOOK);
        }
        while out.len() < PARCELS_MAX
            && let Some(parcel) = orders.next_parcel()
        {
            out.push(house.forwarding().carry(parcel));
        }
        let pause = orders.due_at().map_or(A_WHILE, |at| at.saturating_duration_since(now));
        tokio::select! {
            () = house.roster().until_one_is_elsewhere() => {}
            Some((parcel, outcome)) = out.next() => settle(&mut orders, &parcel, outcome),
            () = sleep(pause) => {}
        }
    }
}

fn note(house: &House, orders: &mut Orders, now: Instant) {
    let mut dropped = 0;
    for there in house.roster().elsewhere() {
        dropped += usize::from(!orders.note(there.id, there.owner, there.revision, now));
    }
    if dropped > 0 {
        tracing::warn!(dropped, "too many orders are under way; the owners' own sweeps find the rest");
    }
}

fn settle(orders: &mut Orders, parcel: &Parcel, outcome: Outcome) {
    let (now, to, count) = (Instant::now(), parcel.to, parcel.instances.len());
    let (outcome, given_up) = match outcome {
        Ok(not_mine) => {
            tracing::debug!(replica.id = %to, count, not_mine = not_mine.len(), "an order was acknowledged");
            ("acknowledged", orders.acknowledge(parcel, &not_mine, now))
        }
        Err(error) => {
            tracing::debug!(replica.id = %to, count, error, "an order was not acknowledged");
            ("failed", orders.fail_all(parcel, now))
        }
    };
    metrics::counter!("botberi_control_orders_total", "outcome" => outcome).increment(1);
    if given_up > 0 {
        tracing::warn!(replica.id = %to, given_up, "orders are given up; their owner's sweep finds what it should know");
    }
}

impl Forwarding {
    async fn carry(&self, parcel: Parcel) -> (Parcel, Outcome) {
        let order = Order::LookAfter(LookAfterThese { instances: parcel.instances.clone() });
        let carry = Carry { to: parcel.to, order, within: ACKNOWLEDGED_WITHIN };
        let outcome = match self.courier.ask(carry).await {
            Ok(OrderReply::Taken(Taken { not_mine })) => Ok(not_mine),
            Ok(OrderReply::Refused(refused)) => Err(refused.reason),
            Ok(OrderReply::Described(_)) => Err("it answered another question".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        (parcel, outcome)
    }

    /// Has the other workers sweep now. Whoever does not hear it sweeps a moment later.
    pub(super) async fn call_to_take_up(&self) {
        if timeout(TOLD_WITHIN, self.tell_others()).await.is_err() {
            tracing::debug!("not every other worker has heard that there is something to take");
        }
    }

    async fn tell_others(&self) {
        let others = match self.list_others().await {
            Ok(others) => others,
            Err(error) => {
                tracing::debug!(%error, "the other workers are not known, and so not told");
                return;
            }
        };
        let told = others.into_iter().map(|to| {
            let order = Order::TakeUp(TakeUp {});
            self.courier.ask(Carry { to, order, within: TOLD_WITHIN })
        });
        let heard = join_all(told).await.into_iter().filter(Result::is_ok).count();
        tracing::info!(heard, "other workers were told that there is something to take");
    }

    async fn list_others(&self) -> Result<Vec<ReplicaId>, StoreError> {
        let connection = self.shared_db.connection().await?;
        replicas::list_other_workers(&connection, self.me, TOLD_MAX).await
    }
}
