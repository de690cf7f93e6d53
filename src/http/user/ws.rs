//! The door to the sockets, and to whatever else tells what happens.

use std::time::Instant;

use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use utoipa::IntoParams;

use crate::actors::accounts::{Accounts, RedeemTicket};
use crate::actors::revocations::RevocationView;
use crate::actors::system::{AskError, Handle};
use crate::actors::teams::{ListMemberships, Teams};
use crate::actors::ws_sessions::{Join, JoinError, Joined, WebsocketSettings, WsSessions};
use crate::http::extract::Parameters;
use crate::http::fields::{Fields, ReadFields, parsed, text};
use crate::http::identity::{authenticate, looked_at, permit, reach};
use crate::http::problem::Problem;
use crate::http::ws_session;
use crate::models::{ErrorCode, Permission, WebOrigins};

/// How often the teams of somebody are looked up whose memberships or credentials change meanwhile. Then they are told that the
/// service is busy.
const LOOKS_MAX: u32 = 3;

/// What sockets are opened with.
#[derive(Clone)]
pub struct SocketDoor {
    sessions: Handle<WsSessions>,
    /// For whoever has a seat: what they have missed does not wait for those who want one.
    history: Handle<WsSessions>,
    /// Asked whose things somebody may hear of, in a lane of the door's own.
    teams: Handle<Teams>,
    ended: RevocationView,
    heartbeat_seconds: u64,
    /// `None` for pages from anywhere.
    allowed_origins: Option<WebOrigins>,
}

impl SocketDoor {
    /// The door to the sessions of this replica.
    pub fn new(
        sessions: Handle<WsSessions>,
        teams: &Handle<Teams>,
        ended: RevocationView,
        settings: &WebsocketSettings,
    ) -> Self {
        let listed = &settings.allowed_origins;
        // A list that cannot be read was refused with the settings; here it allows nobody.
        let allowed_origins = (!listed.is_empty()).then(|| WebOrigins::read(listed).unwrap_or_default());
        let history = sessions.lane(settings.replay_pages_max);
        let heartbeat_seconds = settings.heartbeat_seconds;
        let teams = teams.lane(Teams::AT_THE_DOOR_MAX);
        Self { sessions, history, teams, ended, heartbeat_seconds, allowed_origins }
    }

    /// Gives a seat to who may have one. A ticket is used up by this, so whatever else can be wrong is looked at before.
    pub(super) async fn admit(
        &self,
        request: &HttpRequest,
        accounts: &Handle<Accounts>,
        ticket: Option<String>,
        since: Option<i64>,
    ) -> Result<Joined, Problem> {
        self.check_origin(request)?;
        let looked_at = looked_at(request).unwrap_or_else(Instant::now);
        let holder = match ticket {
            Some(ticket) => {
                let holder = accounts.ask(RedeemTicket { ticket }).await?;
                permit(request, holder, Permission::EventRead)?
            }
            None => authenticate(request, Permission::EventRead).await?,
        };
        let reach = reach(request, &holder, Permission::EventRead)?;
        let mut looks = 1;
        loop {
            // What is heard of between this look and the seat is found out by the place.
            let (_, teams_as_of) = self.ended.heard_since(u64::MAX);
            let teams = self.teams.ask(ListMemberships { reach }).await?;
            let join = Join { holder: holder.clone(), looked_at, teams, teams_as_of, since };
            match self.sessions.ask(join).await {
                Err(AskError::Reply(JoinError::Regrouped)) if looks < LOOKS_MAX => looks += 1,
                joined => return Ok(joined?),
            }
        }
    }

    pub(super) fn history(&self) -> Handle<WsSessions> {
        self.history.clone()
    }

    pub(super) fn heartbeat_seconds(&self) -> u64 {
        self.heartbeat_seconds
    }

    /// Browsers open sockets to anywhere for any page, and say which one it is. Whoever is no browser says nothing, or
    /// what it likes: this protects people, not us.
    fn check_origin(&self, request: &HttpRequest) -> Result<(), Problem> {
        let (Some(origin), Some(allowed)) = (request.headers().get(header::ORIGIN), &self.allowed_origins)
        else {
            return Ok(());
        };
        if allowed.admit(origin.as_bytes()) {
            return Ok(());
        }
        Err(Problem::new(ErrorCode::Forbidden).detail("this page may not listen here"))
    }
}

/// What may stand in the query string.
#[derive(Debug, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SocketParameters {
    /// A ticket from `POST /api/v1/ws/tickets`, in the place of the `Authorization` header.
    #[param(nullable = false)]
    ticket: Option<String>,
    /// Resume: what came after this position comes first.
    #[param(nullable = false, minimum = 0)]
    since: Option<i64>,
}

impl ReadFields for SocketParameters {
    fn read(fields: &mut Fields) -> Option<Self> {
        let ticket = fields.optional("ticket", text);
        let since = fields.optional("since", position);
        Some(Self { ticket: ticket?, since: since? })
    }
}

pub(super) fn position(value: Value) -> Result<i64, String> {
    const EXPECTED: &str = "a position: a whole number that is not negative";
    let position: i64 = parsed(value, EXPECTED)?;
    if position < 0 { Err(format!("must be {EXPECTED}")) } else { Ok(position) }
}

/// Open a WebSocket
///
/// The handshake of RFC 6455, with the `Authorization` header or, in a browser, with a `ticket`. Frames are JSON text, one
/// message each. The server begins with `{"type":"hello","session_id","position","heartbeat_seconds"}`; events come as
/// `{"type":"event","position","event","data"}`. With `since`, what was missed comes first and ends with
/// `{"type":"resumed","from","to","replayed"}`, or `{"type":"gap","from","to"}` where the history no longer reaches so far back:
/// reload by REST then. Every `heartbeat_seconds` comes `{"type":"heartbeat","position"}`: remember the last position.
///
/// The client may send `{"type":"subscribe","channels":["instances","instance:<id>", ...]}`, `unsubscribe` with the same
/// form, and `{"type":"ping"}`. Without a subscription everything that is yours is sent.
///
/// Before a close comes `{"type":"error","code","detail"}`. Close codes that ask for a new connection with `since`: 1001, 1012 and 1013;
/// 4401 asks to sign in first.
#[utoipa::path(
    get, path = "/api/v1/ws", tag = "Live", operation_id = "openSocket", security(("bearer" = ["event:read"]), ()),
    params(SocketParameters),
    responses((status = 101, description = "The connection is a WebSocket from now on.")),
    extensions(("x-problems" = json!(["forbidden", "rate_limited"])))
)]
pub(super) async fn open(
    request: HttpRequest,
    payload: Payload,
    Parameters(SocketParameters { ticket, since }): Parameters<SocketParameters>,
    accounts: Data<Handle<Accounts>>,
    door: Data<SocketDoor>,
) -> Result<HttpResponse, Problem> {
    ws_session::check_upgrade(&request)?;
    let joined = door.admit(&request, &accounts, ticket, since).await?;
    ws_session::open(&request, payload, door.history(), joined, since, door.heartbeat_seconds)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use proptest::prelude::*;

    use super::*;
    use crate::actors::system::AskLimits;

    fn read(pairs: &[(&str, &str)]) -> Result<SocketParameters, Vec<String>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fields::read_query(pairs).map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn since_is_a_position_or_nothing() {
        assert_eq!(read(&[]), Ok(SocketParameters { ticket: None, since: None }));
        assert_eq!(
            read(&[("ticket", "t"), ("since", "17")]),
            Ok(SocketParameters { ticket: Some("t".to_owned()), since: Some(17) })
        );
        for not_one in ["", "-1", "1.5", "x", "9223372036854775808"] {
            assert_eq!(read(&[("since", not_one)]), Err(vec!["since".to_owned()]), "{not_one}");
        }
        assert_eq!(read(&[("sinc", "1")]), Err(vec!["sinc".to_owned()]));
    }

    #[test]
    fn only_pages_that_are_allowed_open_sockets() {
        let read = |origins: &[&str]| {
            let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
            (!origins.is_empty()).then(|| WebOrigins::read(&origins).unwrap())
        };
        let door = |origins: &[&str]| SocketDoor {
            history: Handle::new(WsSessions::NAME, AskLimits::default()),
            teams: Handle::new(Teams::NAME, AskLimits::default()),
            ended: RevocationView::default(),
            sessions: Handle::new(WsSessions::NAME, AskLimits::default()),
            heartbeat_seconds: 1,
            allowed_origins: read(origins),
        };
        let from =
            |origin: &str| TestRequest::get().insert_header((header::ORIGIN, origin)).to_http_request();
        let nobody = TestRequest::get().to_http_request();
        let app = ["https://app.example.com"];
        assert!(door(&[]).check_origin(&from("https://evil.example.com")).is_ok());
        assert!(door(&app).check_origin(&from("https://App.example.com")).is_ok());
        assert!(door(&app).check_origin(&nobody).is_ok());
        assert!(door(&app).check_origin(&from("https://evil.example.com")).is_err());
        assert!(door(&app).check_origin(&from("null")).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_position_that_is_not_negative_or_a_fault(text in "[+-]?[0-9]{1,21}|.{0,30}") {
            let read = position(Value::String(text.clone()));
            let expected = text.parse::<i128>().ok().filter(|number| (0..=i128::from(i64::MAX)).contains(number));
            prop_assert_eq!(read.as_ref().ok().map(|number| i128::from(*number)), expected);
            prop_assert!(read.is_ok() || read.is_err_and(|fault| fault.len() < 100));
        }
    }
}
