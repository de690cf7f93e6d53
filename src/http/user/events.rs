//! The same door for those who only read: an event stream.

use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use utoipa::IntoParams;

use super::ws::{SocketDoor, position};
use crate::actors::accounts::Accounts;
use crate::actors::system::Handle;
use crate::actors::ws_sessions::{Channel, Story, Subscription};
use crate::http::event_stream;
use crate::http::extract::Parameters;
use crate::http::fields::{Fields, ReadFields, text};
use crate::http::problem::{FieldError, Problem};

const LAST_EVENT_ID: &str = "Last-Event-ID";

/// What may stand in the query string.
#[derive(Debug, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamParameters {
    /// A ticket from `POST /api/v1/ws/tickets`, in the place of the `Authorization` header.
    #[param(nullable = false)]
    ticket: Option<String>,
    /// Resume: what came after this position comes first. `Last-Event-ID` wins over it: an `EventSource` that comes back
    /// asks for the same address as at first, and has come further since.
    #[param(nullable = false, minimum = 0)]
    since: Option<i64>,
    /// What to listen to, separated by commas: `all`, `instances`, `instance:<id>`, `executions`, `workflows`,
    /// `knowledge_bases`, `teams`. Everything that is yours, if it is left away.
    #[param(nullable = false, value_type = Option<String>)]
    channels: Subscription,
}

impl ReadFields for StreamParameters {
    fn read(fields: &mut Fields) -> Option<Self> {
        let ticket = fields.optional("ticket", text);
        let since = fields.optional("since", position);
        let channels = fields.optional("channels", subscription);
        Some(Self { ticket: ticket?, since: since?, channels: channels?.unwrap_or_default() })
    }
}

fn subscription(value: Value) -> Result<Subscription, String> {
    let names = text(value)?;
    let channels: Result<Vec<Channel>, _> = names.split(',').map(|name| name.trim().parse()).collect();
    let channels = channels.map_err(|unknown| format!("must be names of channels: {unknown}"))?;
    let mut subscription = Subscription::default();
    subscription.add(&channels).map_err(|too_many| format!("must name fewer: {too_many}"))?;
    Ok(subscription)
}

/// Where an `EventSource` stands that comes back. An empty one is as good as none: it says that there was no event yet.
fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let mut values = headers.get_all(LAST_EVENT_ID);
    let (Some(only), another) = (values.next(), values.next()) else { return Ok(None) };
    if only.is_empty() && another.is_none() {
        return Ok(None);
    }
    let id = only.to_str().ok().filter(|_| another.is_none()).unwrap_or_default();
    position(Value::String(id.to_owned())).map(Some).map_err(|message| {
        let fault = FieldError { field: LAST_EVENT_ID.to_owned(), message };
        Problem::invalid(vec![fault])
    })
}

/// Open an event stream
///
/// What the WebSocket tells, as server-sent events for an `EventSource` or `curl -N`: the same events, positions, limits
/// and rules. Each event has its position as `id`, its routing key as `event` and its body as `data`. In between come the
/// WebSocket's own frames, named after their `type`: `hello` first, `resumed` or `gap` after a resume, and `error` before
/// the end of the stream, which says why in its `code`. A heartbeat is a block with an `id` alone: no event, but the
/// client's last event id moves on.
///
/// The stream resumes after `Last-Event-ID`, which an `EventSource` sends by itself, or after `since`; the header wins. With
/// a ticket the address is good for one stream: get another ticket and open a new `EventSource` with `since` set to the
/// last `lastEventId`. An `EventSource` stops at the 401 that answers an ended sign-in; there is no 204, for nothing here
/// ends for good.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "Live", operation_id = "openEventStream", security(("bearer" = ["event:read"]), ()),
    params(
        StreamParameters,
        ("Last-Event-ID" = Option<i64>, Header, nullable = false, minimum = 0, description = "Resume: the `id` of the last event that was read."),
    ),
    responses((
        status = 200, description = "The stream, until one side ends it.", body = String, content_type = "text/event-stream",
        example = json!(
            "retry: 1873\nid: 40\nevent: hello\ndata: {\"type\":\"hello\",\"session_id\":\"019aa2b3-c4d5-7e6f-8a9b-0c1d2e3f0010\",\"position\":40,\"heartbeat_seconds\":25}\n\nid: 42\nevent: instance.updated\ndata: {\"position\":42,\"status\":\"running\"}\n\nid: 57\n\n"
        )
    )),
    extensions(("x-problems" = json!(["forbidden", "rate_limited"])))
)]
pub(super) async fn open(
    request: HttpRequest,
    Parameters(StreamParameters { ticket, since, channels }): Parameters<StreamParameters>,
    accounts: Data<Handle<Accounts>>,
    door: Data<SocketDoor>,
) -> Result<HttpResponse, Problem> {
    let since = last_event_id(request.headers())?.or(since);

    let joined = door.admit(&request, &accounts, ticket, since).await?;

    let mut story = Story::new(joined, since);
    *story.subscription() = channels;
    Ok(event_stream::open(&request, door.history(), story, door.heartbeat_seconds()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::models::ErrorCode;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            let name = HeaderName::from_static("last-event-id");
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn read(query: &[(&str, &str)]) -> Result<StreamParameters, Vec<String>> {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fields::read_query(pairs).map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn the_last_event_id_is_a_position_or_nothing() {
        let id = |values: &[&[u8]]| last_event_id(&headers(values)).map_err(|problem| problem.code());
        assert_eq!(id(&[]), Ok(None));
        assert_eq!(id(&[b""]), Ok(None));
        assert_eq!(id(&[b"17"]), Ok(Some(17)));
        let faults: [&[&[u8]]; 7] =
            [&[b"-1"], &[b"1.5"], &[b"x"], &[b"9223372036854775808"], &[b"\xff"], &[b"1", b"1"], &[b"", b""]];
        for not_one in faults {
            assert_eq!(id(not_one), Err(ErrorCode::ValidationFailed), "{not_one:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_the_header_it_is_a_position_or_a_problem(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static("last-event-id"), value);
            match last_event_id(&headers) {
                Ok(id) => prop_assert!(id.is_none_or(|id| id >= 0)),
                Err(problem) => prop_assert_eq!(problem.errors()[0].field.as_str(), LAST_EVENT_ID),
            }
        }
    }

    #[test]
    fn channels_are_named_as_on_the_socket() {
        let everything = Subscription::default();
        assert_eq!(read(&[]).unwrap().channels, everything);
        assert_eq!(read(&[("channels", "teams,all")]).unwrap().channels, everything);
        let some = read(&[("channels", "instances, executions")]).unwrap().channels;
        let names: Vec<String> = some.channels().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["instances", "executions"]);
        for unknown in ["", "agents", "instances,", "instance:7"] {
            assert_eq!(read(&[("channels", unknown)]), Err(vec!["channels".to_owned()]), "{unknown}");
        }
        let many: Vec<String> =
            (0..101).map(|_| format!("instance:{}", crate::models::InstanceId::new())).collect();
        assert_eq!(read(&[("channels", &many.join(","))]), Err(vec!["channels".to_owned()]));
    }
}
