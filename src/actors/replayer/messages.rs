//! What `Replayer` understands. All of it is sent by `http::broker`, for administrators.

use actix::Message;

use super::ReplayError;
use crate::models::{KeyPattern, Origin, Replay, ReplayId, ReplicaId, UserId};

/// Asks how far publishing is.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<Outbox, ReplayError>")]
pub struct FindOutbox;

/// How far publishing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// Events that are committed and not confirmed by RabbitMQ: those of the next two.
    pub pending: i64,
    /// Events that are committed and have no position: they wait for a leader.
    pub unplaced: i64,
    /// Events that have a position and no confirm: they wait for RabbitMQ.
    pub unpublished: i64,
    /// How long the oldest of them has waited, in milliseconds; zero when none waits.
    pub oldest_age_ms: i64,
    /// Events that were ever confirmed.
    pub published_total: i64,
    /// The replica that publishes; `None` when none has beaten lately.
    pub leader: Option<ReplicaId>,
    /// How long ago a leader last beat, in milliseconds; `None` before there was one.
    pub leader_silence_ms: Option<i64>,
    /// How many leaders there were.
    pub epoch: i64,
    /// The oldest position that the log still has; `None` when it is empty.
    pub first_position: Option<i64>,
    /// The last position that was given.
    pub last_position: i64,
}

/// Wishes that a window of the log is published once more. Answered as soon as the wish is written.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Replay, ReplayError>")]
pub struct StartReplay {
    /// The first position of it.
    pub from_position: i64,
    /// The last position of it; without it, the last one that is published by now.
    pub to_position: Option<i64>,
    /// Which events of it.
    pub routing_key: Option<KeyPattern>,
    /// Who wishes it.
    pub by: UserId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Asks how far a replay is.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<Replay, ReplayError>")]
pub struct FindReplay {
    /// Which.
    pub id: ReplayId,
}

/// Ends a replay. What is on its way is still published. Answered with the replay as it ended, however it ended.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Replay, ReplayError>")]
pub struct CancelReplay {
    /// Which.
    pub id: ReplayId,
    /// The request that wishes it.
    pub origin: Origin,
}
