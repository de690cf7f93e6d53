//! A user's instances.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::view::InstanceView;
use crate::actors::instances::{
    CreateInstance, DeleteInstance, ExplainInstance, FindInstance, Instances, ListInstanceEvents,
    ListInstances, PatchInstance, StartInstance, StopInstance, rules,
};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::extract::{Body, Id, Parameters};
use crate::http::fields::{Fields, ReadFields, parsed, text, whole_number};
use crate::http::idempotency::{Keyed, REPLAYED};
use crate::http::identity::CurrentUser;
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::http::standing::StandingView;
use crate::models::{
    AgentId, InstanceId, InstancePatch, InstanceStatus, KnowledgeBaseId, Made, NewInstance, Origin, Page,
    PageLimit, StoredEvent, UserId,
};

/// A wish for an instance, without its owner. Teams (`team_id`) have their place here.
pub(super) struct Wish {
    agent_id: AgentId,
    title: String,
    user_config: Option<Value>,
    pipeline_config: Option<Value>,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let agent_id = fields.required("agent_id", |value| whole_number(value).map(AgentId));
        let title = fields.required("title", |value| rules::title(&text(value)?));
        let user_config = fields.nullable("user_config", rules::config);
        let pipeline_config = fields.nullable("pipeline_config", rules::config);
        Some(Self {
            agent_id: agent_id?,
            title: title?,
            user_config: user_config?,
            pipeline_config: pipeline_config?,
        })
    }
}

impl Wish {
    fn of(self, owner: UserId, origin: Origin) -> NewInstance {
        let empty = || Value::Object(serde_json::Map::new());
        NewInstance {
            id: InstanceId::new(),
            knowledge_base_id: KnowledgeBaseId::new(),
            agent_id: self.agent_id,
            user_id: owner,
            team_id: None,
            title: self.title,
            user_config: self.user_config.unwrap_or_else(empty),
            pipeline_config: self.pipeline_config.unwrap_or_else(empty),
            origin,
        }
    }
}

/// `POST /instances`
pub(super) async fn create(
    owner: CurrentUser,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Keyed(wish, key): Keyed<Wish>,
) -> Result<HttpResponse, Problem> {
    let wish = wish.of(owner.id(), origin);

    let Made { thing: instance, is_replayed } = instances.ask(CreateInstance { wish, key }).await?;

    let location = format!("{PREFIX}/instances/{}", instance.id);
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, location));
    if is_replayed {
        answer.insert_header(REPLAYED);
    }
    Ok(answer.json(InstanceView::from(instance)))
}

/// Which of a user's instances a list shows.
pub(super) struct Selection {
    paging: Paging,
    status: Option<InstanceStatus>,
    agent_id: Option<AgentId>,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.uuid().is_ok());
        let statuses = "pending, provisioning, running, failed or stopped";
        let status = fields.optional("status", |value| parsed(value, statuses));
        let agent_id = fields.optional("agent_id", |value| parsed(value, "a whole number"));
        Some(Self { paging: paging?, status: status?, agent_id: agent_id? })
    }
}

/// `GET /instances`
pub(super) async fn list(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Parameters(selection): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let Selection { paging, status, agent_id } = selection;
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(InstanceId);
    let question = ListInstances { owner: owner.id(), status, agent_id, before, limit: paging.limit };

    let page = instances.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(InstanceView::from)))
}

/// `GET /instances/{id}`
pub(super) async fn show(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(FindInstance { owner: owner.id(), id }).await?;

    Ok(HttpResponse::Ok().json(InstanceView::from(instance)))
}

/// What a user changes of an instance.
pub(super) struct Change(InstancePatch);

impl ReadFields for Change {
    fn read(fields: &mut Fields) -> Option<Self> {
        let title = fields.optional("title", |value| rules::title(&text(value)?));
        let user_config = fields.optional("user_config", rules::config);
        let pipeline_config = fields.optional("pipeline_config", rules::config);
        Some(Self(InstancePatch {
            title: title?,
            user_config: user_config?,
            pipeline_config: pipeline_config?,
            expected_revision: None,
            origin: Origin::default(),
        }))
    }
}

/// `PATCH /instances/{id}`
pub(super) async fn change(
    owner: CurrentUser,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
    Body(Change(patch)): Body<Change>,
) -> Result<HttpResponse, Problem> {
    let instance = instances
        .ask(PatchInstance { owner: owner.id(), id, patch: InstancePatch { origin, ..patch } })
        .await?;

    Ok(HttpResponse::Ok().json(InstanceView::from(instance)))
}

/// `DELETE /instances/{id}`
pub(super) async fn delete(
    owner: CurrentUser,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    instances.ask(DeleteInstance { owner: owner.id(), id, expected_revision: None, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// `POST /instances/{id}/stop`
pub(super) async fn stop(
    owner: CurrentUser,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(StopInstance { owner: owner.id(), id, origin }).await?;

    Ok(HttpResponse::Accepted().json(InstanceView::from(instance)))
}

/// `POST /instances/{id}/start`
pub(super) async fn start(
    owner: CurrentUser,
    origin: Origin,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let instance = instances.ask(StartInstance { owner: owner.id(), id, origin }).await?;

    Ok(HttpResponse::Accepted().json(InstanceView::from(instance)))
}

/// `GET /instances/{id}/explain`
pub(super) async fn explain(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
) -> Result<HttpResponse, Problem> {
    let standing = instances.ask(ExplainInstance { owner: owner.id(), id }).await?;

    Ok(HttpResponse::Ok().json(StandingView::from(&standing)))
}

/// Which part of a history is wanted: after a cursor, or after a position that the client knows from an event.
pub(super) struct Span {
    after: i64,
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

/// A page of events, each as it stood on the bus.
#[derive(Serialize)]
struct EventsView {
    items: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

impl TryFrom<Page<StoredEvent>> for EventsView {
    type Error = serde_json::Error;

    fn try_from(page: Page<StoredEvent>) -> Result<Self, Self::Error> {
        let items = page.items.iter().map(|event| RawValue::from_string(event.message_body()));
        Ok(Self { items: items.collect::<Result<_, _>>()?, next_cursor: page.next_cursor })
    }
}

/// `GET /instances/{id}/events`
pub(super) async fn events(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
    Id(id): Id<InstanceId>,
    Parameters(Span { after, limit }): Parameters<Span>,
) -> Result<HttpResponse, Problem> {
    let page = instances.ask(ListInstanceEvents { owner: owner.id(), id, after, limit }).await?;

    let view = EventsView::try_from(page).map_err(|error| {
        tracing::error!(%error, "an event of the log is no JSON");
        Problem::new(crate::models::ErrorCode::Internal)
    })?;
    Ok(HttpResponse::Ok().json(view))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::models::Cursor;

    fn faulty<T: ReadFields>(body: Value) -> Vec<String> {
        let faults = Fields::read_body::<T>(body).err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_wish_has_empty_configurations_unless_it_brings_some() {
        let wish: Wish =
            Fields::read_body(json!({"agent_id": 7, "title": " Mine ", "user_config": null})).unwrap();
        let owner = UserId::new();
        let wish = wish.of(owner, Origin::default());
        assert_eq!((wish.agent_id, wish.user_id, wish.title.as_str()), (AgentId(7), owner, "Mine"));
        assert_eq!((wish.user_config, wish.pipeline_config), (json!({}), json!({})));
    }

    #[test]
    fn a_wish_is_told_all_of_its_faults() {
        let body = json!({"agent_id": "7", "title": "", "user_config": [], "user_id": "x"});
        assert_eq!(faulty::<Wish>(body), ["agent_id", "title", "user_config", "user_id"]);
    }

    #[test]
    fn a_change_may_leave_out_everything_and_null_is_no_value() {
        assert_eq!(faulty::<Change>(json!({})), [""; 0]);
        let nothing = json!({"title": null, "user_config": null, "status": "running"});
        assert_eq!(faulty::<Change>(nothing), ["title", "user_config", "status"]);
    }

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

    #[test]
    fn a_status_that_is_none_is_named() {
        let pairs = vec![("status".to_owned(), "dead".to_owned()), ("agent_id".to_owned(), "x".to_owned())];
        let faults = Fields::read_query::<Selection>(pairs).err().unwrap();
        assert_eq!(faults.len(), 2);
    }
}
