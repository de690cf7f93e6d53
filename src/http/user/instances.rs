//! A user's instances.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::view::InstanceView;
use crate::actors::instances::{
    CreateInstance, DeleteInstance, FindInstance, Instances, ListInstanceEvents, ListInstances,
    PatchInstance, StartInstance, StopInstance, rules,
};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::extract::{Body, Id, Parameters};
use crate::http::fields::{Fields, ReadFields, parsed, text, whole_number};
use crate::http::identity::CurrentUser;
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::{
    AgentId, InstanceId, InstancePatch, InstanceStatus, KnowledgeBaseId, NewInstance, Page, PageLimit,
    StoredEvent, UserId,
};

/// A new instance.
// Without its owner. Teams (`team_id`) have their place here.
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
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let agent_id = fields.required("agent_id", |value| whole_number(value).map(AgentId));
        let title = fields.required("title", |value| rules::title(&text(value)?));
        let user_config = fields.nullable("user_config", rules::config);
        let pipeline_config = fields.nullable("pipeline_config", rules::config);
        Some(Self {
            agent_id: agent_id?,
            title: title?,
            user_config: user_config?,
            pipeline_config: pipeline_config?,
        })
    }
}

impl Wish {
    fn of(self, owner: UserId) -> NewInstance {
        let empty = || Value::Object(serde_json::Map::new());
        NewInstance {
            id: InstanceId::new(),
            knowledge_base_id: KnowledgeBaseId::new(),
            agent_id: self.agent_id,
            user_id: owner,
            team_id: None,
            title: self.title,
            user_config: self.user_config.unwrap_or_else(empty),
            pipeline_config: self.pipeline_config.unwrap_or_else(empty),
        }
    }
}

/// Make an instance
///
/// It is `pending` at first: a worker prepares it and brings it to `running`, or to `failed` with a `status_reason`. Watch
/// for `instance.updated` on the WebSocket, or read it again.
#[utoipa::path(
    post, path = "/api/v1/instances", tag = "Instances", operation_id = "createInstance", security(("bearer" = [])),
    request_body = Wish,
    responses((
        status = 201, description = "The instance, `pending`.", body = InstanceView,
        headers(("Location" = String, description = "Its path."))
    )),
    extensions(("x-problems" = json!(["agent_not_found", "agent_retired"])))
)]
pub(super) async fn create(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Body(wish): Body<Wish>,
) -> Result<HttpResponse, Problem> {
    let wish = wish.of(owner.id());

    let instance = instances.ask(CreateInstance { wish }).await?;

    let location = format!("{PREFIX}/instances/{}", instance.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(InstanceView::from(instance)))
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
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.uuid().is_ok());
        let statuses = "pending, provisioning, running, failed or stopped";
        let status = fields.optional("status", |value| parsed(value, statuses));
        let agent_id = fields.optional("agent_id", |value| parsed(value, "a whole number"));
        Some(Self { paging: paging?, status: status?, agent_id: agent_id? })
    }
}

/// List your instances
///
/// The newest first. Deleted ones are not among them.
#[utoipa::path(
    get, path = "/api/v1/instances", tag = "Instances", operation_id = "listInstances", security(("bearer" = [])),
    params(Paging, Selection),
    responses((status = 200, description = "A page of instances.", body = Page<InstanceView>))
)]
pub(super) async fn list(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Parameters(selection): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let Selection { paging, status, agent_id } = selection;
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(InstanceId);
    let question = ListInstances { owner: owner.id(), status, agent_id, before, limit: paging.limit };

    let page = instances.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(InstanceView::from)))
}

/// Show an instance
///
/// One of your own, as it is now.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}", tag = "Instances", operation_id = "getInstance", security(("bearer" = [])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 200, description = "The instance.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn show(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(FindInstance { owner: owner.id(), id }).await?;

    Ok(HttpResponse::Ok().json(InstanceView::from(instance)))
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
    security(("bearer" = [])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    request_body = Change,
    responses((status = 200, description = "The instance with the change in it.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn change(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
    Body(change): Body<Change>,
) -> Result<HttpResponse, Problem> {
    let Change { title, user_config, pipeline_config } = change;
    let patch = InstancePatch { title, user_config, pipeline_config, expected_revision: None };

    let instance = instances.ask(PatchInstance { owner: owner.id(), id, patch }).await?;

    Ok(HttpResponse::Ok().json(InstanceView::from(instance)))
}

/// Delete an instance
///
/// It is gone at once from every list; a worker clears up behind it.
#[utoipa::path(
    delete, path = "/api/v1/instances/{id}", tag = "Instances", operation_id = "deleteInstance",
    security(("bearer" = [])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 204, description = "It is deleted.")),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn delete(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    instances.ask(DeleteInstance { owner: owner.id(), id, expected_revision: None }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// Stop an instance
///
/// Says that you want it stopped, and answers before it is. To stop one that is stopped changes nothing.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/stop", tag = "Instances", operation_id = "stopInstance",
    security(("bearer" = [])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 202, description = "The instance as it is now; the rest comes as events.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found", "illegal_transition"])))
)]
pub(super) async fn stop(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(StopInstance { owner: owner.id(), id }).await?;

    Ok(HttpResponse::Accepted().json(InstanceView::from(instance)))
}

/// Start an instance
///
/// One that is `stopped` or `failed` becomes `pending` again. To start one that runs, or is on its way, changes nothing.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/start", tag = "Instances", operation_id = "startInstance",
    security(("bearer" = [])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 202, description = "The instance as it is now; the rest comes as events.", body = InstanceView)),
    extensions(("x-problems" = json!(["instance_not_found", "illegal_transition"])))
)]
pub(super) async fn start(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(StartInstance { owner: owner.id(), id }).await?;

    Ok(HttpResponse::Accepted().json(InstanceView::from(instance)))
}

/// Which part of a history is wanted: after a cursor, or after a position that the client knows from an event.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Span {
    /// Only what came after this position, which stands in each event. A `cursor` goes before it.
    #[param(value_type = Option<i64>, nullable = false)]
    after: i64,
    #[param(ignore)]
    limit: PageLimit,
}

impl ReadFields for Span {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.number().is_ok());
        let after = fields.optional("after", |value| parsed(value, "a position, a whole number"));
        let (paging, after) = (paging?, after?);
        let cursor = paging.cursor.and_then(|cursor| cursor.number().ok());
        Some(Self { after: cursor.or(after).unwrap_or_default(), limit: paging.limit })
    }
}

/// A page of events, each as it stood on the bus.
#[derive(Serialize, ToSchema)]
#[schema(as = EventPage, example = json!({"items": [{
    "event_id": "0199a3f0-11f4-7a11-8c0d-5b7f2f9e1a04", "event_type": "instance.created", "schema_version": 1,
    "position": 1041, "occurred_at": "2026-11-20T09:12:30.5Z", "instance_id": "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02",
    "agent_id": 7, "user_id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01", "team_id": null, "config": {"region": "EU"},
    "created_at": "2026-11-20T09:12:30.5Z", "status": "pending", "revision": 1
}], "next_cursor": null}))]
pub(super) struct EventsView {
    /// The events, the oldest first. Each has `event_id`, `event_type`, `schema_version`, `position`, `occurred_at` and
    /// the fields of its type.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Box<RawValue>>,
    /// Where the next page begins, or `null` on the last one.
    next_cursor: Option<String>,
}

impl TryFrom<Page<StoredEvent>> for EventsView {
    type Error = serde_json::Error;

    fn try_from(page: Page<StoredEvent>) -> Result<Self, Self::Error> {
        let items = page.items.iter().map(|event| RawValue::from_string(event.message_body()));
        Ok(Self { items: items.collect::<Result<_, _>>()?, next_cursor: page.next_cursor })
    }
}

/// Show an instance's history
///
/// Every event of it that was published, the oldest first. To follow it from there on, open the WebSocket with `since` set to
/// the last position.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}/events", tag = "Instances", operation_id = "listInstanceEvents",
    security(("bearer" = [])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        Paging, Span
    ),
    responses((status = 200, description = "A page of events.", body = EventsView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn events(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
    Parameters(Span { after, limit }): Parameters<Span>,
) -> Result<HttpResponse, Problem> {
    let page = instances.ask(ListInstanceEvents { owner: owner.id(), id, after, limit }).await?;

    let view = EventsView::try_from(page).map_err(|error| {
        tracing::error!(%error, "an event of the log is no JSON");
        Problem::new(crate::models::ErrorCode::Internal)
    })?;
    Ok(HttpResponse::Ok().json(view))
}

#[cfg(test)]
mod tests;
