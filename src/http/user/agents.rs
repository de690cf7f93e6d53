//! The catalog, read from the snapshot of this process: no actor is asked and no database.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data};

use super::view::AgentView;
use crate::actors::catalog::{CatalogSnapshot, CatalogView};
use crate::http::extract::{Id, Parameters};
use crate::http::identity::CurrentUser;
use crate::http::paging::{NumberPage, Paging};
use crate::http::problem::Problem;
use crate::models::{Agent, AgentId, ErrorCode, Page};

/// List the agents on offer
///
/// Published agents only, the newest first.
// Searching (`q`, `category`, `capability`) has its place here.
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "Agents", operation_id = "listAgents", security(("bearer" = [])),
    params(Paging),
    responses((status = 200, description = "A page of agents.", body = Page<AgentView<'_>>))
)]
pub(super) async fn list(
    _user: CurrentUser,
    catalog: Data<CatalogView>,
    Parameters(page): Parameters<NumberPage>,
) -> Result<HttpResponse, Problem> {
    let page = snapshot(&catalog)?.list(page.before_agent(), page.0.limit);

    let mut body = br#"{"items":["#.to_vec();
    for (index, entry) in page.items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&entry.text(written));
    }
    // A cursor has no character that JSON would escape.
    let next_cursor = page.next_cursor.map_or_else(|| "null".to_owned(), |cursor| format!("\"{cursor}\""));
    body.extend_from_slice(format!(r#"],"next_cursor":{next_cursor}}}"#).as_bytes());
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(body))
}

/// Show an agent
///
/// One that is on offer. What is a draft still, or retired, is not found.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}", tag = "Agents", operation_id = "getAgent", security(("bearer" = [])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7)),
    responses((status = 200, description = "The agent.", body = AgentView<'_>)),
    extensions(("x-problems" = json!(["agent_not_found"])))
)]
pub(super) async fn show(
    _user: CurrentUser,
    catalog: Data<CatalogView>,
    Id(id): Id<AgentId>,
) -> Result<HttpResponse, Problem> {
    let snapshot = snapshot(&catalog)?;

    let agent = snapshot.find(id).ok_or(Problem::new(ErrorCode::AgentNotFound))?;

    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(Bytes::from_owner(agent.text(written))))
}

fn snapshot(catalog: &CatalogView) -> Result<Arc<CatalogSnapshot>, Problem> {
    catalog.load().ok_or(Problem::new(ErrorCode::DependencyUnavailable))
}

/// The text of an agent, written once for each snapshot.
fn written(agent: &Agent) -> Vec<u8> {
    // Texts, numbers and a document that came from JSON: writing them cannot fail.
    serde_json::to_vec(&AgentView::from(agent)).unwrap_or_default()
}
