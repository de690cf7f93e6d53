//! The catalog as administrators see and write it.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::actors::catalog_editor::{
    CatalogEditor, CreateAgent, DeleteAgent, EditAgent, FindAgent, ListAgentVersions, ListAgents,
    PublishAgent, RetireAgent, rules,
};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::conditional::{EntityTag, IfMatch, IfNoneMatch};
use crate::http::extract::{Body, Id, Parameters};
use crate::http::fields::{Fields, ReadFields, parsed, text, whole_number};
use crate::http::identity::CurrentAdmin;
use crate::http::paging::{NumberPage, Paging};
use crate::http::problem::Problem;
use crate::models::search::{self, Words};
use crate::models::{Agent, AgentDraft, AgentFilter, AgentId, AgentPatch, AgentStatus, AgentVersion};

/// An agent, with what users do not see.
#[derive(Serialize)]
struct AgentView {
    id: AgentId,
    title: String,
    content: Value,
    activation_code: String,
    rate: i32,
    version: i32,
    status: AgentStatus,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl AgentView {
    /// Names the state that the agent is in.
    fn tag(agent: &Agent) -> EntityTag {
        EntityTag::of_revision(agent.id, agent.revision)
    }
}

impl From<Agent> for AgentView {
    fn from(agent: Agent) -> Self {
        Self {
            id: agent.id,
            title: agent.title,
            content: agent.content,
            activation_code: agent.activation_code,
            rate: agent.rate,
            version: agent.version,
            status: agent.status,
            revision: agent.revision,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
        }
    }
}

/// A new agent.
pub(super) struct Draft(AgentDraft);

impl ReadFields for Draft {
    fn read(fields: &mut Fields) -> Option<Self> {
        let title = fields.required("title", |value| rules::title(&text(value)?));
        let content = fields.required("content", rules::content);
        let activation_code =
            fields.required("activation_code", |value| rules::activation_code(text(value)?));
        let rate = fields.required("rate", whole_number);
        Some(Self(AgentDraft {
            title: title?,
            content: content?,
            activation_code: activation_code?,
            rate: rate?,
        }))
    }
}

/// `POST /agents`
pub(super) async fn create(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Body(Draft(draft)): Body<Draft>,
) -> Result<HttpResponse, Problem> {
    let agent = editor.ask(CreateAgent { draft }).await?;

    let location = format!("{PREFIX}/agents/{}", agent.id);
    let tag = AgentView::tag(&agent).header();
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .insert_header(tag)
        .json(AgentView::from(agent)))
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

/// What an administrator changes of an agent.
pub(super) struct Change(AgentPatch);

impl ReadFields for Change {
    fn read(fields: &mut Fields) -> Option<Self> {
        let title = fields.optional("title", |value| rules::title(&text(value)?));
        let content = fields.optional("content", rules::content);
        let activation_code =
            fields.optional("activation_code", |value| rules::activation_code(text(value)?));
        let rate = fields.optional("rate", whole_number);
        Some(Self(AgentPatch {
            title: title?,
            content: content?,
            activation_code: activation_code?,
            rate: rate?,
            expected_revision: None,
        }))
    }
}

/// `PUT /agents/{id}`: every field that can be edited, anew.
pub(super) async fn replace(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
    Body(Draft(draft)): Body<Draft>,
) -> Result<HttpResponse, Problem> {
    let patch = AgentPatch {
        title: Some(draft.title),
        content: Some(draft.content),
        activation_code: Some(draft.activation_code),
        rate: Some(draft.rate),
        expected_revision: expected(&seen, &editor, id).await?,
    };

    let agent = editor.ask(EditAgent { id, patch }).await?;

    Ok(HttpResponse::Ok().insert_header(AgentView::tag(&agent).header()).json(AgentView::from(agent)))
}

/// `PATCH /agents/{id}`: only the fields that are given.
pub(super) async fn change(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
    Body(Change(mut patch)): Body<Change>,
) -> Result<HttpResponse, Problem> {
    patch.expected_revision = expected(&seen, &editor, id).await?;

    let agent = editor.ask(EditAgent { id, patch }).await?;

    Ok(HttpResponse::Ok().insert_header(AgentView::tag(&agent).header()).json(AgentView::from(agent)))
}

/// A version that was offered once, as it was then.
#[derive(Serialize)]
struct VersionView {
    agent_id: AgentId,
    version: i32,
    title: String,
    content: Value,
    rate: i32,
    published_at: Timestamp,
}

impl From<AgentVersion> for VersionView {
    fn from(version: AgentVersion) -> Self {
        let AgentVersion { agent_id, version, title, content, rate, published_at } = version;
        Self { agent_id, version, title, content, rate, published_at }
    }
}

/// `GET /agents/{id}/versions`
pub(super) async fn versions(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    Parameters(NumberPage(paging)): Parameters<NumberPage>,
) -> Result<HttpResponse, Problem> {
    let question = ListAgentVersions { id, before: paging.before_number(), limit: paging.limit };

    let page = editor.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(VersionView::from)))
}

/// Which agents a list shows.
pub(super) struct Selection {
    paging: Paging,
    filter: AgentFilter,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take_numbers(fields);
        let words = fields.optional("q", |value| Words::read(&text(value)?));
        let status = fields.optional("status", |value| parsed(value, "draft, published or retired"));
        let category = fields.optional("category", |value| search::name(&text(value)?));
        let filter = AgentFilter { words: words?.unwrap_or_default(), status: status?, category: category? };
        Some(Self { paging: paging?, filter })
    }
}

/// `GET /agents`
pub(super) async fn list(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Parameters(Selection { paging, filter }): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let question = ListAgents { filter, before: paging.before_agent(), limit: paging.limit };

    let page = editor.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(AgentView::from)))
}

/// `GET /agents/{id}`
pub(super) async fn show(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let agent = editor.ask(FindAgent { id }).await?;

    let tag = AgentView::tag(&agent);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(AgentView::from(agent))))
}

/// `POST /agents/{id}/publish`
pub(super) async fn publish(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected_revision = expected(&seen, &editor, id).await?;

    let agent = editor.ask(PublishAgent { id, expected_revision }).await?;

    Ok(HttpResponse::Ok().insert_header(AgentView::tag(&agent).header()).json(AgentView::from(agent)))
}

/// `POST /agents/{id}/retire`
pub(super) async fn retire(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected_revision = expected(&seen, &editor, id).await?;

    let agent = editor.ask(RetireAgent { id, expected_revision }).await?;

    Ok(HttpResponse::Ok().insert_header(AgentView::tag(&agent).header()).json(AgentView::from(agent)))
}

/// `DELETE /agents/{id}`
pub(super) async fn delete(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected_revision = expected(&seen, &editor, id).await?;

    editor.ask(DeleteAgent { id, expected_revision }).await?;

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
