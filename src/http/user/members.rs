//! Who is in a team.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::teams::{TeamView, expected, tag};
use crate::actors::system::Handle;
use crate::actors::teams::{PutMember, RemoveMember, Teams};
use crate::http::conditional::IfMatch;
use crate::http::extract::Body;
use crate::http::fields::{Fields, ReadFields, parsed};
use crate::http::identity::{Reaching, needs, permit, reach};
use crate::http::problem::Problem;
use crate::models::{ErrorCode, Origin, Permission, TeamId, TeamRole, UserId};

/// What a member may do from now on.
#[derive(ToSchema)]
#[schema(as = Membership, example = json!({"role": "developer"}))]
pub(super) struct Wish {
    role: TeamRole,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let role = fields.required("role", |value| parsed(value, "owner, developer or viewer"));
        Some(Self { role: role? })
    }
}

/// The team and the user in the path. A text that is no id names nothing that there is.
fn named(path: &Path<(String, String)>) -> Result<(TeamId, UserId), Problem> {
    let (team, user) = path.as_ref();
    let team = team.parse().map_err(|_no_id| Problem::new(ErrorCode::TeamNotFound))?;
    let user = user.parse().map_err(|_no_id| Problem::new(ErrorCode::UserNotFound))?;
    Ok((team, user))
}

/// Add a member, or change a member's role
///
/// An owner does this. The user hears of the team from now on: open sockets are closed with 1012 (another role: with 4401), and have
/// the new rights when they come again. A team keeps at least one owner.
#[utoipa::path(
    put, path = "/api/v1/teams/{id}/members/{user_id}", tag = "Teams", operation_id = "putTeamMember",
    security(("bearer" = ["team:manage"])),
    params(
        ("id" = TeamId, Path, description = "Which team.", example = "0199a3f1-52aa-7d1c-9b3e-5a6f7c8d9e10"),
        ("user_id" = UserId, Path, description = "Whom.", example = "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01"),
        IfMatch
    ),
    request_body = Wish,
    responses((status = 200, description = "The team with the member in it.", body = TeamView)),
    extensions(("x-problems" = json!(["team_not_found", "user_not_found", "last_owner", "team_closing", "quota_exceeded"])))
)]
pub(super) async fn put(
    caller: Reaching<needs::TeamManage>,
    origin: Origin,
    teams: Data<Handle<Teams>>,
    path: Path<(String, String)>,
    seen: IfMatch,
    Body(Wish { role }): Body<Wish>,
) -> Result<HttpResponse, Problem> {
    let reach = caller.reach;
    let (id, user_id) = named(&path)?;
    let expected_revision = expected(&seen, &teams, reach, id).await?;

    let team = teams.ask(PutMember { reach, id, user_id, role, expected_revision, origin }).await?;

    Ok(HttpResponse::Ok().insert_header(tag(&team).header()).json(TeamView::from(team)))
}

/// Remove a member
///
/// An owner does this (`team:manage`), and everybody may leave: for that, an API key needs `team:manage`, too. From the answer on the
/// user reaches nothing of the team, on any connection: open sockets are closed with 4401. The last owner cannot leave.
#[utoipa::path(
    delete, path = "/api/v1/teams/{id}/members/{user_id}", tag = "Teams", operation_id = "removeTeamMember",
    security(("bearer" = ["team:read"])),
    params(
        ("id" = TeamId, Path, description = "Which team.", example = "0199a3f1-52aa-7d1c-9b3e-5a6f7c8d9e10"),
        ("user_id" = UserId, Path, description = "Whom.", example = "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01"),
        IfMatch
    ),
    responses((status = 204, description = "The user is not in the team.")),
    extensions(("x-problems" = json!(["team_not_found", "member_not_found", "user_not_found", "last_owner"])))
)]
pub(super) async fn remove(
    request: HttpRequest,
    caller: Reaching<needs::TeamRead>,
    origin: Origin,
    teams: Data<Handle<Teams>>,
    path: Path<(String, String)>,
    seen: IfMatch,
) -> Result<HttpResponse, Problem> {
    let (id, user_id) = named(&path)?;
    let leaves = user_id == caller.id() && caller.holder.granted().has(Permission::TeamManage);
    if !leaves {
        permit(&request, caller.holder.clone(), Permission::TeamManage)?;
    }
    let reach = reach(&request, &caller.holder, Permission::TeamManage)?;
    let expected_revision = expected(&seen, &teams, reach, id).await?;

    teams.ask(RemoveMember { reach, id, user_id, expected_revision, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}
