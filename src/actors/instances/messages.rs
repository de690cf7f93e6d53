//! What `Instances` understands. All of it is sent by `http::user`, and says what the caller reaches: anything else does not
//! exist.

use actix::Message;

use super::InstanceError;
use crate::models::standing::Standing;
use crate::models::{
    AgentId, IdempotencyKey, Instance, InstanceId, InstancePatch, InstanceStatus, Made, NewInstance, Origin,
    Page, PageLimit, PastEvent, Reach, UserId,
};

/// Makes an instance. Answered with the `pending` row, or, for a key that was used for it before, with the row as it was then.
#[derive(Debug, Message)]
#[rtype(result = "Result<Made<Instance>, InstanceError>")]
pub struct CreateInstance {
    /// The instance, whose fields keep the rules.
    pub wish: NewInstance,
    /// What the wish may be sent again with.
    pub key: Option<IdempotencyKey>,
}

/// Asks for one instance.
#[derive(Debug, Message)]
#[rtype(result = "Result<Instance, InstanceError>")]
pub struct FindInstance {
    /// What the caller reaches.
    pub reach: Reach,
    /// Which.
    pub id: InstanceId,
}

/// Asks for a page of the instances that are reached, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<Instance>, InstanceError>")]
pub struct ListInstances {
    /// What the caller reaches.
    pub reach: Reach,
    /// Only those of this status.
    pub status: Option<InstanceStatus>,
    /// Only those of this agent.
    pub agent_id: Option<AgentId>,
    /// Where the page before it ended.
    pub before: Option<InstanceId>,
    /// How long the page may be.
    pub limit: PageLimit,
}

/// Changes what the user may change of an instance.
#[derive(Debug, Message)]
#[rtype(result = "Result<Instance, InstanceError>")]
pub struct PatchInstance {
    /// What the caller reaches.
    pub reach: Reach,
    /// Which.
    pub id: InstanceId,
    /// What.
    pub patch: InstancePatch,
}

/// Deletes an instance: it is gone for its user at once, and torn down by a worker soon after.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), InstanceError>")]
pub struct DeleteInstance {
    /// What the caller reaches.
    pub reach: Reach,
    /// Which.
    pub id: InstanceId,
    /// Deletes it only while it has this revision.
    pub expected_revision: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Wishes that an instance be halted. Answered with the row as it is now: a worker does the halting.
#[derive(Debug, Message)]
#[rtype(result = "Result<Instance, InstanceError>")]
pub struct StopInstance {
    /// What the caller reaches.
    pub reach: Reach,
    /// Which.
    pub id: InstanceId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Wishes that an instance be live. Answered with the row as it is now: a worker brings it up.
#[derive(Debug, Message)]
#[rtype(result = "Result<Instance, InstanceError>")]
pub struct StartInstance {
    /// What the caller reaches.
    pub reach: Reach,
    /// Which.
    pub id: InstanceId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Asks for the history of an instance, oldest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<PastEvent>, InstanceError>")]
pub struct ListInstanceEvents {
    /// What the caller reaches.
    pub reach: Reach,
    /// Which.
    pub id: InstanceId,
    /// Only what came after this position.
    pub after: i64,
    /// How long the page may be.
    pub limit: PageLimit,
}

/// Asks how an instance stands: why it is not, or not yet, what its user wants.
#[derive(Debug, Message)]
#[rtype(result = "Result<Standing, InstanceError>")]
pub struct ExplainInstance {
    /// What the caller reaches.
    pub reach: Reach,
    /// Which.
    pub id: InstanceId,
}

/// Asks how much a user has of what is limited.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<QuotaUsage>, InstanceError>")]
pub struct FindUsage {
    /// Whose.
    pub owner: UserId,
}

/// How much a user has of one thing that is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    /// What is limited.
    pub name: &'static str,
    /// How much there may be.
    pub limit: i64,
    /// How much there is; more than the limit where that was lowered.
    pub used: i64,
}
