//! What has become of an instance, event by event.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::actors::instances::{Instances, ListInstanceEvents};
use crate::actors::system::Handle;
use crate::http::extract::{Id, Parameters};
use crate::http::fields::{Fields, ReadFields, parsed};
use crate::http::identity::{Reaching, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::{ErrorCode, InstanceId, Page, PageLimit, PastEvent};

/// Which part of a history is wanted: after a cursor, or after a position that the client knows from an event.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Span {
    /// Only what came after this position, which stands in each event. A `cursor` goes before it.
    #[param(value_type = Option<i64>, nullable = false)]
    after: i64,
    #[param(ignore)]
    limit: PageLimit,
}

impl ReadFields for Span {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.number().is_ok());
        let after = fields.optional("after", |value| parsed(value, "a position, a whole number"));
        let (paging, after) = (paging?, after?);
        let cursor = paging.cursor.and_then(|cursor| cursor.number().ok());
        Some(Self { after: cursor.or(after).unwrap_or_default(), limit: paging.limit })
    }
}

/// A page of events, each as it stood on the bus, with `actor` and `request_id`.
#[derive(Serialize, ToSchema)]
#[schema(as = EventPage, example = json!({"items": [{
    "event_id": "0199a3f0-11f4-7a11-8c0d-5b7f2f9e1a04", "event_type": "instance.created", "schema_version": 1,
    "position": 1041, "occurred_at": "2026-11-20T09:12:30.5Z", "instance_id": "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02",
    "agent_id": 7, "user_id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01", "team_id": null, "config": {"region": "EU"},
    "created_at": "2026-11-20T09:12:30.5Z", "status": "pending", "revision": 1,
    "actor": {"kind": "user", "id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01"}, "request_id": "0199a3f0-11f0-7c52-9a3e-6d1b0c4f8e21"
}], "next_cursor": null}))]
pub(super) struct EventsView {
    /// The events, the oldest first. Each has `event_id`, `event_type`, `schema_version`, `position`, `occurred_at` and
    /// the fields of its type. `actor` is who brought it about: `kind` is `user` or `api_key`, with the user's `id`; or
    /// `administrator`, `command`, `database` (plain SQL), `worker` (the platform), without one. It is `null` where it was not
    /// written down. `request_id` is the request that it followed from, also what a worker did because of it; or `null`.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Box<RawValue>>,
    /// Where the next page begins, or `null` on the last one.
    next_cursor: Option<String>,
}

impl TryFrom<Page<PastEvent>> for EventsView {
    type Error = serde_json::Error;

    fn try_from(page: Page<PastEvent>) -> Result<Self, Self::Error> {
        let items = page.items.iter().map(|past| RawValue::from_string(past.body()?));
        Ok(Self { items: items.collect::<Result<_, _>>()?, next_cursor: page.next_cursor })
    }
}

/// Show an instance's history
///
/// Every event of it that was published, the oldest first. To follow it from there on, open the WebSocket with `since` set to
/// the last position.
#[utoipa::path(
    get, path = "/api/v1/instances/{id}/events", tag = "Instances", operation_id = "listInstanceEvents",
    security(("bearer" = ["instance:read"])),
    params(
        ("id" = InstanceId, Path, description = "Which instance.", example = "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02"),
        Paging, Span
    ),
    responses((status = 200, description = "A page of events.", body = EventsView)),
    extensions(("x-problems" = json!(["instance_not_found"])))
)]
pub(super) async fn list(
    caller: Reaching<needs::InstanceRead>,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
    Parameters(Span { after, limit }): Parameters<Span>,
) -> Result<HttpResponse, Problem> {
    let page = instances.ask(ListInstanceEvents { reach: caller.reach, id, after, limit }).await?;

    let view = EventsView::try_from(page).map_err(|error| {
        tracing::error!(%error, "an event of the log is no JSON");
        Problem::new(ErrorCode::Internal)
    })?;
    Ok(HttpResponse::Ok().json(view))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Cursor;

    #[test]
    fn a_cursor_goes_on_from_where_it_was_given_whatever_the_first_page_came_after() {
        let read = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Fields::read_query::<Span>(pairs).map(|span| span.after)
        };
        let cursor = Cursor::Number(9).encode();
        assert_eq!(read(&[]), Ok(0));
        assert_eq!(read(&[("after", "5")]), Ok(5));
        assert_eq!(read(&[("after", "5"), ("cursor", &cursor)]), Ok(9));
        assert!(read(&[("after", "x")]).is_err());
    }
}
