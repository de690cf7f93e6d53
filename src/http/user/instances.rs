//! A user's instances.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::view::InstanceView;
use crate::actors::instances::{
    CreateInstance, DeleteInstance, ExplainInstance, FindInstance, Instances, ListInstances, PatchInstance,
    StartInstance, StopInstance, rules,
};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::conditional::{EntityTag, IfMatch, IfNoneMatch};
use crate::http::extract::{Body, Id, Parameters};
use crate::http::fields::{Fault, Fields, ReadFields, parsed, text, whole_number};
use crate::http::idempotency::{Keyed, REPLAYED};
use crate::http::identity::{Reaching, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::http::standing::StandingView;
use crate::models::{
    AgentId, ErrorCode, Instance, InstanceId, InstancePatch, InstanceStatus, KnowledgeBaseId, Made,
    NewInstance, Origin, Page, Reach, TeamId,
};

/// A new instance.
// Without its owner.
#[derive(ToSchema)]
#[schema(as = NewInstance, example = json!({
    "agent_id": 7, "title": "Leads for spring", "user_config": {"region": "EU"},
    "pipeline_config": {"engine": "builtin", "steps": [{"name": "collect"}], "timeout_s": 600}
}))]
pub(super) struct Wish {
    /// The agent that it is an instance of. It must be published.
    agent_id: AgentId,
    /// 1 to 200 characters without the space around them, none of them a control character.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    title: String,
    /// What you tell the agent: up to 64 KiB, 32 levels deep. It needs the keys that the agent's
    /// `content.required_config` lists. Without it: `{}`.
    #[schema(value_type = Option<Object>)]
    user_config: Option<Value>,
    /// How its pipeline is run: up to 64 KiB, 32 levels deep. Known keys are `engine` (`builtin`), `steps` (up to 64
    /// objects, each with a `name`), `timeout_s` (1 to 86,400), `model` (one of the agent's `models`), `top_k` (1 to 1,000)
    /// and `temperature` (0 to 2); they are checked when the instance is prepared. Without it: `{}`.
    #[schema(value_type = Option<Object>)]
    pipeline_config: Option<Value>,
    /// The team that it will belong to: its members reach it by their role, and nobody else does. Without it, it is yours
    /// alone.
    team_id: Option<TeamId>,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let agent_id = fields.required("agent_id", |value| whole_number(value).map(AgentId));
        let title = fields.required("title", |value| rules::title(&text(value)?));
        let user_config = fields.nullable("user_config", rules::config);
        let pipeline_config = fields.nullable("pipeline_config", rules::config);
        let team_id = fields.nullable("team_id", team);
        Some(Self {
            agent_id: agent_id?,
            title: title?,
            user_config: user_config?,
            pipeline_config: pipeline_config?,
            team_id: team_id?,
        })
    }
}

fn team(value: Value) -> Result<TeamId, Fault> {
    parsed(value, "the id of a team")
}

impl Wish {
    /// What a team's key makes is the team's; and in the name of another team it makes nothing.
    fn of(self, reach: Reach, origin: Origin) -> Result<NewInstance, Problem> {
        let team_id = self.team_id.or(reach.team_only);
        if reach.team_only.is_some() && reach.team_only != team_id {
            return Err(Problem::new(ErrorCode::TeamNotFound));
        }
        let empty = || Value::Object(serde_json::Map::new());
        Ok(NewInstance {
            id: InstanceId::new(),
            knowledge_base_id: KnowledgeBaseId::new(),
            agent_id: self.agent_id,
            user_id: reach.user_id,
            team_id,
            team_roles: reach.team_roles,
            title: self.title,
            user_config: self.user_config.unwrap_or_else(empty),
            pipeline_config: self.pipeline_config.unwrap_or_else(empty),
            origin,
        })
    }
}

/// Names the state that an instance is in.
fn tag(instance: &Instance) -> EntityTag {
    EntityTag::of_revision(instance.id, instance.revision)
}

/// Make an instance
///
/// It is `pending` at first: a worker prepares it and brings it to `running`, or to `failed` with a `status_reason`. Watch
/// for `instance.updated` on the WebSocket, or read it again.
#[utoipa::path(
    post, path = "/api/v1/instances", tag = "Instances", operation_id = "createInstance", security(("bearer" = ["instance:create"])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]*$",
        description = "Makes it safe to send the same body again within 24 hours: it is done once, and answered as the first time.",
        example = "9f3c6a2e-signup-form")),
    request_body = Wish,
    responses((
        status = 201, description = "The instance, `pending`.", body = InstanceView,
        headers(
            ("Location" = String, description = "Its path."),
            ("Idempotency-Replayed" = bool, description = "`true` when it was made before, under the same key.")
        )
    )),
    extensions(("x-problems" = json!(["agent_not_found", "agent_retired", "team_not_found", "team_closing", "quota_exceeded", "idempotency_key_reused", "bad_request"])))
)]
pub(super) async fn create(
    caller: Reaching<needs::InstanceCreate>,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Keyed(wish, key): Keyed<Wish>,
) -> Result<HttpResponse, Problem> {
    let wish = wish.of(caller.reach, origin)?;
    // The key of a team and its holder's session may send the same, and mean another owner.
    let key = match wish.team_id {
        Some(team) => key.map(|key| key.within(&team.to_string())),
        None => key,
    };

    let Made { thing: instance, is_replayed } = instances.ask(CreateInstance { wish, key }).await?;

    let location = format!("{PREFIX}/instances/{}", instance.id);
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, location));
    answer.insert_header(tag(&instance).header());
    if is_replayed {
        answer.insert_header(REPLAYED);
    }
    Ok(answer.json(InstanceView::from(instance)))
}

/// Which of a user's instances a list shows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    #[param(ignore)]
    paging: Paging,
    /// Only those in this status.
    #[param(nullable = false)]
    status: Option<InstanceStatus>,
    /// Only those of this agent.
    #[param(nullable = false)]
    agent_id: Option<AgentId>,
    /// Only those of this team.
    #[param(nullable = false)]
    team_id: Option<TeamId>,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.uuid().is_ok());
        let statuses = "pending, provisioning, running, failed or stopped";
        let status = fields.optional("status", |value| parsed(value, statuses));
        let agent_id = fields.optional("agent_id", |value| parsed(value, "a whole number"));
        let team_id = fields.optional("team_id", team);
        Some(Self { paging: paging?, status: status?, agent_id: agent_id?, team_id: team_id? })
    }
}

/// List your instances
///
/// Your own and those of your teams, the newest first. Deleted ones are not among them.
#[utoipa::path(
    get, path = "/api/v1/instances", tag = "Instances", operation_id = "listInstances", security(("bearer" = ["instance:read"])),
    params(Paging, Selection),
    responses((status = 200, description = "A page of instances.", body = Page<InstanceView>))
)]
pub(super) async fn list(
    caller: Reaching<needs::InstanceRead>,
    instances: Data<Handle<Instances>>,
    Parameters(selection): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let Selection { paging, status, agent_id, team_id } = selection;
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(InstanceId);
    let reach = team_id.map_or(caller.reach, |team| caller.reach.within(team));
    let question = ListInstances { reach, status, agent_id, before, limit: paging.limit };

    let page = instances.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(InstanceView::from)))
}

/// Show an instance
///
/// One of your own or of a team that you are in, as it is now.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}", tag = "Instances", operation_id = "getInstance", security(("bearer" = ["instance:read"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"), IfNoneMatch),
    responses((status = 200, description = "The instance.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn show(
    caller: Reaching<needs::InstanceRead>,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(FindInstance { reach: caller.reach, id }).await?;

    let tag = tag(&instance);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(InstanceView::from(instance))))
}

/// The revision that the caller has seen, if it makes that a condition.
async fn expected(
    seen: &IfMatch,
    instances: &Handle<Instances>,
    reach: Reach,
    id: InstanceId,
) -> Result<Option<i64>, Problem> {
    let reach = reach.to_see();
    let current = async || Ok(instances.ask(FindInstance { reach, id }).await?.revision);
    seen.revision(id, current).await
}

/// What to change of an instance. What is left out stays as it is.
#[derive(ToSchema)]
#[schema(as = InstanceChange, example = json!({"title": "Leads for summer"}))]
pub(super) struct Change {
    /// A new title, by the same rules as for a new instance.
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    title: Option<String>,
    /// A new configuration, in the place of the whole old one.
    #[schema(value_type = Option<Object>, nullable = false)]
    user_config: Option<Value>,
    /// A new configuration of the pipeline, in the place of the whole old one.
    #[schema(value_type = Option<Object>, nullable = false)]
    pipeline_config: Option<Value>,
}

impl ReadFields for Change {
    fn read(fields: &mut Fields) -> Option<Self> {
        let title = fields.optional("title", |value| rules::title(&text(value)?));
        let user_config = fields.optional("user_config", rules::config);
        let pipeline_config = fields.optional("pipeline_config", rules::config);
        Some(Self { title: title?, user_config: user_config?, pipeline_config: pipeline_config? })
    }
}

/// Change an instance
///
/// Its title or its configurations; each is replaced as a whole. `null` is no value here. An instance that runs goes on
/// with the configuration it was started with, until it is started again.
#[utoipa::path(
    patch, path = "/api/v1/instances/{id}", tag = "Instances", operation_id = "changeInstance",
    security(("bearer" = ["instance:update"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"), IfMatch),
    request_body = Change,
    responses((status = 200, description = "The instance with the change in it.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn change(
    caller: Reaching<needs::InstanceUpdate>,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
    seen: IfMatch,
    Body(change): Body<Change>,
) -> Result<HttpResponse, Problem> {
    let Change { title, user_config, pipeline_config } = change;
    let expected_revision = expected(&seen, &instances, caller.reach, id).await?;
    let patch = InstancePatch { title, user_config, pipeline_config, expected_revision, origin };

    let instance = instances.ask(PatchInstance { reach: caller.reach, id, patch }).await?;

    Ok(HttpResponse::Ok().insert_header(tag(&instance).header()).json(InstanceView::from(instance)))
}

/// Delete an instance
///
/// It is gone at once from every list; a worker clears up behind it.
#[utoipa::path(
    delete, path = "/api/v1/instances/{id}", tag = "Instances", operation_id = "deleteInstance",
    security(("bearer" = ["instance:delete"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"), IfMatch),
    responses((status = 204, description = "It is deleted.")),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn delete(
    caller: Reaching<needs::InstanceDelete>,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected_revision = expected(&seen, &instances, caller.reach, id).await?;

    instances.ask(DeleteInstance { reach: caller.reach, id, expected_revision, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// Stop an instance
///
/// Says that you want it stopped, and answers before it is. To stop one that is stopped changes nothing.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/stop", tag = "Instances", operation_id = "stopInstance",
    security(("bearer" = ["instance:control"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 202, description = "The instance as it is now; the rest comes as events.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found", "illegal_transition"])))
)]
pub(super) async fn stop(
    caller: Reaching<needs::InstanceControl>,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(StopInstance { reach: caller.reach, id, origin }).await?;

    Ok(HttpResponse::Accepted().insert_header(tag(&instance).header()).json(InstanceView::from(instance)))
}

/// Start an instance
///
/// One that is `stopped` or `failed` becomes `pending` again. To start one that runs, or is on its way, changes nothing.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/start", tag = "Instances", operation_id = "startInstance",
    security(("bearer" = ["instance:control"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 202, description = "The instance as it is now; the rest comes as events.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found", "illegal_transition"])))
)]
pub(super) async fn start(
    caller: Reaching<needs::InstanceControl>,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(StartInstance { reach: caller.reach, id, origin }).await?;

    Ok(HttpResponse::Accepted().insert_header(tag(&instance).header()).json(InstanceView::from(instance)))
}

/// Explain an instance
///
/// Why it is not, or not yet, what you want: who works on it, its place in the queue, what went wrong last.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}/explain", tag = "Instances", operation_id = "explainInstance",
    security(("bearer" = ["instance:read"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 200, description = "How it stands.", body = StandingView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn explain(
    caller: Reaching<needs::InstanceRead>,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let standing = instances.ask(ExplainInstance { reach: caller.reach, id }).await?;

    Ok(HttpResponse::Ok().json(StandingView::from(&standing)))
}

#[cfg(test)]
mod tests;
