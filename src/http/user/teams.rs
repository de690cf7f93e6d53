//! A user's teams.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::system::Handle;
use crate::actors::teams::{CreateTeam, DeleteTeam, FindTeam, ListTeams, RenameTeam, Teams, rules};
use crate::http::PREFIX;
use crate::http::conditional::{EntityTag, IfMatch, IfNoneMatch};
use crate::http::extract::{Body, Id, Parameters};
use crate::http::fields::{Fields, ReadFields, text};
use crate::http::idempotency::{Keyed, REPLAYED};
use crate::http::identity::{Reaching, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::{
    ErrorCode, Made, Origin, Page, Reach, Team, TeamId, TeamMember, TeamRole, UserId, WholeTeam,
};

/// A team that you are in.
#[derive(Serialize, ToSchema)]
#[schema(as = TeamSummary, example = json!({
    "id": "0199a3f1-52aa-7d1c-9b3e-5a6f7c8d9e10", "name": "Sales", "role": "owner",
    "created_at": "2026-11-20T09:00:00Z", "updated_at": "2026-11-20T09:00:00Z"
}))]
pub(super) struct SummaryView {
    id: TeamId,
    name: String,
    /// Your own.
    role: TeamRole,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Team> for SummaryView {
    fn from(team: Team) -> Self {
        let Team { id, name, role, revision: _, created_at, updated_at } = team;
        Self { id, name, role, created_at, updated_at }
    }
}

/// A team with its members.
#[derive(Serialize, ToSchema)]
#[schema(as = Team, example = json!({
    "id": "0199a3f1-52aa-7d1c-9b3e-5a6f7c8d9e10", "name": "Sales", "role": "owner",
    "members": [{
        "user_id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01", "username": "ada", "role": "owner", "since": "2026-11-20T09:00:00Z"
    }],
    "created_at": "2026-11-20T09:00:00Z", "updated_at": "2026-11-20T09:00:00Z"
}))]
pub(super) struct TeamView {
    id: TeamId,
    name: String,
    /// Your own.
    role: TeamRole,
    /// In the order in which they came.
    members: Vec<MemberView>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TeamMember)]
struct MemberView {
    user_id: UserId,
    username: String,
    role: TeamRole,
    since: Timestamp,
}

impl From<WholeTeam> for TeamView {
    fn from(WholeTeam { team, members }: WholeTeam) -> Self {
        let Team { id, name, role, revision: _, created_at, updated_at } = team;
        let members = members.into_iter().map(MemberView::from).collect();
        Self { id, name, role, members, created_at, updated_at }
    }
}

impl From<TeamMember> for MemberView {
    fn from(TeamMember { user_id, username, role, since }: TeamMember) -> Self {
        Self { user_id, username, role, since }
    }
}

/// Names the state that a team is in, members included.
pub(super) fn tag(WholeTeam { team, .. }: &WholeTeam) -> EntityTag {
    EntityTag::of_revision(team.id, team.revision)
}

/// The revision that the caller has seen, if it makes that a condition.
pub(super) async fn expected(
    seen: &IfMatch,
    teams: &Handle<Teams>,
    reach: Reach,
    id: TeamId,
) -> Result<Option<i64>, Problem> {
    let reach = reach.to_see();
    let current = async || Ok(teams.ask(FindTeam { reach, id }).await?.team.revision);
    seen.revision(id, current).await
}

/// A new team.
#[derive(ToSchema)]
#[schema(as = NewTeam, example = json!({"name": "Sales"}))]
pub(super) struct Wish {
    /// 1 to 100 characters without the space around them, none of them a control character.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    name: String,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", |value| rules::name(&text(value)?));
        Some(Self { name: name? })
    }
}

/// Make a team
///
/// You are its owner, and its only member at first.
#[utoipa::path(
    post, path = "/api/v1/teams", tag = "Teams", operation_id = "createTeam", security(("bearer" = ["team:create"])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]*$",
        description = "Makes it safe to send the same body again within 24 hours: it is done once, and answered as the first time.",
        example = "9f3c6a2e-team-form")),
    request_body = Wish,
    responses((
        status = 201, description = "The team.", body = TeamView,
        headers(
            ("Location" = String, description = "Its path."),
            ("Idempotency-Replayed" = bool, description = "`true` when it was made before, under the same key.")
        )
    )),
    extensions(("x-problems" = json!(["quota_exceeded", "idempotency_key_reused", "bad_request", "user_not_found"])))
)]
pub(super) async fn create(
    caller: Reaching<needs::TeamCreate>,
    origin: Origin,
    teams: Data<Handle<Teams>>,
    Keyed(Wish { name }, key): Keyed<Wish>,
) -> Result<HttpResponse, Problem> {
    // The key of a team reaches that team and nothing else, so also no new one.
    if caller.reach.team_only.is_some() {
        return Err(Problem::new(ErrorCode::Forbidden).detail("a team's API key makes no other teams"));
    }

    let made = teams.ask(CreateTeam { owner: caller.id(), name, key, origin }).await?;

    let Made { thing: team, is_replayed } = made;
    let location = format!("{PREFIX}/teams/{}", team.team.id);
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, location));
    answer.insert_header(tag(&team).header());
    if is_replayed {
        answer.insert_header(REPLAYED);
    }
    Ok(answer.json(TeamView::from(team)))
}

/// The parameters of the list.
pub(super) struct TeamPage(Paging);

impl ReadFields for TeamPage {
    fn read(fields: &mut Fields) -> Option<Self> {
        Paging::take(fields, |cursor| cursor.uuid().is_ok()).map(Self)
    }
}

/// List your teams
///
/// Those that you are in, the newest first, with your role in each.
#[utoipa::path(
    get, path = "/api/v1/teams", tag = "Teams", operation_id = "listTeams", security(("bearer" = ["team:read"])),
    params(Paging),
    responses((status = 200, description = "A page of teams.", body = Page<SummaryView>))
)]
pub(super) async fn list(
    caller: Reaching<needs::TeamRead>,
    teams: Data<Handle<Teams>>,
    Parameters(TeamPage(paging)): Parameters<TeamPage>,
) -> Result<HttpResponse, Problem> {
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(TeamId);

    let page = teams.ask(ListTeams { reach: caller.reach, before, limit: paging.limit }).await?;

    Ok(HttpResponse::Ok().json(page.map(SummaryView::from)))
}

/// Show a team
///
/// One that you are in, with all of its members.
#[utoipa::path(
    get, path = "/api/v1/teams/{id}", tag = "Teams", operation_id = "getTeam", security(("bearer" = ["team:read"])),
    params(("id" = TeamId, Path, description = "Which team.", example = "0199a3f1-52aa-7d1c-9b3e-5a6f7c8d9e10"), IfNoneMatch),
    responses((status = 200, description = "The team.", body = TeamView)),
    extensions(("x-problems" = json!(["team_not_found"])))
)]
pub(super) async fn show(
    caller: Reaching<needs::TeamRead>,
    teams: Data<Handle<Teams>>,
    Id(id): Id<TeamId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let team = teams.ask(FindTeam { reach: caller.reach, id }).await?;

    let tag = tag(&team);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(TeamView::from(team))))
}

/// What to change of a team. What is left out stays as it is.
#[derive(ToSchema)]
#[schema(as = TeamChange, example = json!({"name": "Sales, Europe"}))]
pub(super) struct Change {
    /// Another name, by the same rules as for a new team.
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    name: Option<String>,
}

impl ReadFields for Change {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.optional("name", |value| rules::name(&text(value)?));
        Some(Self { name: name? })
    }
}

/// Change a team
///
/// An owner gives it another name.
#[utoipa::path(
    patch, path = "/api/v1/teams/{id}", tag = "Teams", operation_id = "changeTeam", security(("bearer" = ["team:manage"])),
    params(("id" = TeamId, Path, description = "Which team.", example = "0199a3f1-52aa-7d1c-9b3e-5a6f7c8d9e10"), IfMatch),
    request_body = Change,
    responses((status = 200, description = "The team with the change in it.", body = TeamView)),
    extensions(("x-problems" = json!(["team_not_found"])))
)]
pub(super) async fn change(
    caller: Reaching<needs::TeamManage>,
    origin: Origin,
    teams: Data<Handle<Teams>>,
    Id(id): Id<TeamId>,
    seen: IfMatch,
    Body(Change { name }): Body<Change>,
) -> Result<HttpResponse, Problem> {
    let reach = caller.reach;
    let expected_revision = expected(&seen, &teams, reach, id).await?;

    let team = teams.ask(RenameTeam { reach, id, name, expected_revision, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(tag(&team).header()).json(TeamView::from(team)))
}

/// Delete a team
///
/// An owner deletes it when no instance belongs to it any more; all memberships end with it.
#[utoipa::path(
    delete, path = "/api/v1/teams/{id}", tag = "Teams", operation_id = "deleteTeam", security(("bearer" = ["team:manage"])),
    params(("id" = TeamId, Path, description = "Which team.", example = "0199a3f1-52aa-7d1c-9b3e-5a6f7c8d9e10"), IfMatch),
    responses((status = 204, description = "It is deleted.")),
    extensions(("x-problems" = json!(["team_not_found", "team_in_use"])))
)]
pub(super) async fn delete(
    caller: Reaching<needs::TeamManage>,
    origin: Origin,
    teams: Data<Handle<Teams>>,
    Id(id): Id<TeamId>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let reach = caller.reach;
    let expected_revision = expected(&seen, &teams, reach, id).await?;

    teams.ask(DeleteTeam { reach, id, expected_revision, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}
