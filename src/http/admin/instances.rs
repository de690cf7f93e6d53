//! Everybody's instances, as administrators see and steer them.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::actors::instance_registry::{
    ExplainAnyInstance, FindAnyInstance, InstanceRegistry, ListAllInstances, RequeueAnyInstance,
    StartAnyInstance, StopAnyInstance,
};
use crate::actors::system::Handle;
use crate::http::extract::{Id, Parameters};
use crate::http::fields::{Fields, ReadFields, parsed};
use crate::http::identity::{Caller, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::http::standing::StandingView;
use crate::models::control::ActorState;
use crate::models::standing::{ActorView, EpochState, Owner, Standing};
use crate::models::{
    AgentId, DesiredState, Document, Instance, InstanceId, InstanceStatus, KnowledgeBaseId, Origin, Page,
    ReplicaId, TeamId, UserId,
};

/// An instance, with what its user does not see.
#[derive(Serialize, ToSchema)]
#[schema(as = Instance, example = json!({
    "id": "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02", "agent_id": 7, "agent_version": 2,
    "user_id": "0199a3ee-7c1d-7a90-8f0e-6b1d2c3e4f50", "team_id": null, "title": "Leads for spring",
    "user_config": {"region": "EU"}, "pipeline_config": {}, "status": "running", "status_reason": null,
    "desired_state": "running", "revision": 4, "knowledge_base_id": "0199a3f0-11f2-7b6e-9d57-0c3b11aa22bb",
    "owner_replica": "0199a3e0-0000-7000-8000-000000000001", "owner_epoch": 1, "attempts": 1, "deadline_at": null,
    "created_at": "2026-11-19T16:05:00Z", "updated_at": "2026-11-19T16:05:01Z", "deleted_at": null
}))]
pub(super) struct InstanceView {
    id: InstanceId,
    agent_id: AgentId,
    agent_version: i32,
    user_id: UserId,
    team_id: Option<TeamId>,
    title: String,
    #[schema(value_type = Object)]
    user_config: Document,
    #[schema(value_type = Object)]
    pipeline_config: Document,
    status: InstanceStatus,
    status_reason: Option<String>,
    desired_state: DesiredState,
    revision: i64,
    knowledge_base_id: KnowledgeBaseId,
    owner_replica: Option<ReplicaId>,
    owner_epoch: i64,
    attempts: i32,
    deadline_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

impl From<Instance> for InstanceView {
    fn from(instance: Instance) -> Self {
        Self {
            id: instance.id,
            agent_id: instance.agent_id,
            agent_version: instance.agent_version,
            user_id: instance.user_id,
            team_id: instance.team_id,
            title: instance.title,
            user_config: instance.user_config,
            pipeline_config: instance.pipeline_config,
            status: instance.status,
            status_reason: instance.status_reason,
            desired_state: instance.desired_state,
            revision: instance.revision,
            knowledge_base_id: instance.knowledge_base_id,
            owner_replica: instance.owner_replica,
            owner_epoch: instance.owner_epoch,
            attempts: instance.attempts,
            deadline_at: instance.deadline_at,
            created_at: instance.created_at,
            updated_at: instance.updated_at,
            deleted_at: instance.deleted_at,
        }
    }
}

/// How an instance stands, with the actor and the replica behind it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminExplanation, example = json!({
    "status": "provisioning", "desired_state": "running",
    "reason": "being started, in attempt 2, by replica 0199a3e0-0000-7000-8000-000000000001",
    "owner": "0199a3e0-0000-7000-8000-000000000001", "last_heartbeat_at": "2026-11-19T16:05:10Z", "queue_position": null,
    "attempts": 2, "last_error": null, "next_deadline_at": "2026-11-19T16:06:05Z",
    "user_id": "0199a3ee-7c1d-7a90-8f0e-6b1d2c3e4f50", "owner_epoch": 3, "epoch_state": "held",
    "actor": {
        "path": "/worker/instance_directory/instances/0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02", "phase": "up",
        "step": "preparing", "since": "2026-11-19T16:05:08Z", "owner_epoch": 3, "restarts": 1,
        "last_exit": "panicked: index out of bounds", "last_exit_at": "2026-11-19T16:05:07Z",
        "retry": {"failures": 2, "error": "the engine did not answer"}
    },
    "actor_unknown": null,
    "replica": {
        "id": "0199a3e0-0000-7000-8000-000000000001", "roles": ["worker"], "started_at": "2026-11-19T15:00:00Z",
        "last_heartbeat_at": "2026-11-19T16:05:10Z", "is_alive": true
    }
}))]
pub(super) struct ExplanationView {
    #[serde(flatten)]
    standing: StandingView,
    user_id: UserId,
    owner_epoch: i64,
    /// How good that claim is.
    epoch_state: EpochState,
    /// What the actor that looks after it says of itself; `null` where it could not be asked.
    actor: Option<ActorState>,
    /// Why `actor` is `null`.
    actor_unknown: Option<String>,
    replica: Option<ReplicaView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Replica)]
struct ReplicaView {
    id: ReplicaId,
    roles: Vec<String>,
    started_at: Option<Timestamp>,
    last_heartbeat_at: Option<Timestamp>,
    is_alive: bool,
}

impl From<Owner> for ReplicaView {
    fn from(Owner { replica, life }: Owner) -> Self {
        Self {
            id: replica,
            started_at: life.as_ref().map(|life| life.started_at),
            last_heartbeat_at: life.as_ref().map(|life| life.beat_at),
            is_alive: life.as_ref().is_some_and(|life| !life.is_stale),
            roles: life.map(|life| life.roles).unwrap_or_default(),
        }
    }
}

impl From<(Standing, ActorView)> for ExplanationView {
    fn from((standing, actor): (Standing, ActorView)) -> Self {
        let Instance { user_id, owner_epoch, .. } = standing.instance;
        let epoch_state = standing.epoch_state(&actor);
        let (actor, actor_unknown) = match actor {
            ActorView::Known(actor) => (Some(*actor), None),
            ActorView::Unknown(why) => (None, Some(why)),
        };
        Self {
            standing: StandingView::from(&standing),
            user_id,
            owner_epoch,
            epoch_state,
            actor,
            actor_unknown,
            replica: standing.owner.map(ReplicaView::from),
        }
    }
}

/// Which instances a list shows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    #[param(ignore)]
    paging: Paging,
    /// Only those of this user.
    #[param(nullable = false)]
    user_id: Option<UserId>,
    /// Only those in this status.
    #[param(nullable = false)]
    status: Option<InstanceStatus>,
    /// Only those of this agent.
    #[param(nullable = false)]
    agent_id: Option<AgentId>,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.uuid().is_ok());
        let user_id = fields.optional("user_id", |value| parsed(value, "a UUID"));
        let statuses = "pending, provisioning, running, failed or stopped";
        let status = fields.optional("status", |value| parsed(value, statuses));
        let agent_id = fields.optional("agent_id", |value| parsed(value, "a whole number"));
        Some(Self { paging: paging?, user_id: user_id?, status: status?, agent_id: agent_id? })
    }
}

/// List everybody's instances
///
/// The newest first. Deleted ones are not among them.
#[utoipa::path(
    get, path = "/api/v1/instances", tag = "Instances", operation_id = "listInstances",
    security(("bearer" = ["instance:read_any"])),
    params(Paging, Selection),
    responses((status = 200, description = "A page of instances.", body = Page<InstanceView>)),
)]
pub(super) async fn list(
    _admin: Caller<needs::InstanceReadAny>,
    registry: Data<Handle<InstanceRegistry>>,
    Parameters(selection): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let Selection { paging, user_id, status, agent_id } = selection;
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(InstanceId);
    let question = ListAllInstances { user_id, status, agent_id, before, limit: paging.limit };

    let page = registry.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(InstanceView::from)))
}

/// Show an instance
///
/// Whoever's it is, also while it is being torn down.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}", tag = "Instances", operation_id = "getInstance",
    security(("bearer" = ["instance:read_any"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 200, description = "The instance.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn show(
    _admin: Caller<needs::InstanceReadAny>,
    registry: Data<Handle<InstanceRegistry>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = registry.ask(FindAnyInstance { id }).await?;

    Ok(HttpResponse::Ok().json(InstanceView::from(instance)))
}

/// Explain an instance
///
/// Why it is not, or not yet, what its user wants, with the replica behind it and what its actor there says of itself. The owner
/// is asked by way of RabbitMQ and has a second; where it cannot be asked, the rest is answered all the same.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}/explain", tag = "Instances", operation_id = "explainInstance",
    security(("bearer" = ["instance:read_any"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 200, description = "How it stands.", body = ExplanationView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn explain(
    _admin: Caller<needs::InstanceReadAny>,
    registry: Data<Handle<InstanceRegistry>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let explained = registry.ask(ExplainAnyInstance { id }).await?;

    Ok(HttpResponse::Ok().json(ExplanationView::from(explained)))
}

/// Stop an instance
///
/// As its user could. A worker does the stopping; to wish it again changes nothing.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/stop", tag = "Instances", operation_id = "stopInstance",
    security(("bearer" = ["instance:control_any"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 202, description = "The instance as it is now.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn stop(
    _admin: Caller<needs::InstanceControlAny>,
    origin: Origin,
    registry: Data<Handle<InstanceRegistry>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = registry.ask(StopAnyInstance { id, origin }).await?;

    Ok(HttpResponse::Accepted().json(InstanceView::from(instance)))
}

/// Start an instance
///
/// As its user could. What failed or was stopped begins anew; else nothing changes.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/start", tag = "Instances", operation_id = "startInstance",
    security(("bearer" = ["instance:control_any"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 202, description = "The instance as it is now.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn start(
    _admin: Caller<needs::InstanceControlAny>,
    origin: Origin,
    registry: Data<Handle<InstanceRegistry>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = registry.ask(StartAnyInstance { id, origin }).await?;

    Ok(HttpResponse::Accepted().json(InstanceView::from(instance)))
}

/// Requeue an instance
///
/// Takes it from whoever has it and has any worker take it up at once; attempts, deadline and reason are cleared. What failed,
/// or was stopped and is wanted, becomes `pending`; what is `pending`, `provisioning` or `running`, or on its way to being
/// stopped, keeps its status. One that is being deleted, or is stopped and wanted so, is left alone.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/requeue", tag = "Instances", operation_id = "requeueInstance",
    security(("bearer" = ["instance:control_any"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 202, description = "The instance as it is now.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found", "nothing_to_requeue"])))
)]
pub(super) async fn requeue(
    _admin: Caller<needs::InstanceControlAny>,
    origin: Origin,
    registry: Data<Handle<InstanceRegistry>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = registry.ask(RequeueAnyInstance { id, origin }).await?;

    Ok(HttpResponse::Accepted().json(InstanceView::from(instance)))
}
