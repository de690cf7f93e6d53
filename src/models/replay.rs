//! A window of the event log that is published once more.

use jiff::Timestamp;

use super::ids::{ReplayId, UserId};
use super::key_pattern::KeyPattern;
use super::text_enum::text_enum;

/// A window to be published once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReplay {
    /// The first position of it.
    pub from_position: i64,
    /// The last position of it.
    pub to_position: i64,
    /// Which events of it; all of them when there is none.
    pub routing_key: Option<KeyPattern>,
}

text_enum! {
    /// How far a replay is.
    pub enum ReplayStatus {
        /// No replica carries it out at the moment; one will in seconds.
        Waiting = "waiting",
        /// A replica carries it out.
        Running = "running",
        /// All of it is confirmed.
        Done = "done",
        /// It was ended by an administrator.
        Cancelled = "cancelled",
    }
}

/// A replay as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its id.
    pub id: ReplayId,
    /// The first position of its window.
    pub from_position: i64,
    /// The last position of its window.
    pub to_position: i64,
    /// Which events of it; all of them when there is none.
    pub routing_key: Option<KeyPattern>,
    /// The administrator who wanted it.
    pub requested_by: UserId,
    /// How far it is.
    pub status: ReplayStatus,
    /// The last position that was dealt with; one less than `from_position` at the beginning.
    pub position: i64,
    /// How many events RabbitMQ has confirmed; after a fault some of them were sent twice.
    pub events_sent: i64,
    /// Why it does not get on at present.
    pub last_error: Option<String>,
    /// When it was wished for.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}
