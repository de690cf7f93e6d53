//! Every kind of event, with the type of its own fields.

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::body::{
    AgentChanged, AuthRevoked, Body, EntryChanged, ExecutionChanged, ExecutionReport, InstanceCreated,
    InstanceDeleted, InstanceReport, InstanceUpdated, KnowledgeBaseChanged, TeamMemberChanged, UserDeleted,
    WorkflowChanged,
};
use super::key::RoutingKey;

/// Whether an event can be met on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// This release tells it.
    Told,
    /// The key is kept for it; this release does not tell it yet.
    Planned,
    /// Others will tell it, and the platform will listen; this release does not yet.
    PlannedInbound,
}

/// One kind of event.
#[derive(Debug)]
pub struct Fact {
    /// Its routing key.
    pub key: RoutingKey,
    /// Whether it can be met.
    pub standing: Standing,
    /// When it is told, in one sentence.
    pub told_when: &'static str,
    body: Type,
}

/// What can be asked of a type of own fields without naming it.
#[derive(Debug)]
struct Type {
    schema: fn() -> RefOr<Schema>,
    parts: fn(&mut Vec<(String, RefOr<Schema>)>),
    sample: fn() -> Result<Value, serde_json::Error>,
    read: fn(&str) -> Result<Value, serde_json::Error>,
}

const fn of<B: Body>() -> Type {
    Type {
        schema: B::schema,
        parts: B::schemas,
        sample: || serde_json::to_value(B::sample()),
        read: |body| serde_json::from_str::<B>(body).and_then(serde_json::to_value),
    }
}

impl Fact {
    /// The schema of the own fields.
    #[must_use]
    pub fn schema(&self) -> RefOr<Schema> {
        (self.body.schema)()
    }

    /// The schemas that [`Fact::schema`] refers to, by their names.
    #[must_use]
    pub fn parts(&self) -> Vec<(String, RefOr<Schema>)> {
        let mut parts = Vec::new();
        (self.body.parts)(&mut parts);
        parts
    }

    /// Own fields as they could be.
    ///
    /// # Errors
    /// None that can happen: every body can be written.
    pub fn sample(&self) -> Result<Value, serde_json::Error> {
        (self.body.sample)()
    }

    /// What the type reads out of a body, written again. What it does not know is missing from that.
    ///
    /// # Errors
    /// When the body is not of the type.
    pub fn read(&self, body: &str) -> Result<Value, serde_json::Error> {
        (self.body.read)(body)
    }
}

macro_rules! catalogue {
    ($($key:ident: $body:ty, $standing:ident, $told_when:literal;)+) => {
        /// Every key that this release knows, in the order of [`RoutingKey::ALL`].
        pub const CATALOGUE: &[Fact] = &[$(Fact {
            key: RoutingKey::$key, standing: Standing::$standing, told_when: $told_when, body: of::<$body>(),
        }),+];
    };
}

catalogue! {
    INSTANCE_CREATED: InstanceCreated, Told, "An instance was made.";
    INSTANCE_UPDATED: InstanceUpdated, Told, "Something of an instance changed that its user can see: its revision grew.";
    INSTANCE_DELETED: InstanceDeleted, Told, "An instance was deleted. The purge of its row later tells nothing.";
    AGENT_PUBLISHED: AgentChanged, Told, "An agent is offered to users from now on.";
    AGENT_UPDATED: AgentChanged, Told, "An agent was made, or something of it changed.";
    AGENT_RETIRED: AgentChanged, Told, "An agent is offered no longer; its instances go on.";
    AGENT_DELETED: AgentChanged, Told, "An agent was deleted.";
    KNOWLEDGE_BASE_CREATED: KnowledgeBaseChanged, Told, "A knowledge base was born, with its instance.";
    KNOWLEDGE_BASE_DELETED: KnowledgeBaseChanged, Told, "A knowledge base was deleted while its instance lives.";
    KNOWLEDGE_BASE_ENTRY_CREATED: EntryChanged, Told, "An entry was added to a knowledge base.";
    KNOWLEDGE_BASE_ENTRY_UPDATED: EntryChanged, Told, "An entry of a knowledge base changed, or has come further.";
    KNOWLEDGE_BASE_ENTRY_DELETED: EntryChanged, Told, "An entry was deleted while its instance lives.";
    EXECUTION_CREATED: ExecutionChanged, Told, "An agent was asked to run.";
    EXECUTION_UPDATED: ExecutionChanged, Told, "An execution has come further.";
    EXECUTION_DELETED: ExecutionChanged, Told, "An execution was deleted.";
    WORKFLOW_CREATED: WorkflowChanged, Told, "A workflow was made.";
    WORKFLOW_STARTED: WorkflowChanged, Told, "A workflow is being worked on from now on.";
    WORKFLOW_UPDATED: WorkflowChanged, Told, "Something of a workflow changed, and neither began nor ended it.";
    WORKFLOW_FINISHED: WorkflowChanged, Told, "A workflow is completed, failed or cancelled.";
    WORKFLOW_DELETED: WorkflowChanged, Told, "A workflow was deleted.";
    AUTH_REVOKED: AuthRevoked, Told, "Credentials were revoked. Sockets that were opened with them are closed.";
    USER_DELETED: UserDeleted, Told, "Somebody has closed their account.";
    TEAM_MEMBER_ADDED: TeamMemberChanged, Told, "Somebody has joined a team.";
    TEAM_MEMBER_UPDATED: TeamMemberChanged, Told, "A member of a team has another role.";
    TEAM_MEMBER_REMOVED: TeamMemberChanged, Told, "Somebody has left a team.";
    REPORT_INSTANCE: InstanceReport, PlannedInbound, "A worker of others says how an instance gets on.";
    REPORT_EXECUTION: ExecutionReport, PlannedInbound, "A worker of others says how an execution gets on.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_entry_in_the_order_of_the_keys() {
        let keys: Vec<&RoutingKey> = CATALOGUE.iter().map(|fact| &fact.key).collect();
        assert_eq!(keys, RoutingKey::ALL.iter().collect::<Vec<_>>());
    }

    #[test]
    fn every_sample_is_read_back_as_it_is() {
        for fact in CATALOGUE {
            let sample = fact.sample().unwrap();
            assert_eq!(fact.read(&sample.to_string()).unwrap(), sample, "{}", fact.key);
        }
    }
}
