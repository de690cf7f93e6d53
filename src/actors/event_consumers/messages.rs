//! What a consumer says to the actor that it reads a queue for.

use std::sync::Arc;

use actix::Message;
use thiserror::Error;

use crate::models::{EventId, InstanceId, Origin, RoutingKey, TeamId, UserId};

/// One event off the bus. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BusEvent {
    /// Its place among all events; grows without gaps, and comes again after a fault.
    pub position: i64,
    /// Which event it is, the same in every copy.
    pub event_id: EventId,
    /// What it tells.
    pub routing_key: RoutingKey,
    /// Whose it is, if it is anybody's.
    pub user_id: Option<UserId>,
    /// The team that shares what it is about.
    pub team_id: Option<TeamId>,
    /// The instance that it is about, if it is about one.
    pub instance_id: Option<InstanceId>,
    /// The revision of what it is about, where that has one.
    pub revision: Option<i64>,
    /// The request that it followed from, as the message's headers say.
    pub origin: Origin,
    /// The whole body as it stands on the bus: a JSON object.
    pub body: Arc<str>,
}

/// Events in the order of the queue. Sent by a consumer; once it is answered with `Ok`, the events are acknowledged and
/// never come again, so the answer means that they are done with or can be recovered without the queue.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), NotTaken>")]
pub struct Deliver {
    /// At least one, at most the consumer's prefetch.
    pub events: Vec<BusEvent>,
}

/// The queue is declared and bound (again), and nothing of it has been read yet: whatever was published from now on will
/// be delivered, what was published before may be missing. Sent by a consumer before its first [`Deliver`], and answered
/// before it sends that.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), NotTaken>")]
pub struct Bound;

/// The actor did not take it.
#[derive(Debug, Error)]
pub enum NotTaken {
    /// Not now, and why, for the log. The consumer keeps it and asks again after a pause.
    #[error("{0}")]
    Later(String),
    /// Never again: this process ends. The consumer closes its connection, so that others are given what it holds at once.
    #[error("this replica is about to end")]
    Leaving,
}
