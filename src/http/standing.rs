//! How an instance stands, as both APIs show it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::models::standing::Standing;
use crate::models::{DesiredState, InstanceStatus, ReplicaId};

/// Why an instance is not, or not yet, what its user wants.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanation, example = json!({
    "status": "pending", "desired_state": "running", "reason": "waiting to be started: 2 are before it in the queue",
    "owner": null, "last_heartbeat_at": null, "queue_position": 3, "attempts": 0, "last_error": null,
    "next_deadline_at": null
}))]
pub(super) struct StandingView {
    status: InstanceStatus,
    desired_state: DesiredState,
    /// For people; programs look at the other fields.
    reason: String,
    /// The replica that works on it.
    owner: Option<ReplicaId>,
    /// When that replica last renewed its lease.
    last_heartbeat_at: Option<Timestamp>,
    /// From 1, among those that wait for a worker; `null` for one that waits for none, or stands behind 10,000 others.
    queue_position: Option<i64>,
    /// How often it was begun to be started since its user last started it.
    attempts: i32,
    /// What went wrong last, while that matters.
    last_error: Option<String>,
    /// When its present status counts as stuck, and is ended.
    next_deadline_at: Option<Timestamp>,
}

impl From<&Standing> for StandingView {
    fn from(standing: &Standing) -> Self {
        let owner = standing.owner.as_ref();
        Self {
            status: standing.instance.status,
            desired_state: standing.instance.desired_state,
            reason: standing.reason(),
            owner: owner.map(|owner| owner.replica),
            last_heartbeat_at: owner.and_then(|owner| owner.life.as_ref()).map(|life| life.beat_at),
            queue_position: standing.counted_position(),
            attempts: standing.instance.attempts,
            last_error: standing.last_error().map(str::to_owned),
            next_deadline_at: standing.instance.deadline_at,
        }
    }
}
