//! How an instance stands: why it is not, or not yet, what its user wants.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::control::ActorState;
use super::ids::ReplicaId;
use super::instance::{DesiredState, Instance, InstanceStatus};

/// Places in the queue that are counted; whoever is further back is told so.
pub const QUEUE_POSITION_MAX: i64 = 10_000;

/// The replica that works on an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Its id.
    pub replica: ReplicaId,
    /// What is known of it; `None` once it has been forgotten.
    pub life: Option<Life>,
}

/// A replica's signs of life.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    /// What it does.
    pub roles: Vec<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last renewed its lease.
    pub beat_at: Timestamp,
    /// Whether it has not done so for a whole lease: it counts as dead.
    pub is_stale: bool,
}

/// How the actor behind an instance does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActorView {
    /// As it says itself.
    Known(Box<ActorState>),
    /// Nobody could say, and why.
    Unknown(String),
}

/// How good the claim is under which an instance is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpochState {
    /// Nobody has it.
    Unclaimed,
    /// A living replica has it.
    Held,
    /// Its owner counts as dead, and whoever takes over raises it.
    Lapsed,
    /// A living replica has it, whose actor acts under an earlier one: what that actor writes changes nothing.
    Stale,
}

/// An instance, and all that decides what becomes of it next.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The row.
    pub instance: Instance,
    /// Who works on it.
    pub owner: Option<Owner>,
    /// Workers whose lease has not run out.
    pub workers_alive: i64,
    /// When a worker last renewed its lease; `None` if none ever did, or all have left.
    pub worker_beat_at: Option<Timestamp>,
    /// Its place among those that wait for a worker, from 1; more than [`QUEUE_POSITION_MAX`] is not counted. `None` for one
    /// that waits for none.
    pub queue_position: Option<i64>,
    /// When all of this was so.
    pub looked_at: Timestamp,
}

impl Standing {
    /// The place in the queue, if it is among those that are counted.
    #[must_use]
    pub fn counted_position(&self) -> Option<i64> {
        self.queue_position.filter(|position| *position <= QUEUE_POSITION_MAX)
    }

    /// How good the present claim is; `actor` is what is known of who acts on it.
    #[must_use]
    pub fn epoch_state(&self, actor: &ActorView) -> EpochState {
        let Some(owner) = &self.owner else { return EpochState::Unclaimed };
        if owner.life.as_ref().is_none_or(|life| life.is_stale) {
            return EpochState::Lapsed;
        }
        match actor {
            ActorView::Known(actor)
                if actor.owner_epoch.is_some_and(|epoch| epoch < self.instance.owner_epoch) =>
            {
                EpochState::Stale
            }
            ActorView::Known(_) | ActorView::Unknown(_) => EpochState::Held,
        }
    }

    /// What went wrong last, while that matters.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        let Instance { status, status_reason, .. } = &self.instance;
        let matters = !matches!(status, InstanceStatus::Running | InstanceStatus::Stopped);
        status_reason.as_deref().filter(|_| matters)
    }

    /// Why it stands so, in one sentence for people.
    #[must_use]
    pub fn reason(&self) -> String {
        use DesiredState::{Deleted, Running, Stopped};
        let Instance { status, desired_state, .. } = &self.instance;
        match (desired_state, status) {
            (Running, InstanceStatus::Failed) => {
                let why = self.instance.status_reason.as_deref().unwrap_or("nobody noted why");
                format!("failed: {why}; start it again")
            }
            (Running, InstanceStatus::Running) => {
                self.under_way("running on", "live, and waiting to be looked after")
            }
            (Stopped, InstanceStatus::Stopped) => {
                "stopped, as was wished; start it to have it live again".to_owned()
            }
            (Running, _) => self.under_way(&self.starting(), "waiting to be started"),
            (Stopped, _) => self.under_way("being stopped by", "waiting to be stopped"),
            (Deleted, _) => self.under_way("deleted; being torn down by", "deleted; waiting to be torn down"),
        }
    }

    fn starting(&self) -> String {
        match self.instance.attempts {
            0 | 1 => "being started by".to_owned(),
            attempts => format!("being started, in attempt {attempts}, by"),
        }
    }

    fn under_way(&self, by: &str, waiting: &str) -> String {
        let Some(Owner { replica, life }) = &self.owner else {
            return format!("{waiting}: {}", self.queue());
        };
        match life {
            Some(life) if !life.is_stale => format!("{by} replica {replica}"),
            Some(life) => {
                let silent = self.seconds_since(life.beat_at);
                format!(
                    "{waiting}: replica {replica} has not renewed its lease for {silent} s, and another takes over"
                )
            }
            None => format!("{waiting}: replica {replica} is gone, and another takes over"),
        }
    }

    fn queue(&self) -> String {
        match (self.workers_alive, self.worker_beat_at, self.queue_position) {
            (0, None, _) => "there is no worker".to_owned(),
            (0, Some(beat), _) => {
                format!("no worker has renewed its lease for {} s", self.seconds_since(beat))
            }
            (_, _, None) => "a worker takes it up in a moment".to_owned(),
            (_, _, Some(1)) => "next in the queue".to_owned(),
            (_, _, Some(position)) if position > QUEUE_POSITION_MAX => {
                format!("more than {QUEUE_POSITION_MAX} are before it in the queue")
            }
            (_, _, Some(position)) => format!("{} are before it in the queue", position - 1),
        }
    }

    fn seconds_since(&self, moment: Timestamp) -> i64 {
        self.looked_at.duration_since(moment).as_secs().max(0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::models::{AgentId, Document, InstanceId, KnowledgeBaseId, UserId};

    fn standing(desired_state: DesiredState, status: InstanceStatus) -> Standing {
        let then: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let instance = Instance {
            id: InstanceId::new(),
            agent_id: AgentId(1),
            agent_version: 1,
            user_id: UserId::new(),
            team_id: None,
            title: "Mine".to_owned(),
            user_config: Document::from(&json!({})),
            pipeline_config: Document::from(&json!({})),
            status,
            status_reason: Some("no greeting".to_owned()),
            desired_state,
            revision: 1,
            knowledge_base_id: KnowledgeBaseId::new(),
            owner_replica: None,
            owner_epoch: 0,
            attempts: 2,
            deadline_at: None,
            created_at: then,
            updated_at: then,
            deleted_at: None,
        };
        let looked_at = "2026-11-20T10:00:12Z".parse().unwrap();
        let worker_beat_at = Some(then);
        Standing {
            instance,
            owner: None,
            workers_alive: 1,
            worker_beat_at,
            queue_position: Some(3),
            looked_at,
        }
    }

    fn owned(mut standing: Standing, is_stale: bool) -> (Standing, ReplicaId) {
        let replica = ReplicaId::new();
        let beat_at = "2026-11-20T10:00:02Z".parse().unwrap();
        let life = Life { roles: vec!["worker".to_owned()], started_at: beat_at, beat_at, is_stale };
        standing.owner = Some(Owner { replica, life: Some(life) });
        (standing, replica)
    }

    #[test]
    fn what_waits_is_told_for_whom() {
        let mut waiting = standing(DesiredState::Running, InstanceStatus::Pending);
        assert_eq!(waiting.reason(), "waiting to be started: 2 are before it in the queue");
        waiting.queue_position = Some(QUEUE_POSITION_MAX + 1);
        assert_eq!(waiting.reason(), "waiting to be started: more than 10000 are before it in the queue");
        assert_eq!(waiting.counted_position(), None);
        waiting.workers_alive = 0;
        assert_eq!(waiting.reason(), "waiting to be started: no worker has renewed its lease for 12 s");
        waiting.worker_beat_at = None;
        assert_eq!(waiting.reason(), "waiting to be started: there is no worker");
    }

    #[test]
    fn what_is_looked_after_is_told_by_whom() {
        let (live, replica) = owned(standing(DesiredState::Running, InstanceStatus::Running), false);
        assert_eq!(live.reason(), format!("running on replica {replica}"));
        assert_eq!(live.last_error(), None);
        let (again, replica) = owned(standing(DesiredState::Running, InstanceStatus::Provisioning), false);
        assert_eq!(again.reason(), format!("being started, in attempt 2, by replica {replica}"));
        let (orphan, replica) = owned(standing(DesiredState::Stopped, InstanceStatus::Running), true);
        let reason = orphan.reason();
        assert!(reason.starts_with(&format!("waiting to be stopped: replica {replica} has not")), "{reason}");
        assert!(reason.contains("for 10 s"), "{reason}");
    }

    #[test]
    fn what_is_at_an_end_is_told_what_to_do() {
        let failed = standing(DesiredState::Running, InstanceStatus::Failed);
        assert_eq!(failed.reason(), "failed: no greeting; start it again");
        assert_eq!(failed.last_error(), Some("no greeting"));
        let stopped = standing(DesiredState::Stopped, InstanceStatus::Stopped);
        assert!(stopped.reason().starts_with("stopped, as was wished"));
    }
}
