//! New entries: a text, an address, or a file.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde_json::Value;
use utoipa::ToSchema;

use super::entries::{data_type, lang_hint, tag};
use super::multipart::{Form, Received};
use super::view::EntryView;
use crate::actors::knowledge::{AddEntry, Knowledge, rules};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::extract::{Id, media_type};
use crate::http::fields::{Fields, ReadFields, text};
use crate::http::idempotency::{Keyed, REPLAYED};
use crate::http::identity::{Reaching, needs};
use crate::http::problem::{FieldError, Problem};
use crate::models::knowledge::ContentHash;
use crate::models::{
    Entry, EntryDataType, EntryId, EntrySource, IdempotencyKey, InstanceId, LanguageHint, Made, NewEntry,
    Origin,
};

/// A new entry: a text, or an address that one is fetched from.
#[derive(ToSchema)]
#[schema(as = NewEntry, example = json!({
    "content": "Orders above 500 € are sent free of charge.", "data_type": "document", "lang_hint": "en", "title": "Shipping"
}))]
pub(crate) struct Wish {
    /// The text. Without it, it is fetched from `source_url`.
    #[schema(nullable = false, min_length = 1)]
    content: Option<String>,
    /// Without it: `document`.
    #[schema(nullable = false)]
    data_type: Option<EntryDataType>,
    /// Without it: `other`. Words are found in all their forms in English and Spanish.
    #[schema(nullable = false)]
    lang_hint: Option<LanguageHint>,
    /// Where the text is from, or where it is to be fetched: `http://` or `https://`, of the public internet.
    #[schema(max_length = 2_048)]
    source_url: Option<String>,
    /// What it is called. Without it, what it calls itself.
    #[schema(max_length = 200)]
    title: Option<String>,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let content = fields.optional("content", |value| rules::content(text(value)?));
        let common = Common::take(fields);
        let (content, common) = (content?, common?);
        let Common { data_type, lang_hint, source_url, title } = common;
        Some(Self { content, data_type, lang_hint, source_url, title })
    }
}

/// What is said of a file beside it.
pub(super) struct Common {
    data_type: Option<EntryDataType>,
    lang_hint: Option<LanguageHint>,
    source_url: Option<String>,
    title: Option<String>,
}

impl Common {
    fn take(fields: &mut Fields) -> Option<Self> {
        let data_type = fields.optional("data_type", data_type);
        let lang_hint = fields.optional("lang_hint", lang_hint);
        let source_url = fields.nullable("source_url", |value| rules::source_url(&text(value)?));
        let title = fields.nullable("title", |value| rules::title(&text(value)?));
        Some(Self { data_type: data_type?, lang_hint: lang_hint?, source_url: source_url?, title: title? })
    }
}

impl ReadFields for Common {
    fn read(fields: &mut Fields) -> Option<Self> {
        Self::take(fields)
    }
}

/// A file, and what is said of it.
// As it is described; it is read while it comes.
#[derive(ToSchema)]
#[schema(as = NewFileEntry, example = json!({"file": "(the bytes of prices.pdf)", "lang_hint": "en", "title": "Price list"}))]
#[expect(dead_code, reason = "it is described, and read field by field as it comes")]
pub(super) struct FileWish {
    /// The file: text, Markdown, HTML, PDF, DOCX, SRT or WebVTT. What it is decides its content, not its name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Without it: `document`.
    #[schema(nullable = false)]
    data_type: Option<EntryDataType>,
    /// Without it: `other`.
    #[schema(nullable = false)]
    lang_hint: Option<LanguageHint>,
    /// Where the file is from.
    #[schema(nullable = false, max_length = 2_048)]
    source_url: Option<String>,
    /// What it is called. Without it, what it calls itself.
    #[schema(nullable = false, max_length = 200)]
    title: Option<String>,
}

/// The body of a wish for an entry, whatever kind it is of.
pub(crate) enum Addition {
    Json(Box<Wish>, Option<IdempotencyKey>),
    Form(Box<Form>),
}

impl FromRequest for Addition {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if media_type(request) == "multipart/form-data" {
            let form = Form::open(request, payload);
            return Box::pin(async move { Ok(Self::Form(Box::new(form?))) });
        }
        let keyed = Keyed::<Wish>::from_request(request, payload);
        Box::pin(async move {
            let Keyed(wish, key) = keyed.await?;
            Ok(Self::Json(Box::new(wish), key))
        })
    }
}

/// Add an entry
///
/// A text or an address as JSON, a file as `multipart/form-data`. It is `queued` at first: a worker reads it and brings it to `ready`,
/// or to `failed` with a `status_reason`. Watch for `knowledge_base.entry.updated` on the WebSocket, or read it again. The same thing
/// is kept once: another one is answered with 409 and the `entry_id` of the first.
#[utoipa::path(
    post, path = "/api/v1/instances/{id}/knowledge-base/entries", tag = "Knowledge", operation_id = "addEntry",
    security(("bearer" = ["knowledge:manage"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]*$",
            description = "Makes it safe to send the same body again within 24 hours: it is done once, and answered as the first time.",
            example = "9f3c6a2e-price-list")
    ),
    request_body(content(
        (Wish = "application/json"),
        (FileWish = "multipart/form-data")
    )),
    responses((
        status = 201, description = "The entry, `queued`.", body = EntryView,
        headers(
            ("Location" = String, description = "Its path."),
            ("Idempotency-Replayed" = bool, description = "`true` when it was added before, under the same key.")
        )
    )),
    extensions(("x-problems" = json!([
        "instance_not_found", "entry_exists", "url_not_allowed", "quota_exceeded", "unsupported_media_type",
        "idempotency_key_reused", "bad_request"
    ])))
)]
pub(crate) async fn create(
    caller: Reaching<needs::KnowledgeManage>,
    origin: Origin,
    knowledge: Data<Handle<Knowledge>>,
    Id(instance): Id<InstanceId>,
    addition: Addition,
) -> Result<HttpResponse, Problem> {
    let reach = caller.reach;
    let (wish, file, key) = match addition {
        Addition::Json(wish, key) => (of_text(*wish, origin)?, None, key),
        Addition::Form(form) => {
            let received = form.receive(&knowledge, reach, instance).await?;
            match of_file(&received, origin) {
                Ok((wish, key)) => (wish, Some(received), key),
                Err(problem) => {
                    received.discard(&knowledge).await;
                    return Err(problem);
                }
            }
        }
    };
    let order = AddEntry { reach, instance, wish, file: file.as_ref().map(Received::file), key };

    let made = knowledge.ask(order).await;

    // What was not attached to an entry of its own is of no use to anybody.
    if let Some(file) = file.filter(|_| !made.as_ref().is_ok_and(|made| !made.is_replayed)) {
        file.discard(&knowledge).await;
    }
    Ok(created(instance, made?))
}

fn created(instance: InstanceId, Made { thing: entry, is_replayed }: Made<Entry>) -> HttpResponse {
    let location = format!("{PREFIX}/instances/{instance}/knowledge-base/entries/{}", entry.id);
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, location));
    answer.insert_header(tag(&entry).header());
    if is_replayed {
        answer.insert_header(REPLAYED);
    }
    answer.json(EntryView::from(entry))
}

fn of_text(wish: Wish, origin: Origin) -> Result<NewEntry, Problem> {
    let Wish { content, data_type, lang_hint, source_url, title } = wish;
    let (source, content, content_hash) = match (content, &source_url) {
        (Some(content), _) => {
            let hash = ContentHash::of_text(&content);
            (EntrySource::Text, content, hash)
        }
        (None, Some(url)) => (EntrySource::Url, String::new(), ContentHash::of_url(url)),
        (None, None) => {
            let message = "is required where there is no source_url".to_owned();
            return Err(Problem::invalid(vec![FieldError { field: "content".to_owned(), message }]));
        }
    };
    Ok(NewEntry {
        id: EntryId::new(),
        data_type: data_type.unwrap_or(EntryDataType::Document),
        lang_hint: lang_hint.unwrap_or(LanguageHint::Other),
        source,
        content,
        source_url,
        title,
        file_name: None,
        bytes: 0,
        content_hash,
        origin,
    })
}

fn of_file(received: &Received, origin: Origin) -> Result<(NewEntry, Option<IdempotencyKey>), Problem> {
    let said = Value::Object(received.fields().clone());
    let Common { data_type, lang_hint, source_url, title } =
        Fields::read_body(said).map_err(Problem::invalid)?;
    let wish = NewEntry {
        id: EntryId::new(),
        data_type: data_type.unwrap_or(EntryDataType::Document),
        lang_hint: lang_hint.unwrap_or(LanguageHint::Other),
        source: EntrySource::File,
        content: String::new(),
        source_url,
        title,
        file_name: received.file_name(),
        bytes: received.bytes(),
        content_hash: received.content_hash(),
        origin,
    };
    Ok((wish, received.key()?))
}
