//! The people and things of the examples: the same in all of them, so that they tell one story.

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::models::ids::{
    AgentId, EntryId, EventId, ExecutionId, InstanceId, KnowledgeBaseId, SessionId, TeamId, UserId,
    WorkflowId,
};

const fn id(last: u128) -> Uuid {
    Uuid::from_u128(0x019a_a2b3_c4d5_7e6f_8a9b_0c1d_2e3f_0000 + last)
}

/// The event that tells it.
pub const AN_EVENT: EventId = EventId(id(1));
/// The instance that it is about.
pub const AN_INSTANCE: InstanceId = InstanceId(id(2));
pub(super) const AN_AGENT: AgentId = AgentId(7);
pub(super) const A_USER: UserId = UserId(id(3));
pub(super) const A_TEAM: TeamId = TeamId(id(4));
pub(super) const A_KNOWLEDGE_BASE: KnowledgeBaseId = KnowledgeBaseId(id(5));
pub(super) const AN_ENTRY: EntryId = EntryId(id(6));
pub(super) const AN_EXECUTION: ExecutionId = ExecutionId(id(7));
pub(super) const A_WORKFLOW: WorkflowId = WorkflowId(id(8));
pub(super) const A_SESSION: SessionId = SessionId(id(9));

/// When it happened: 2026-11-20, at half past ten.
pub const A_MOMENT: Timestamp = Timestamp::constant(1_795_170_600, 250_001_000);

/// A JSON object with one member.
pub(super) fn object(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}
