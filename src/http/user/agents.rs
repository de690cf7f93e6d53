//! The catalog, read from the snapshot of this process: no actor is asked and no database.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data};
use utoipa::IntoParams;

use super::view::AgentView;
use crate::actors::catalog::{CatalogEntry, CatalogFilter, CatalogSnapshot, CatalogView};
use crate::http::conditional::{EntityTag, IfNoneMatch};
use crate::http::extract::{Id, Parameters};
use crate::http::fields::{Fields, ReadFields, text};
use crate::http::identity::{Caller, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::search::{self, Words};
use crate::models::{Agent, AgentId, ErrorCode, Page};

/// Which of the agents on offer a list shows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    #[param(ignore)]
    paging: Paging,
    /// Only those with all of these words in their title, description, category and capabilities, in any order and
    /// whatever their case and accents: up to 16 words.
    #[param(value_type = Option<String>, nullable = false, max_length = 200, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$", example = "lead sales")]
    q: Words,
    /// Only those of this category, whatever its case and accents.
    #[param(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
        example = "sales"
    )]
    category: Option<String>,
    /// Only those that say they have this capability, whatever its case and accents.
    #[param(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
        example = "lead_scoring"
    )]
    capability: Option<String>,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take_numbers(fields);
        let words = fields.optional("q", |value| Words::read(&text(value)?));
        let category = fields.optional("category", |value| search::name(&text(value)?));
        let capability = fields.optional("capability", |value| search::name(&text(value)?));
        let q = words?.unwrap_or_default();
        Some(Self { paging: paging?, q, category: category?, capability: capability? })
    }
}

/// List the agents on offer
///
/// Published agents only, the newest first. What you filter by must all be so.
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "Agents", operation_id = "listAgents", security(("bearer" = ["agent:list"])),
    params(Paging, Selection, IfNoneMatch),
    responses((status = 200, description = "A page of agents.", body = Page<AgentView<'_>>))
)]
pub(super) async fn list(
    _user: Caller<needs::AgentList>,
    catalog: Data<CatalogView>,
    Parameters(selection): Parameters<Selection>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let Selection { paging, q, category, capability } = selection;
    let filter = CatalogFilter { words: q, category, capability };

    let page = snapshot(&catalog)?.list(&filter, paging.before_agent(), paging.limit);

    Ok(known.answer(&tag_of(&page), || {
        HttpResponse::Ok().content_type(ContentType::json()).body(page_text(page))
    }))
}

/// Names what a page shows, by what decides it: cheaper than by its text.
fn tag_of(page: &Page<Arc<CatalogEntry>>) -> EntityTag {
    let shown = page.items.iter().map(|entry| {
        let mut state = [0; 12];
        state[..4].copy_from_slice(&entry.agent.id.0.to_be_bytes());
        state[4..].copy_from_slice(&entry.agent.revision.to_be_bytes());
        state
    });
    let has_more: [u8; 12] = [u8::from(page.next_cursor.is_some()); 12];
    EntityTag::of_parts(shown.chain([has_more]))
}

fn page_text(page: Page<Arc<CatalogEntry>>) -> Vec<u8> {
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
    body
}

/// Show an agent
///
/// One that is on offer. What is a draft still, or retired, is not found.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}", tag = "Agents", operation_id = "getAgent", security(("bearer" = ["agent:list"])),
    params(("id" = AgentId, Path, description = "Which agent.", example = 7), IfNoneMatch),
    responses((status = 200, description = "The agent.", body = AgentView<'_>)),
    extensions(("x-problems" = json!(["agent_not_found"])))
)]
pub(super) async fn show(
    _user: Caller<needs::AgentList>,
    catalog: Data<CatalogView>,
    Id(id): Id<AgentId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let snapshot = snapshot(&catalog)?;

    let agent = snapshot.find(id).ok_or(Problem::new(ErrorCode::AgentNotFound))?;

    let tag = EntityTag::of_revision(agent.agent.id, agent.agent.revision);
    Ok(known.answer(&tag, || {
        HttpResponse::Ok().content_type(ContentType::json()).body(Bytes::from_owner(agent.text(written)))
    }))
}

fn snapshot(catalog: &CatalogView) -> Result<Arc<CatalogSnapshot>, Problem> {
    catalog.load().ok_or(Problem::new(ErrorCode::DependencyUnavailable))
}

/// The text of an agent, written once for each snapshot.
fn written(agent: &Agent) -> Vec<u8> {
    // Texts, numbers and a document that came from JSON: writing them cannot fail.
    serde_json::to_vec(&AgentView::from(agent)).unwrap_or_default()
}
