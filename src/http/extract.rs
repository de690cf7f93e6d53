//! How handlers get at a request: its body, its query string and the id in its path, each with the contract's answers
//! when it is not what it should be.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{BytesMut, Data, Query};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use tokio::time::timeout;

use super::acting::actor;
use super::fields::{Fields, ReadFields};
use super::memory::{Held, Memory, NoRoom, footprint};
use super::problem::Problem;
use crate::models::{AgentId, EntryId, ErrorCode, InstanceId, Origin, TeamId};

/// What is read of a body, and how long it may take to come.
#[derive(Clone, Debug)]
pub(super) struct BodyLimits {
    /// More is answered with 413.
    pub(super) bytes_max: usize,
    /// Later is answered with 408.
    pub(super) within: Duration,
    /// What does not fit in beside the other requests is answered with 503.
    pub(super) memory: Memory,
}

/// A JSON body whose fields are known and keep their rules.
pub struct Body<T>(pub T);

impl<T: ReadFields> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = json_body(request, payload);
        Box::pin(async move { Fields::read_body(body.await?).map(Self).map_err(Problem::invalid) })
    }
}

/// The JSON body of a request, whatever is in it, within the limits.
pub(super) fn json_body(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Value, Problem>> + use<> {
    let readable = is_plain_json(request);
    let bytes = body_bytes(request, payload);
    async move {
        readable?;
        let bytes = bytes.await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Problem::new(ErrorCode::MalformedJson).detail(error.to_string()))
    }
}

/// The bytes of a body, whatever is in it, within the limits of the listener. Nothing is read before it is waited for.
///
/// They, and what they are going to be read into, are counted until the request is over.
pub(super) fn body_bytes(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<BytesMut, Problem>> + use<> {
    let limits = request.app_data::<Data<BodyLimits>>().cloned();
    let announced = announced_bytes(request);
    let (request, payload) = (request.clone(), payload.take());
    async move {
        let limits = limits.ok_or(Problem::new(ErrorCode::Internal))?;
        if announced.is_some_and(|bytes| bytes > limits.bytes_max) {
            return Err(too_large(limits.bytes_max));
        }
        let mut held = limits.memory.hold();
        let reading = read(payload, limits.bytes_max, &mut held);
        let late = |_elapsed| Problem::new(ErrorCode::RequestTimedOut);
        let bytes = timeout(limits.within, reading).await.map_err(late)??;
        held.take(footprint(&bytes))?;
        request.extensions_mut().insert(held);
        Ok(bytes)
    }
}

/// What a body calls itself, in lower case and without parameters; empty when it says nothing.
pub fn media_type(request: &HttpRequest) -> String {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a body would have to be unpacked first.
pub fn is_packed(request: &HttpRequest) -> bool {
    request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity")
}

/// Whether the body calls itself JSON, and nothing has to be unpacked first.
fn is_plain_json(request: &HttpRequest) -> Result<(), Problem> {
    let essence = media_type(request);
    let is_json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if is_json && !is_packed(request) {
        return Ok(());
    }
    let detail = "send the body as application/json, without a content encoding";
    Err(Problem::new(ErrorCode::UnsupportedMediaType).detail(detail))
}

fn announced_bytes(request: &HttpRequest) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(
    mut payload: impl Stream<Item = Result<actix_web::web::Bytes, actix_web::error::PayloadError>> + Unpin,
    bytes_max: usize,
    held: &mut Held,
) -> Result<BytesMut, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::new(ErrorCode::BadRequest).detail(error.to_string()))?;
        if body.len() + chunk.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        // As it comes, and not what was announced: who only promises a megabyte takes no room from others. What is counted is
        // the room that is made, which is more than the bytes in it.
        let before = body.capacity();
        body.reserve(chunk.len());
        held.take(body.capacity().saturating_sub(before))?;
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl From<NoRoom> for Problem {
    fn from(NoRoom: NoRoom) -> Self {
        Self::new(ErrorCode::ServiceBusy)
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(ErrorCode::PayloadTooLarge).detail(format!("a body may have {bytes_max} bytes at most"))
}

/// The parameters of a query string, all of them known: a filter that is not understood is not silently dropped.
pub struct Parameters<T>(pub T);

impl<T: ReadFields> FromRequest for Parameters<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
        let read = match pairs {
            Ok(pairs) => Fields::read_query(pairs.into_inner()).map(Self).map_err(Problem::invalid),
            Err(error) => Err(Problem::new(ErrorCode::BadRequest).detail(error.to_string())),
        };
        ready(read)
    }
}

/// A kind of id that stands in a path.
pub trait PathKey: FromStr {
    /// What a text that is no such id means: there can be no such thing.
    const MISSING: ErrorCode;
}

impl PathKey for AgentId {
    const MISSING: ErrorCode = ErrorCode::AgentNotFound;
}

impl PathKey for InstanceId {
    const MISSING: ErrorCode = ErrorCode::InstanceNotFound;
}

impl PathKey for TeamId {
    const MISSING: ErrorCode = ErrorCode::TeamNotFound;
}

/// The `{id}` of a path.
pub struct Id<T>(pub T);

impl<T: PathKey> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or(Problem::new(T::MISSING)))
    }
}

/// The `{entry_id}` of a path, beside the `{id}` of the instance.
pub struct InstanceEntry(pub InstanceId, pub EntryId);

impl FromRequest for InstanceEntry {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let part = |name: &str| request.match_info().get(name);
        let instance = part("id").and_then(|text| text.parse().ok());
        let entry = part("entry_id").and_then(|text| text.parse().ok());
        ready(match (instance, entry) {
            (None, _) => Err(Problem::new(ErrorCode::InstanceNotFound)),
            (_, None) => Err(Problem::new(ErrorCode::EntryNotFound)),
            (Some(instance), Some(entry)) => Ok(Self(instance, entry)),
        })
    }
}

/// What the changes follow from that a request makes, and who makes them; the middleware has read the one, the extractor of the
/// holder the other.
impl FromRequest for Origin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        // Whoever asks for the holder of the credential stands before this in the handler's arguments.
        let actor = actor(request);
        let origin = request.extensions().get::<Self>().cloned().map(|origin| origin.by(actor));
        ready(origin.ok_or(Problem::new(ErrorCode::Internal)))
    }
}
