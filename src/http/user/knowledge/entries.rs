//! Entries of a knowledge base: listed, shown, changed and deleted.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::view::{EntryView, WholeEntryView};
use crate::actors::knowledge::{
    ChangeEntry, DeleteEntry, FindEntry, Knowledge, ListEntries, ReadEntry, rules,
};
use crate::actors::system::Handle;
use crate::http::conditional::{EntityTag, IfMatch, IfNoneMatch};
use crate::http::extract::{Body, Id, InstanceEntry, Parameters};
use crate::http::fields::{Fault, Fields, ReadFields, parsed, text};
use crate::http::identity::{Reaching, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::{
    Entry, EntryDataType, EntryFilter, EntryId, EntryPatch, EntryStatus, InstanceId, LanguageHint, Origin,
    Page, Reach,
};

/// Names the state that an entry is in.
pub(super) fn tag(entry: &Entry) -> EntityTag {
    EntityTag::of_revision(entry.id, entry.revision)
}

pub(super) fn data_type(value: Value) -> Result<EntryDataType, Fault> {
    parsed(value, "document, video or other")
}

pub(super) fn lang_hint(value: Value) -> Result<LanguageHint, Fault> {
    parsed(value, "en, es or other")
}

fn status(value: Value) -> Result<EntryStatus, Fault> {
    parsed(value, "queued, processing, ready or failed")
}

/// Which entries are meant.
#[derive(Clone, Copy, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only those that have come so far.
    #[param(nullable = false)]
    status: Option<EntryStatus>,
    /// Only those of this kind.
    #[param(nullable = false)]
    data_type: Option<EntryDataType>,
    /// Only those in this language.
    #[param(nullable = false)]
    lang_hint: Option<LanguageHint>,
}

impl Filter {
    fn take(fields: &mut Fields) -> Option<Self> {
        let status = fields.optional("status", status);
        let data_type = fields.optional("data_type", data_type);
        let lang_hint = fields.optional("lang_hint", lang_hint);
        Some(Self { status: status?, data_type: data_type?, lang_hint: lang_hint? })
    }
}

impl From<Filter> for EntryFilter {
    fn from(Filter { status, data_type, lang_hint }: Filter) -> Self {
        Self { status, data_type, lang_hint }
    }
}

/// Which page of which entries.
pub(crate) struct Selection {
    paging: Paging,
    filter: Filter,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.uuid().is_ok());
        let filter = Filter::take(fields);
        Some(Self { paging: paging?, filter: filter? })
    }
}

/// List entries
///
/// The newest first, without what stands in them.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}/knowledge-base/entries", tag = "Knowledge", operation_id = "listEntries",
    security(("bearer" = ["knowledge:read"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        Paging, Filter
    ),
    responses((status = 200, description = "A page of entries.", body = Page<EntryView>)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(crate) async fn list(
    caller: Reaching<needs::KnowledgeRead>,
    knowledge: Data<Handle<Knowledge>>,
    Id(instance): Id<InstanceId>,
    Parameters(Selection { paging, filter }): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(EntryId);
    let question =
        ListEntries { reach: caller.reach, instance, filter: filter.into(), before, limit: paging.limit };

    let page = knowledge.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(EntryView::from)))
}

/// Show an entry
///
/// With what stands in it.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}/knowledge-base/entries/{entry_id}", tag = "Knowledge", operation_id = "getEntry",
    security(("bearer" = ["knowledge:read"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        ("entry_id" = EntryId, Path, description = "Which entry.", example = "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04"),
        IfNoneMatch
    ),
    responses((status = 200, description = "The entry.", body = WholeEntryView)),
    extensions(("x-problems" = json!(["instance_not_found", "entry_not_found"])))
)]
pub(crate) async fn show(
    caller: Reaching<needs::KnowledgeRead>,
    knowledge: Data<Handle<Knowledge>>,
    InstanceEntry(instance, id): InstanceEntry,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let whole = knowledge.ask(ReadEntry { reach: caller.reach, instance, id }).await?;

    let tag = tag(&whole.0);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(WholeEntryView::from(whole))))
}

/// The revision that the caller has seen, if it makes that a condition.
async fn expected(
    seen: &IfMatch,
    knowledge: &Handle<Knowledge>,
    reach: Reach,
    InstanceEntry(instance, id): &InstanceEntry,
) -> Result<Option<i64>, Problem> {
    let question = || FindEntry { reach: reach.to_see(), instance: *instance, id: *id };
    let current = async || Ok(knowledge.ask(question()).await?.revision);
    seen.revision(*id, current).await
}

/// What to change of an entry. What is left out stays as it is.
#[derive(ToSchema)]
#[schema(as = EntryChange, example = json!({"lang_hint": "es"}))]
pub(crate) struct Change {
    /// Another text, in the place of the whole old one; only of what was sent as a text.
    #[schema(nullable = false, min_length = 1)]
    content: Option<String>,
    #[schema(nullable = false)]
    data_type: Option<EntryDataType>,
    #[schema(nullable = false)]
    lang_hint: Option<LanguageHint>,
    /// Another address; `null` for none. What is fetched needs one.
    #[schema(value_type = Option<String>, max_length = 2_048)]
    source_url: Option<Option<String>>,
    /// Another title; `null` for the one that it gives itself, once it is read again.
    #[schema(value_type = Option<String>, max_length = 200)]
    title: Option<Option<String>>,
}

impl ReadFields for Change {
    fn read(fields: &mut Fields) -> Option<Self> {
        let content = fields.optional("content", |value| rules::content(text(value)?));
        let data_type = fields.optional("data_type", data_type);
        let lang_hint = fields.optional("lang_hint", lang_hint);
        let source_url = fields.optional("source_url", |value| nothing_or(value, rules::source_url));
        let title = fields.optional("title", |value| nothing_or(value, rules::title));
        Some(Self {
            content: content?,
            data_type: data_type?,
            lang_hint: lang_hint?,
            source_url: source_url?,
            title: title?,
        })
    }
}

fn nothing_or(value: Value, read: fn(&str) -> Result<String, Fault>) -> Result<Option<String>, Fault> {
    if value.is_null() { Ok(None) } else { read(&text(value)?).map(Some) }
}

/// Change an entry
///
/// Another text, kind, language or address has it read anew: it is `queued`, and found as it was until it is `ready`.
#[utoipa::path(
    patch, path = "/api/v1/instances/{id}/knowledge-base/entries/{entry_id}", tag = "Knowledge",
    operation_id = "changeEntry", security(("bearer" = ["knowledge:manage"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        ("entry_id" = EntryId, Path, description = "Which entry.", example = "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04"),
        IfMatch
    ),
    request_body = Change,
    responses((status = 200, description = "The entry with the change in it.", body = EntryView)),
    extensions(("x-problems" = json!([
        "instance_not_found", "entry_not_found", "entry_exists", "entry_not_editable", "url_not_allowed", "quota_exceeded"
    ])))
)]
pub(crate) async fn change(
    caller: Reaching<needs::KnowledgeManage>,
    origin: Origin,
    knowledge: Data<Handle<Knowledge>>,
    place: InstanceEntry,
    seen: IfMatch,
    Body(change): Body<Change>,
) -> Result<HttpResponse, Problem> {
    let Change { content, data_type, lang_hint, source_url, title } = change;
    let expected_revision = expected(&seen, &knowledge, caller.reach, &place).await?;
    let patch = EntryPatch { content, data_type, lang_hint, source_url, title, expected_revision, origin };
    let InstanceEntry(instance, id) = place;

    let entry = knowledge.ask(ChangeEntry { reach: caller.reach, instance, id, patch }).await?;

    Ok(HttpResponse::Ok().insert_header(tag(&entry).header()).json(EntryView::from(entry)))
}

/// Delete an entry
///
/// Nothing of it is found from the answer on.
#[utoipa::path(
    delete, path = "/api/v1/instances/{id}/knowledge-base/entries/{entry_id}", tag = "Knowledge",
    operation_id = "deleteEntry", security(("bearer" = ["knowledge:manage"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        ("entry_id" = EntryId, Path, description = "Which entry.", example = "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04"),
        IfMatch
    ),
    responses((status = 204, description = "It is deleted.")),
    extensions(("x-problems" = json!(["instance_not_found", "entry_not_found"])))
)]
pub(crate) async fn delete(
    caller: Reaching<needs::KnowledgeManage>,
    origin: Origin,
    knowledge: Data<Handle<Knowledge>>,
    place: InstanceEntry,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let expected_revision = expected(&seen, &knowledge, caller.reach, &place).await?;
    let InstanceEntry(instance, id) = place;

    knowledge.ask(DeleteEntry { reach: caller.reach, instance, id, expected_revision, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}
