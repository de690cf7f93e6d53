//! A form with a file in it, read while it comes: no more than one piece of the file is in memory.

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::actors::knowledge::{
    AppendPiece, BeginUpload, DiscardUpload, EnterUploads, Knowledge, Place, rules,
};
use crate::actors::system::Handle;
use crate::http::extract::{BodyLimits, is_packed};
use crate::http::idempotency::{header as idempotency_key, no_key};
use crate::http::memory::Held;
use crate::http::problem::{FieldError, Problem};
use crate::models::knowledge::{ContentHash, ContentHasher};
use crate::models::{ErrorCode, IdempotencyKey, InstanceId, Reach};

/// How much of a file is sent on at once. It is a row in the database, and in memory twice while it is written.
const PIECE_BYTES: usize = 256 * 1024;

/// How much one of the other fields may have.
const FIELD_BYTES_MAX: usize = 8 * 1024;

/// How many fields a form may have: more than there are.
const FIELDS_MAX: usize = 16;

/// What a form takes beside its file: borders, heads of fields, and the fields themselves.
const FRAME_BYTES_MAX: u64 = 256 * 1024;

/// What is taken of an upload.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// A larger file is answered with 413.
    pub file_bytes_max: u64,
    /// What takes longer is answered with 408.
    pub within: Duration,
}

/// A form that begins to come.
pub(crate) struct Form {
    parts: Multipart,
    limits: UploadLimits,
    key: Option<String>,
    path: String,
    /// Its share of the memory that all requests have together, from when it has a place.
    held: Held,
}

/// A form that has come as a whole.
pub(super) struct Received {
    file: Uuid,
    _place: Place,
    file_name: Option<String>,
    bytes: u64,
    hash: ContentHash,
    fields: Map<String, Value>,
    key: Option<String>,
    path: String,
}

impl Form {
    pub(super) fn open(request: &HttpRequest, payload: &mut Payload) -> Result<Self, Problem> {
        let limits = request.app_data::<Data<UploadLimits>>().ok_or(Problem::new(ErrorCode::Internal))?;
        let memory = request.app_data::<Data<BodyLimits>>().ok_or(Problem::new(ErrorCode::Internal))?;
        if is_packed(request) {
            let detail = "send the form without a content encoding";
            return Err(Problem::new(ErrorCode::UnsupportedMediaType).detail(detail));
        }
        let announced =
            request.headers().get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
        if announced.is_some_and(|bytes: u64| bytes > limits.file_bytes_max.saturating_add(FRAME_BYTES_MAX)) {
            return Err(too_large(limits.file_bytes_max));
        }
        Ok(Self {
            key: idempotency_key(request)?,
            path: request.path().to_owned(),
            parts: Multipart::new(request.headers(), payload.take()),
            limits: ***limits,
            held: memory.memory.hold(),
        })
    }

    /// Takes it in, whatever the order of its fields. What came of the file is forgotten if the form turns out to be none.
    pub(super) async fn receive(
        mut self,
        knowledge: &Handle<Knowledge>,
        reach: Reach,
        instance: InstanceId,
    ) -> Result<Received, Problem> {
        // Whoever only promises a file takes no room from others.
        let place = knowledge.ask(EnterUploads { reach, instance }).await?;
        self.held.take(2 * PIECE_BYTES)?;
        let mut file = None;
        let within = self.limits.within;
        let taken = timeout(within, self.take(knowledge, (reach, instance), &mut file)).await;
        let fields = match taken {
            Ok(Ok(fields)) => Ok(fields),
            Ok(Err(problem)) => Err(problem),
            Err(_late) => Err(Problem::new(ErrorCode::RequestTimedOut)),
        };
        match (fields, file) {
            (Ok(fields), Some(FilePart { file, name, bytes, hasher, .. })) => Ok(Received {
                file,
                _place: place,
                file_name: name,
                bytes,
                hash: hasher.finish(),
                fields,
                key: self.key,
                path: self.path,
            }),
            (Ok(_), None) => Err(invalid("file", "is required")),
            (Err(problem), file) => {
                if let Some(FilePart { file, .. }) = file {
                    discard(knowledge, file).await;
                }
                Err(problem)
            }
        }
    }

    async fn take(
        &mut self,
        knowledge: &Handle<Knowledge>,
        whose: (Reach, InstanceId),
        file: &mut Option<FilePart>,
    ) -> Result<Map<String, Value>, Problem> {
        let mut fields = Map::new();
        for _field in 0..FIELDS_MAX {
            let Some(field) = self.parts.next().await else { return Ok(fields) };
            let field = field.map_err(|error| broken(&error))?;
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                if file.is_some() {
                    return Err(invalid("file", "must not be given more than once"));
                }
                take_file(field, knowledge, whose, self.limits, file).await?;
                continue;
            }
            let text = text_of(field, &name).await?;
            if fields.insert(name.clone(), Value::String(text)).is_some() {
                return Err(invalid(&name, "must not be given more than once"));
            }
        }
        Err(Problem::new(ErrorCode::BadRequest)
            .detail(format!("a form may have {FIELDS_MAX} fields at most")))
    }
}

impl Received {
    pub(super) const fn file(&self) -> Uuid {
        self.file
    }

    pub(super) fn file_name(&self) -> Option<String> {
        self.file_name.clone()
    }

    pub(super) fn bytes(&self) -> i64 {
        i64::try_from(self.bytes).unwrap_or(i64::MAX)
    }

    pub(super) const fn content_hash(&self) -> ContentHash {
        self.hash
    }

    pub(super) const fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The key that the form may be sent again with: the same file under another border is the same form.
    pub(super) fn key(&self) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(text) = &self.key else { return Ok(None) };
        let body = json!({"fields": self.fields, "file": self.hash.as_bytes(), "file_name": self.file_name});
        IdempotencyKey::new(text, &self.path, &body).map(Some).ok_or_else(no_key)
    }

    pub(super) async fn discard(&self, knowledge: &Handle<Knowledge>) {
        discard(knowledge, self.file).await;
    }
}

struct FilePart {
    file: Uuid,
    name: Option<String>,
    bytes: u64,
    hasher: ContentHasher,
    pieces: i32,
}

async fn take_file(
    mut field: Field,
    knowledge: &Handle<Knowledge>,
    (reach, instance): (Reach, InstanceId),
    limits: UploadLimits,
    file: &mut Option<FilePart>,
) -> Result<(), Problem> {
    let name = field.content_disposition().and_then(|it| it.get_filename().map(str::to_owned));
    let name = match name.filter(|name| !name.is_empty()) {
        Some(name) => Some(
            rules::file_name(&name).map_err(|fault| invalid("file", &format!("has a name that {fault}")))?,
        ),
        None => None,
    };
    let mut bytes = 0;
    loop {
        let (piece, is_last) = next_piece(&mut field).await?;
        bytes += piece.len() as u64;
        if bytes > limits.file_bytes_max {
            return Err(too_large(limits.file_bytes_max));
        }
        match file {
            None if piece.is_empty() => return Err(invalid("file", "must not be empty")),
            None => {
                let mut hasher = ContentHasher::of_bytes();
                hasher.update(&piece);
                let wish = BeginUpload { reach, instance, name: name.clone(), first: piece };
                let begun = knowledge.ask(wish).await?;
                *file = Some(FilePart { file: begun, name: name.clone(), bytes, hasher, pieces: 1 });
            }
            Some(_) if piece.is_empty() => {}
            Some(part) => {
                part.hasher.update(&piece);
                part.bytes = bytes;
                let piece = AppendPiece { file: part.file, number: part.pieces, bytes: piece };
                part.pieces += 1;
                knowledge.ask(piece).await?;
            }
        }
        if is_last {
            return Ok(());
        }
    }
}

/// As much as makes a piece, and whether that was the end.
async fn next_piece(field: &mut Field) -> Result<(Vec<u8>, bool), Problem> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    while piece.len() < PIECE_BYTES {
        let Some(chunk) = field.next().await else { return Ok((piece, true)) };
        piece.extend_from_slice(&chunk.map_err(|error| broken(&error))?);
    }
    Ok((piece, false))
}

async fn text_of(mut field: Field, name: &str) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| broken(&error))?);
        if bytes.len() > FIELD_BYTES_MAX {
            return Err(invalid(name, &format!("must be at most {FIELD_BYTES_MAX} bytes long")));
        }
    }
    String::from_utf8(bytes).map_err(|_not_utf8| invalid(name, "must be a text in UTF-8"))
}

/// Whatever comes of it: what is not forgotten now is swept away later.
async fn discard(knowledge: &Handle<Knowledge>, file: Uuid) {
    if let Err(error) = knowledge.ask(DiscardUpload { file }).await {
        tracing::debug!(%error, "an upload that came to nothing is left to retention");
    }
}

fn invalid(field: &str, message: &str) -> Problem {
    Problem::invalid(vec![FieldError { field: field.to_owned(), message: message.to_owned() }])
}

fn broken(error: &MultipartError) -> Problem {
    Problem::new(ErrorCode::BadRequest).detail(format!("the form cannot be read: {error}"))
}

fn too_large(bytes_max: u64) -> Problem {
    Problem::new(ErrorCode::PayloadTooLarge).detail(format!("a file may have {bytes_max} bytes at most"))
}
