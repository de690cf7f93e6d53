//! An instance: one agent at work for one user, and the lawful moves of its status.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::Document;
use super::ids::{AgentId, InstanceId, KnowledgeBaseId, ReplicaId, TeamId, UserId};
use super::origin::Origin;
use super::team::TeamRoles;
use super::text_enum::text_enum;

text_enum! {
    /// What an instance is doing; written by workers only.
    pub enum InstanceStatus {
        /// Waits for a worker.
        Pending = "pending",
        /// A worker prepares what it needs.
        Provisioning = "provisioning",
        /// It is live.
        Running = "running",
        /// It could not be started or broke down; `status_reason` says why.
        Failed = "failed",
        /// It was halted at its user's wish.
        Stopped = "stopped",
    }
}

impl InstanceStatus {
    /// The statuses that may follow this one. The database holds the same table in
    /// `instance_move_is_legal` and enforces it for everybody; a test compares the two.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Provisioning, Self::Failed, Self::Stopped],
            Self::Provisioning => &[Self::Running, Self::Failed, Self::Stopped],
            Self::Running => &[Self::Provisioning, Self::Failed, Self::Stopped],
            Self::Failed => &[Self::Pending, Self::Stopped],
            Self::Stopped => &[Self::Pending],
        }
    }

    /// Whether a worker has something to do for a row of this status whose user wants `desired`; what failed waits
    /// for its user. The database's `instance_needs_work` says the same; a test compares the two.
    #[must_use]
    pub const fn needs_work(self, desired: DesiredState) -> bool {
        match desired {
            DesiredState::Running => matches!(self, Self::Pending | Self::Provisioning | Self::Stopped),
            DesiredState::Stopped => !matches!(self, Self::Stopped),
            DesiredState::Deleted => true,
        }
    }

    /// Whether a row may go from this status to `to`. Staying is not a move.
    #[must_use]
    pub fn can_move_to(self, to: Self) -> bool {
        self.next().contains(&to)
    }
}

text_enum! {
    /// What the user wants of an instance; written on the user's behalf only.
    pub enum DesiredState {
        /// It should be live.
        Running = "running",
        /// It should be halted, and kept.
        Stopped = "stopped",
        /// It should be torn down and forgotten: the row is a tombstone.
        Deleted = "deleted",
    }
}

/// One instance as its row says. Kept as JSON, too, under the key of the wish: a field that is added later needs a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The agent it was made from (column `bot_id`).
    pub agent_id: AgentId,
    /// The version of the agent it is pinned to.
    pub agent_version: i32,
    /// Whose it is.
    pub user_id: UserId,
    /// The team that shares it, if any.
    pub team_id: Option<TeamId>,
    /// What its user calls it.
    pub title: String,
    /// Settings of the user, a JSON object.
    pub user_config: Document,
    /// Settings of the pipeline, a JSON object.
    pub pipeline_config: Document,
    /// What it is doing.
    pub status: InstanceStatus,
    /// Why it is doing that, where there is something to say.
    pub status_reason: Option<String>,
    /// What its user wants.
    pub desired_state: DesiredState,
    /// Grows by one with each change that a user could see.
    pub revision: i64,
    /// The knowledge base that was made with it.
    pub knowledge_base_id: KnowledgeBaseId,
    /// The replica that works on it, if any.
    pub owner_replica: Option<ReplicaId>,
    /// Grows with every claim; a write under an older epoch changes nothing.
    pub owner_epoch: i64,
    /// How often provisioning was begun since the last start by the user.
    pub attempts: i32,
    /// When the present status counts as stuck.
    pub deadline_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its revision last grew.
    pub updated_at: Timestamp,
    /// When its user deleted it; nothing shows it afterwards.
    pub deleted_at: Option<Timestamp>,
}

/// A wish for a new instance, already validated.
#[derive(Clone, Debug, PartialEq)]
pub struct NewInstance {
    /// Chosen by the caller, so that a repeated insert is recognised.
    pub id: InstanceId,
    /// The id of the knowledge base made with it.
    pub knowledge_base_id: KnowledgeBaseId,
    /// The agent to make it from; it must be published.
    pub agent_id: AgentId,
    /// Whose it will be.
    pub user_id: UserId,
    /// The team that will share it, if any.
    pub team_id: Option<TeamId>,
    /// The roles in that team that let a member make one.
    pub team_roles: TeamRoles,
    /// What its user calls it.
    pub title: String,
    /// Settings of the user, a JSON object.
    pub user_config: Value,
    /// Settings of the pipeline, a JSON object.
    pub pipeline_config: Value,
    /// The request that wishes it.
    pub origin: Origin,
}

/// What a user changes of an instance; `None` leaves the column alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InstancePatch {
    /// A new title.
    pub title: Option<String>,
    /// New settings of the user, replacing the old ones wholly.
    pub user_config: Option<Value>,
    /// New settings of the pipeline, replacing the old ones wholly.
    pub pipeline_config: Option<Value>,
    /// Applies the patch only while the row still has this revision (`If-Match`).
    pub expected_revision: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_back_as_itself() {
        for status in InstanceStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
            let json = serde_json::to_string(status).unwrap();
            assert_eq!(serde_json::from_str::<InstanceStatus>(&json).unwrap(), *status);
        }
        assert!("Running".parse::<InstanceStatus>().is_err());
    }

    #[test]
    fn staying_is_not_a_move_and_nothing_is_without_a_way_on() {
        for status in InstanceStatus::ALL {
            assert!(!status.can_move_to(*status));
            assert!(!status.next().is_empty());
        }
    }
}
