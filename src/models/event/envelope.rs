//! What every message says about itself, whatever it tells.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::RoutingKey;
use crate::models::ids::{EventId, InstanceId, ReplayId, TeamId, UserId};

/// The version of every body's shape. It grows when a field changes its meaning or goes away; new fields leave it alone.
pub const SCHEMA_VERSION: i32 = 1;

/// The names that belong to the envelope: an own field of such a name is dropped.
pub(super) const ENVELOPE_FIELDS: [&str; 5] =
    ["event_id", "event_type", "schema_version", "position", "occurred_at"];

/// What every message says about itself, next to the event's own fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Envelope {
    /// The event's id, the same in every copy and on every way: UUIDv7.
    pub event_id: EventId,
    /// What kind of fact it tells: the routing key.
    #[schema(value_type = String)]
    pub event_type: RoutingKey,
    /// The version of the body's shape. It grows when a field changes its meaning or goes away; a new field leaves it alone.
    #[schema(minimum = 1)]
    pub schema_version: i32,
    /// Its place in the log. Positions rise without gaps, and are given once; after a fault a run of them may come again.
    #[schema(minimum = 1)]
    pub position: i64,
    /// When it happened: RFC 3339, UTC.
    pub occurred_at: Timestamp,
}

/// The headers of every message on the bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Headers {
    /// As in the body.
    #[schema(minimum = 1)]
    pub schema_version: i32,
    /// As in the body.
    #[schema(minimum = 1)]
    pub position: i64,
    /// The trace of the request that the change followed from, as W3C Trace Context writes it; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub traceparent: Option<String>,
    /// The id of the request that the change followed from; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub request_id: Option<String>,
    /// `true` when the message comes from a replay: its position was passed before. Absent from live ones.
    #[serde(rename = "x-replayed", default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub is_replayed: Option<bool>,
    /// The id of that replay, as the broker's API shows it. Absent from live ones.
    #[serde(rename = "x-replay-id", default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub replay_id: Option<ReplayId>,
    /// How often the message was sent again after it had become a dead letter: to one queue, by its name. Absent from others.
    #[serde(rename = "x-redriven", default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub redriven: Option<i32>,
    /// What it was published as, which the routing key then does not tell. Absent from others.
    #[serde(rename = "x-redriven-key", default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub redriven_key: Option<String>,
}

/// What a reader has to know of any event, whatever it tells: the envelope without its time, and whom the event concerns.
///
/// Every event passes by every replica, so this reads over all the rest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EventHead {
    /// The event's id.
    pub event_id: EventId,
    /// What kind of fact it tells.
    pub event_type: RoutingKey,
    /// See [`SCHEMA_VERSION`].
    pub schema_version: i32,
    /// Its place in the log.
    pub position: i64,
    /// Whose it is, if it is anybody's.
    pub user_id: Option<UserId>,
    /// The team that shares what it is about.
    pub team_id: Option<TeamId>,
    /// The instance that it is about, if it is about one.
    pub instance_id: Option<InstanceId>,
    /// The revision of what it is about, where that has one.
    pub revision: Option<i64>,
}
