//! The catalog as administrators see and write it.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::actors::catalog_editor::{
    CatalogEditor, CreateAgent, DeleteAgent, FindAgent, ListAgents, PublishAgent, RetireAgent, rules,
};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::extract::{Id, Parameters};
use crate::http::fields::{Fields, ReadFields, text, whole_number};
use crate::http::idempotency::{Keyed, REPLAYED};
use crate::http::identity::CurrentAdmin;
use crate::http::paging::NumberPage;
use crate::http::problem::Problem;
use crate::models::{Agent, AgentDraft, AgentId, AgentStatus, Made, Origin};

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
    admin: CurrentAdmin,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Keyed(Draft(draft), key): Keyed<Draft>,
) -> Result<HttpResponse, Problem> {
    let order = CreateAgent { draft, author: admin.0.user_id, key, origin };

    let Made { thing: agent, is_replayed } = editor.ask(order).await?;

    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, format!("{PREFIX}/agents/{}", agent.id)));
    if is_replayed {
        answer.insert_header(REPLAYED);
    }
    Ok(answer.json(AgentView::from(agent)))
}

/// `GET /agents`
pub(super) async fn list(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Parameters(page): Parameters<NumberPage>,
) -> Result<HttpResponse, Problem> {
    let page = editor.ask(ListAgents { before: page.before_agent(), limit: page.0.limit }).await?;

    Ok(HttpResponse::Ok().json(page.map(AgentView::from)))
}

/// `GET /agents/{id}`
pub(super) async fn show(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
) -> Result<HttpResponse, Problem> {
    let agent = editor.ask(FindAgent { id }).await?;

    Ok(HttpResponse::Ok().json(AgentView::from(agent)))
}

/// `POST /agents/{id}/publish`
pub(super) async fn publish(
    _admin: CurrentAdmin,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
) -> Result<HttpResponse, Problem> {
    let agent = editor.ask(PublishAgent { id, origin }).await?;

    Ok(HttpResponse::Ok().json(AgentView::from(agent)))
}

/// `POST /agents/{id}/retire`
pub(super) async fn retire(
    _admin: CurrentAdmin,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
) -> Result<HttpResponse, Problem> {
    let agent = editor.ask(RetireAgent { id, origin }).await?;

    Ok(HttpResponse::Ok().json(AgentView::from(agent)))
}

/// `DELETE /agents/{id}`
pub(super) async fn delete(
    _admin: CurrentAdmin,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
) -> Result<HttpResponse, Problem> {
    editor.ask(DeleteAgent { id, origin }).await?;

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
