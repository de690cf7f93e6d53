//! What is to be done about the reading of entries.

use actix_web::HttpResponse;
use actix_web::web::Data;
use utoipa::ToSchema;

use super::entries::{data_type, lang_hint, tag};
use super::view::{EntryView, ReindexedView};
use crate::actors::knowledge::{Knowledge, OrderReading, ReadingOrder, ReindexEntries};
use crate::actors::system::Handle;
use crate::http::extract::{Body, Id, InstanceEntry};
use crate::http::fields::{Fields, ReadFields, parsed};
use crate::http::identity::{Reaching, needs};
use crate::http::problem::Problem;
use crate::models::{EntryDataType, EntryFilter, EntryId, EntryStatus, InstanceId, LanguageHint, Origin};

async fn order(
    caller: Reaching<needs::KnowledgeManage>,
    origin: Origin,
    knowledge: &Handle<Knowledge>,
    InstanceEntry(instance, id): InstanceEntry,
    order: ReadingOrder,
) -> Result<HttpResponse, Problem> {
    let entry = knowledge.ask(OrderReading { reach: caller.reach, instance, id, order, origin }).await?;

    Ok(HttpResponse::Accepted().insert_header(tag(&entry).header()).json(EntryView::from(entry)))
}

/// Retry an entry
///
/// One that has `failed` is `queued` again. Of one that is under way nothing changes.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/knowledge-base/entries/{entry_id}/retry", tag = "Knowledge",
    operation_id = "retryEntry", security(("bearer" = ["knowledge:manage"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        ("entry_id" = EntryId, Path, description = "Which entry.", example = "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04")
    ),
    responses((status = 202, description = "The entry as it is now; the rest comes as events.", body = EntryView)),
    extensions(("x-problems" = json!(["instance_not_found", "entry_not_found", "nothing_to_retry"])))
)]
pub(crate) async fn retry(
    caller: Reaching<needs::KnowledgeManage>,
    origin: Origin,
    knowledge: Data<Handle<Knowledge>>,
    place: InstanceEntry,
) -> Result<HttpResponse, Problem> {
    order(caller, origin, &knowledge, place, ReadingOrder::Retry).await
}

/// Cancel the reading of an entry
///
/// Whether it waits or is being read. It is `ready` again if it was read before and has not changed since; else it has `failed`,
/// and says that this is why.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/knowledge-base/entries/{entry_id}/cancel", tag = "Knowledge",
    operation_id = "cancelEntry", security(("bearer" = ["knowledge:manage"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        ("entry_id" = EntryId, Path, description = "Which entry.", example = "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04")
    ),
    responses((status = 202, description = "The entry as it is now.", body = EntryView)),
    extensions(("x-problems" = json!(["instance_not_found", "entry_not_found", "nothing_to_cancel"])))
)]
pub(crate) async fn cancel(
    caller: Reaching<needs::KnowledgeManage>,
    origin: Origin,
    knowledge: Data<Handle<Knowledge>>,
    place: InstanceEntry,
) -> Result<HttpResponse, Problem> {
    order(caller, origin, &knowledge, place, ReadingOrder::Cancel).await
}

/// Have an entry read anew
///
/// What was fetched is fetched again. It is found as it was until it is `ready`.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/knowledge-base/entries/{entry_id}/reindex", tag = "Knowledge",
    operation_id = "reindexEntry", security(("bearer" = ["knowledge:manage"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        ("entry_id" = EntryId, Path, description = "Which entry.", example = "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04")
    ),
    responses((status = 202, description = "The entry as it is now; the rest comes as events.", body = EntryView)),
    extensions(("x-problems" = json!(["instance_not_found", "entry_not_found"])))
)]
pub(crate) async fn reindex(
    caller: Reaching<needs::KnowledgeManage>,
    origin: Origin,
    knowledge: Data<Handle<Knowledge>>,
    place: InstanceEntry,
) -> Result<HttpResponse, Problem> {
    order(caller, origin, &knowledge, place, ReadingOrder::Reindex).await
}

/// Which entries are to be read anew; without any field, all that are not under way.
#[derive(ToSchema)]
#[schema(as = Reindex, example = json!({"status": "failed"}))]
pub(crate) struct Which {
    /// Only those that have come so far.
    #[schema(value_type = Option<EntryStatus>, nullable = false)]
    status: Option<EntryStatus>,
    /// Only those of this kind.
    #[schema(nullable = false)]
    data_type: Option<EntryDataType>,
    /// Only those in this language.
    #[schema(nullable = false)]
    lang_hint: Option<LanguageHint>,
}

impl ReadFields for Which {
    fn read(fields: &mut Fields) -> Option<Self> {
        let status = fields.optional("status", |value| {
            let status: EntryStatus = parsed(value, "ready or failed")?;
            if status.is_under_way() { Err("must be ready or failed".to_owned()) } else { Ok(status) }
        });
        let data_type = fields.optional("data_type", data_type);
        let lang_hint = fields.optional("lang_hint", lang_hint);
        Some(Self { status: status?, data_type: data_type?, lang_hint: lang_hint? })
    }
}

/// Have entries read anew
///
/// All that are `ready` or `failed`, or some of them; 10,000 at once. What is under way comes to its end as it is.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/knowledge-base/reindex", tag = "Knowledge", operation_id = "reindexKnowledgeBase",
    security(("bearer" = ["knowledge:manage"])),
    params(("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02")),
    request_body = Which,
    responses((status = 202, description = "How many are `queued` now; the rest comes as events.", body = ReindexedView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(crate) async fn reindex_all(
    caller: Reaching<needs::KnowledgeManage>,
    origin: Origin,
    knowledge: Data<Handle<Knowledge>>,
    Id(instance): Id<InstanceId>,
    Body(Which { status, data_type, lang_hint }): Body<Which>,
) -> Result<HttpResponse, Problem> {
    let filter = EntryFilter { status, data_type, lang_hint };
    let queued = knowledge.ask(ReindexEntries { reach: caller.reach, instance, filter, origin }).await?;

    Ok(HttpResponse::Accepted().json(ReindexedView { queued }))
}
