//! What `InstanceRegistry` understands. All of it is sent by `http::admin`; none of it names an owner, so none of it may be
//! sent on a user's behalf.

use actix::Message;

use crate::actors::instances::InstanceError;
use crate::models::standing::{ActorView, Standing};
use crate::models::{AgentId, Instance, InstanceId, InstanceStatus, Origin, Page, PageLimit, UserId};

/// Asks for one instance, also while it is being torn down.
#[derive(Debug, Message)]
#[rtype(result = "Result<Instance, InstanceError>")]
pub struct FindAnyInstance {
    /// Which.
    pub id: InstanceId,
}

/// Asks for a page of everybody's instances, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<Instance>, InstanceError>")]
pub struct ListAllInstances {
    /// Only those of this user.
    pub user_id: Option<UserId>,
    /// Only those of this status.
    pub status: Option<InstanceStatus>,
    /// Only those of this agent.
    pub agent_id: Option<AgentId>,
    /// Where the page before it ended.
    pub before: Option<InstanceId>,
    /// How long the page may be.
    pub limit: PageLimit,
}

/// Asks how an instance stands, and of its owner how its actor does. Answered without the latter where that cannot be had
/// within a second.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Standing, ActorView), InstanceError>")]
pub struct ExplainAnyInstance {
    /// Which.
    pub id: InstanceId,
}

/// Wishes that an instance be halted. Answered with the row as it is now: a worker does the halting.
#[derive(Debug, Message)]
#[rtype(result = "Result<Instance, InstanceError>")]
pub struct StopAnyInstance {
    /// Which.
    pub id: InstanceId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Wishes that an instance be live. Answered with the row as it is now: a worker brings it up.
#[derive(Debug, Message)]
#[rtype(result = "Result<Instance, InstanceError>")]
pub struct StartAnyInstance {
    /// Which.
    pub id: InstanceId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Takes an instance from whoever has it, and has any worker take it up anew. Answered with the row as it is now.
#[derive(Debug, Message)]
#[rtype(result = "Result<Instance, InstanceError>")]
pub struct RequeueAnyInstance {
    /// Which.
    pub id: InstanceId,
    /// The request that wishes it.
    pub origin: Origin,
}
