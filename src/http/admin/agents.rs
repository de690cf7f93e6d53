//! The catalog as administrators see and write it.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::view::AgentView;
use crate::actors::catalog_editor::{
    CatalogEditor, CreateAgent, DeleteAgent, EditAgent, FindAgent, ListAgents, PublishAgent, RetireAgent,
    rules,
};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::conditional::{IfMatch, IfNoneMatch};
use crate::http::extract::{Body, Id, Parameters};
use crate::http::fields::{Fields, ReadFields, parsed, text, whole_number};
use crate::http::idempotency::{Keyed, REPLAYED};
use crate::http::identity::{Caller, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::search::{self, Words};
use crate::models::{AgentDraft, AgentFilter, AgentId, AgentPatch, AgentStatus, Made, Origin, Page};

/// A new agent.
#[derive(ToSchema)]
#[schema(as = NewAgent, example = json!({
    "title": "Sales lead generation", "content": {"category": "sales", "capabilities": ["leads", "email"]},
    "activation_code": "sales_leadgen_agent_001", "rate": 3
}))]
pub(super) struct Draft {
    /// 1 to 200 characters without the space around them, none of them a control character.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    title: String,
    /// What is said of it: up to 256 KiB, 32 levels deep. The platform reads `category` (a text), `capabilities` (a list of
    /// texts), `models`, `model` and `required_config` (a list of keys that `user_config` needs); the rest is yours.
    #[schema(value_type = Object)]
    content: Value,
    /// The unique code that definitions and workflows name it by: 1 to 200 letters, digits or `_`, `-`, `.`, `:`, and not
    /// a number.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[0-9]*[A-Za-z_.:-][A-Za-z0-9_.:-]*$")]
    activation_code: String,
    /// Its price, in units of the platform's operator.
    rate: i32,
}

impl ReadFields for Draft {
    fn read(fields: &mut Fields) -> Option<Self> {
        let title = fields.required("title", |value| rules::title(&text(value)?));
        let content = fields.required("content", rules::content);
        let activation_code =
            fields.required("activation_code", |value| rules::activation_code(text(value)?));
        let rate = fields.required("rate", whole_number);
        Some(Self { title: title?, content: content?, activation_code: activation_code?, rate: rate? })
    }
}

/// Make an agent
///
/// It is a draft at first, which users do not see; `POST /api/v1/agents/{id}/publish` offers it to them.
#[utoipa::path(
    post, path = "/api/v1/agents", tag = "Agents", operation_id = "createAgent", security(("bearer" = ["agent:manage"])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]*$",
        description = "Makes it safe to send the same body again within 24 hours: it is done once, and answered as the first time.",
        example = "9f3c6a2e-signup-form")),
    request_body = Draft,
    responses((
        status = 201, description = "The agent, a `draft`.", body = AgentView,
        headers(
            ("Location" = String, description = "Its path."),
            ("Idempotency-Replayed" = bool, description = "`true` when it was made before, under the same key.")
        )
    )),
    extensions(("x-problems" = json!(["activation_code_taken", "idempotency_key_reused", "bad_request"])))
)]
pub(super) async fn create(
    admin: Caller<needs::AgentManage>,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Keyed(draft, key): Keyed<Draft>,
) -> Result<HttpResponse, Problem> {
    let Draft { title, content, activation_code, rate } = draft;
    let draft = AgentDraft { title, content, activation_code, rate };
    let order = CreateAgent { draft, author: admin.0.user_id, key, origin };

    let Made { thing: agent, is_replayed } = editor.ask(order).await?;

    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, format!("{PREFIX}/agents/{}", agent.id)));
    answer.insert_header(AgentView::tag(&agent).header());
    if is_replayed {
        answer.insert_header(REPLAYED);
    }
    Ok(answer.json(AgentView::from(agent)))
}

/// The revision that the caller has seen, if it makes that a condition.
async fn expected(
    seen: &IfMatch,
    editor: &Handle<CatalogEditor>,
    id: AgentId,
) -> Result<Option<i64>, Problem> {
    let current = async || Ok(editor.ask(FindAgent { id }).await?.revision);
    seen.revision(id, current).await
}

/// What to change of an agent. What is left out stays as it is.
#[derive(ToSchema)]
#[schema(as = AgentChange, example = json!({"rate": 5}))]
pub(super) struct Change {
    /// A new title, by the same rules as for a new agent.
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    title: Option<String>,
    /// A new document, in the place of the whole old one.
    #[schema(value_type = Option<Object>, nullable = false)]
    content: Option<Value>,
    /// A new code, by the same rules as for a new agent.
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[0-9]*[A-Za-z_.:-][A-Za-z0-9_.:-]*$"
    )]
    activation_code: Option<String>,
    /// A new price.
    #[schema(nullable = false)]
    rate: Option<i32>,
}

impl ReadFields for Change {
    fn read(fields: &mut Fields) -> Option<Self> {
        let title = fields.optional("title", |value| rules::title(&text(value)?));
        let content = fields.optional("content", rules::content);
        let activation_code =
            fields.optional("activation_code", |value| rules::activation_code(text(value)?));
        let rate = fields.optional("rate", whole_number);
        Some(Self { title: title?, content: content?, activation_code: activation_code?, rate: rate? })
    }
}

/// Replace an agent
///
/// Every field that can be edited, anew; its status stays. An edit of what was published makes the next version, which is
/// offered at once while the agent is; instances keep the version they were made with. A change of the code alone is no
/// new version. A retired agent may be edited, and published again.
#[utoipa::path(
    put, path = "/api/v1/agents/{id}", tag = "Agents", operation_id = "replaceAgent", security(("bearer" = ["agent:manage"])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7), IfMatch),
    request_body = Draft,
    responses((status = 200, description = "The agent with the change in it.", body = AgentView)),
    extensions(("x-problems" = json!(["agent_not_found", "activation_code_taken"])))
)]
pub(super) async fn replace(
    _admin: Caller<needs::AgentManage>,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
    Body(draft): Body<Draft>,
) -> Result<HttpResponse, Problem> {
    let Draft { title, content, activation_code, rate } = draft;
    let patch = AgentPatch {
        title: Some(title),
        content: Some(content),
        activation_code: Some(activation_code),
        rate: Some(rate),
        expected_revision: expected(&seen, &editor, id).await?,
    };

    let agent = editor.ask(EditAgent { id, patch, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(AgentView::tag(&agent).header()).json(AgentView::from(agent)))
}

/// Change an agent
///
/// Only the fields that are given; otherwise like replacing it. `null` is no value here.
#[utoipa::path(
    patch, path = "/api/v1/agents/{id}", tag = "Agents", operation_id = "changeAgent", security(("bearer" = ["agent:manage"])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7), IfMatch),
    request_body = Change,
    responses((status = 200, description = "The agent with the change in it.", body = AgentView)),
    extensions(("x-problems" = json!(["agent_not_found", "activation_code_taken"])))
)]
pub(super) async fn change(
    _admin: Caller<needs::AgentManage>,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
    Body(change): Body<Change>,
) -> Result<HttpResponse, Problem> {
    let Change { title, content, activation_code, rate } = change;
    let expected_revision = expected(&seen, &editor, id).await?;
    let patch = AgentPatch { title, content, activation_code, rate, expected_revision };

    let agent = editor.ask(EditAgent { id, patch, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(AgentView::tag(&agent).header()).json(AgentView::from(agent)))
}

/// Which agents a list shows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    #[param(ignore)]
    paging: Paging,
    /// Only those with all of these words in their title, code, description, category and capabilities, in any order and
    /// whatever their case and accents: up to 16 words.
    #[param(value_type = Option<String>, nullable = false, max_length = 200, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$", example = "lead sales")]
    q: Words,
    /// Only those in this status.
    #[param(nullable = false)]
    status: Option<AgentStatus>,
    /// Only those of this category, whatever its case and accents.
    #[param(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
        example = "sales"
    )]
    category: Option<String>,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take_numbers(fields);
        let words = fields.optional("q", |value| Words::read(&text(value)?));
        let status = fields.optional("status", |value| parsed(value, "draft, published or retired"));
        let category = fields.optional("category", |value| search::name(&text(value)?));
        let q = words?.unwrap_or_default();
        Some(Self { paging: paging?, q, status: status?, category: category? })
    }
}

/// List the agents
///
/// All of them, whatever their status, the newest first. What you filter by must all be so.
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "Agents", operation_id = "listAgents", security(("bearer" = ["agent:manage"])),
    params(Paging, Selection),
    responses((status = 200, description = "A page of agents.", body = Page<AgentView>))
)]
pub(super) async fn list(
    _admin: Caller<needs::AgentManage>,
    editor: Data<Handle<CatalogEditor>>,
    Parameters(selection): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let Selection { paging, q, status, category } = selection;
    let filter = AgentFilter { status, category, words: q };
    let question = ListAgents { filter, before: paging.before_agent(), limit: paging.limit };

    let page = editor.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(AgentView::from)))
}

/// Show an agent
///
/// In whatever status it is.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}", tag = "Agents", operation_id = "getAgent", security(("bearer" = ["agent:manage"])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7), IfNoneMatch),
    responses((status = 200, description = "The agent.", body = AgentView)),
    extensions(("x-problems" = json!(["agent_not_found"])))
)]
pub(super) async fn show(
    _admin: Caller<needs::AgentManage>,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let agent = editor.ask(FindAgent { id }).await?;

    let tag = AgentView::tag(&agent);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(AgentView::from(agent))))
}

/// Publish an agent
///
/// Offers it to users, also one that was retired. To publish one that is published changes nothing.
#[utoipa::path(
    post, path = "/api/v1/agents/{id}/publish", tag = "Agents", operation_id = "publishAgent",
    security(("bearer" = ["agent:manage"])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7), IfMatch),
    responses((status = 200, description = "The agent, `published`.", body = AgentView)),
    extensions(("x-problems" = json!(["agent_not_found", "illegal_transition"])))
)]
pub(super) async fn publish(
    _admin: Caller<needs::AgentManage>,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected_revision = expected(&seen, &editor, id).await?;

    let agent = editor.ask(PublishAgent { id, expected_revision, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(AgentView::tag(&agent).header()).json(AgentView::from(agent)))
}

/// Retire an agent
///
/// Users are not offered it any more; the instances that they have go on. To retire one that is retired changes nothing.
#[utoipa::path(
    post, path = "/api/v1/agents/{id}/retire", tag = "Agents", operation_id = "retireAgent",
    security(("bearer" = ["agent:manage"])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7), IfMatch),
    responses((status = 200, description = "The agent, `retired`.", body = AgentView)),
    extensions(("x-problems" = json!(["agent_not_found", "illegal_transition"])))
)]
pub(super) async fn retire(
    _admin: Caller<needs::AgentManage>,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected_revision = expected(&seen, &editor, id).await?;

    let agent = editor.ask(RetireAgent { id, expected_revision, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(AgentView::tag(&agent).header()).json(AgentView::from(agent)))
}

/// Delete an agent
///
/// Only one without instances; retire it instead if it has any.
#[utoipa::path(
    delete, path = "/api/v1/agents/{id}", tag = "Agents", operation_id = "deleteAgent",
    security(("bearer" = ["agent:manage"])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7), IfMatch),
    responses((status = 204, description = "It is deleted.")),
    extensions(("x-problems" = json!(["agent_not_found", "agent_in_use"])))
)]
pub(super) async fn delete(
    _admin: Caller<needs::AgentManage>,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected_revision = expected(&seen, &editor, id).await?;

    editor.ask(DeleteAgent { id, expected_revision, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_draft_is_told_all_of_its_faults() {
        let body = json!({"title": " ", "content": "x", "activation_code": "a b", "rate": 1.5, "status": "published"});
        let Err(faults) = Fields::read_body::<Draft>(body) else { panic!("it was read") };
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["title", "content", "activation_code", "rate", "status"]);
    }
}
