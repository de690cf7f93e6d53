//! The knowledge base of an instance: what is in it, and what is found in it.

pub(super) mod adding;
pub(super) mod entries;
mod multipart;
pub(super) mod readings;
mod view;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use utoipa::IntoParams;

pub use self::multipart::UploadLimits;
use self::view::{FoundView, KnowledgeBaseView};
use crate::actors::knowledge::{FindKnowledgeBase, Knowledge, SearchKnowledge};
use crate::actors::system::Handle;
use crate::http::extract::{Id, Parameters};
use crate::http::fields::{Fields, ReadFields, text};
use crate::http::identity::{Reaching, needs};
use crate::http::ops::{get, resource};
use crate::http::problem::Problem;
use crate::models::InstanceId;
use crate::models::knowledge::SearchQuery;

const HITS_DEFAULT: i64 = 10;
const HITS_MAX: i64 = 50;

/// Mounts the routes of knowledge bases.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/instances/{id}/knowledge-base", "GET, HEAD").route(get().to(show)))
        .service(resource("/instances/{id}/knowledge-base/search", "GET, HEAD").route(get().to(search)))
        .service(
            resource("/instances/{id}/knowledge-base/reindex", "POST")
                .route(web::post().to(readings::reindex_all)),
        )
        .service(
            resource("/instances/{id}/knowledge-base/entries", "GET, HEAD, POST")
                .route(get().to(entries::list))
                .route(web::post().to(adding::create)),
        )
        .service(
            resource("/instances/{id}/knowledge-base/entries/{entry_id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(entries::show))
                .route(web::patch().to(entries::change))
                .route(web::delete().to(entries::delete)),
        )
        .service(
            resource("/instances/{id}/knowledge-base/entries/{entry_id}/retry", "POST")
                .route(web::post().to(readings::retry)),
        )
        .service(
            resource("/instances/{id}/knowledge-base/entries/{entry_id}/cancel", "POST")
                .route(web::post().to(readings::cancel)),
        )
        .service(
            resource("/instances/{id}/knowledge-base/entries/{entry_id}/reindex", "POST")
                .route(web::post().to(readings::reindex)),
        );
}

/// Show a knowledge base
///
/// How many entries have come how far, and what they take.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}/knowledge-base", tag = "Knowledge", operation_id = "getKnowledgeBase",
    security(("bearer" = ["knowledge:read"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    responses((status = 200, description = "The knowledge base.", body = KnowledgeBaseView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn show(
    caller: Reaching<needs::KnowledgeRead>,
    knowledge: Data<Handle<Knowledge>>,
    Id(instance): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let state = knowledge.ask(FindKnowledgeBase { reach: caller.reach, instance }).await?;

    Ok(HttpResponse::Ok().json(KnowledgeBaseView::from(state)))
}

/// What to look for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// Words in any of their forms, with or without accents. `"in quotes"` they must stand side by side, `begin*` is the
    /// beginning of a word, and nothing is found that has a `-word`. Typing errors are forgiven. Up to 500 characters.
    #[param(value_type = String, min_length = 1, max_length = 500, example = "how do I rotate the signing key")]
    q: SearchQuery,
    /// How many pieces at most.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 50, default = 10)]
    k: i64,
}

impl ReadFields for Question {
    fn read(fields: &mut Fields) -> Option<Self> {
        let q = fields.required("q", |value| SearchQuery::read(&text(value)?));
        let k = fields.optional("k", |value| {
            let k = text(value)?.parse().ok().filter(|k| (1..=HITS_MAX).contains(k));
            k.ok_or_else(|| format!("must be a whole number from 1 to {HITS_MAX}"))
        });
        Some(Self { q: q?, k: k?.unwrap_or(HITS_DEFAULT) })
    }
}

/// Search a knowledge base
///
/// The pieces of its entries that answer best, the best first, each with where it stands: title, headings, page or time. An entry that
/// is being read anew is found as it was until it is `ready`.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}/knowledge-base/search", tag = "Knowledge", operation_id = "searchKnowledgeBase",
    security(("bearer" = ["knowledge:read"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        Question
    ),
    responses((status = 200, description = "What was found; nothing is an empty list.", body = FoundView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn search(
    caller: Reaching<needs::KnowledgeRead>,
    knowledge: Data<Handle<Knowledge>>,
    Id(instance): Id<InstanceId>,
    Parameters(Question { q: query, k: limit }): Parameters<Question>,
) -> Result<HttpResponse, Problem> {
    let hits = knowledge.ask(SearchKnowledge { reach: caller.reach, instance, query, limit }).await?;

    Ok(HttpResponse::Ok().json(FoundView::from(hits)))
}
