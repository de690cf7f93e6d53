//! What was ever offered of an agent.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::actors::catalog_editor::{CatalogEditor, ListAgentVersions};
use crate::actors::system::Handle;
use crate::http::extract::{Id, Parameters};
use crate::http::identity::{Caller, needs};
use crate::http::paging::{NumberPage, Paging};
use crate::http::problem::Problem;
use crate::models::{AgentId, AgentVersion, Page};

/// A version of an agent as it was offered. It never changes.
#[derive(Serialize, ToSchema)]
#[schema(as = AgentVersion, example = json!({
    "agent_id": 7, "version": 1, "title": "Sales lead generation", "content": {"category": "sales"}, "rate": 3,
    "published_at": "2026-11-18T09:00:00Z"
}))]
pub(super) struct VersionView {
    agent_id: AgentId,
    version: i32,
    title: String,
    /// What was said of it.
    #[schema(value_type = Object)]
    content: Value,
    rate: i32,
    /// When it was offered first.
    published_at: Timestamp,
}

impl From<AgentVersion> for VersionView {
    fn from(version: AgentVersion) -> Self {
        let AgentVersion { agent_id, version, title, content, rate, published_at } = version;
        Self { agent_id, version, title, content, rate, published_at }
    }
}

/// List an agent's versions
///
/// Those that were ever offered, the newest first. A draft has none, and an edit of a retired agent is none before it is
/// published.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}/versions", tag = "Agents", operation_id = "listAgentVersions",
    security(("bearer" = ["agent:manage"])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7), Paging),
    responses((status = 200, description = "A page of versions.", body = Page<VersionView>)),
    extensions(("x-problems" = json!(["agent_not_found"])))
)]
pub(super) async fn list(
    _admin: Caller<needs::AgentManage>,
    editor: Data<Handle<CatalogEditor>>,
    Id(id): Id<AgentId>,
    Parameters(NumberPage(paging)): Parameters<NumberPage>,
) -> Result<HttpResponse, Problem> {
    let question = ListAgentVersions { id, before: paging.before_number(), limit: paging.limit };

    let page = editor.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(VersionView::from)))
}
