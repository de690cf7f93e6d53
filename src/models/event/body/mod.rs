//! The own fields of every event. A field that is always told and may be empty is `null`, never left out.

mod account;
mod agent;
mod instance;
mod knowledge;
mod report;
mod sample;
mod work;

use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

pub use account::{AuthRevoked, TeamMemberChanged, UserDeleted};
pub use agent::AgentChanged;
pub use instance::{InstanceConfig, InstanceCreated, InstanceDeleted, InstanceMetadata, InstanceUpdated};
pub use knowledge::{EntryChanged, KnowledgeBaseChanged};
pub use report::{ExecutionReport, InstanceReport, ReportedStatus};
pub use sample::{A_MOMENT, AN_EVENT, AN_INSTANCE};
pub use work::{ExecutionChanged, WorkflowChanged};

/// The own fields of one kind of event, or of several that tell the same.
pub trait Body: Serialize + DeserializeOwned + ToSchema {
    /// One as it could be.
    fn sample() -> Self;
}
