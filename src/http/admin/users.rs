//! Everybody's accounts, as administrators see them and decide about them.

use actix_web::HttpResponse;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::actors::system::Handle;
use crate::actors::user_registry::{
    Decision, FindAnyUser, GovernUser, Governed, ListUsers, PasswordReset, ResetUsersPassword, UserRegistry,
};
use crate::http::conditional::{EntityTag, IfMatch, IfNoneMatch};
use crate::http::extract::{Body, Id, Parameters, PathKey};
use crate::http::fields::{Fault, Fields, ReadFields, parsed};
use crate::http::identity::{Caller, needs};
use crate::http::login::no_store;
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::document::whole;
use crate::models::{ErrorCode, Origin, OwnLimits, Page, Role, Usage, UserFilter, UserId};

impl PathKey for UserId {
    const MISSING: ErrorCode = ErrorCode::UserNotFound;
}

/// No user has as many; a limit beyond it is a mistake.
const INSTANCES_MAX: i64 = 1_000_000;
const KNOWLEDGE_ENTRIES_MAX: i64 = 1_000_000_000;
const KNOWLEDGE_BYTES_MAX: i64 = 1 << 50;

/// An account, as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = User, example = json!({
    "id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01", "username": "ada", "email": "ada@example.org", "role": "developer",
    "disabled_at": null,
    "quotas": {"instances_max": null, "knowledge_entries_max": null, "knowledge_bytes_max": null},
    "created_at": "2026-11-20T09:00:00Z", "updated_at": "2026-11-20T09:00:00Z"
}))]
pub(super) struct UserView {
    id: UserId,
    username: String,
    email: Option<String>,
    role: Role,
    /// Since when the account is closed to its owner: by an administrator, or for ever by the owner.
    disabled_at: Option<Timestamp>,
    quotas: QuotasView,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Limits of a user's own; `null` where what holds for everybody holds.
#[derive(Serialize, ToSchema)]
#[schema(as = UserQuotas)]
struct QuotasView {
    instances_max: Option<i64>,
    knowledge_entries_max: Option<i64>,
    knowledge_bytes_max: Option<i64>,
}

impl From<Usage> for QuotasView {
    fn from(usage: Usage) -> Self {
        let Usage { instances_max, knowledge_entries_max, knowledge_bytes_max, .. } = usage;
        Self { instances_max, knowledge_entries_max, knowledge_bytes_max }
    }
}

impl UserView {
    fn tag(governed: &Governed) -> EntityTag {
        let Governed { user, usage } = governed;
        let limits = [usage.instances_max, usage.knowledge_entries_max, usage.knowledge_bytes_max];
        let limits = limits.map(|limit| limit.unwrap_or(-1).to_string()).join("-");
        EntityTag::of_revision(format!("{}-{limits}", user.id), user.state())
    }
}

impl From<Governed> for UserView {
    fn from(Governed { user, usage }: Governed) -> Self {
        Self {
            id: user.id,
            username: user.username,
            email: user.email,
            role: user.role,
            disabled_at: user.disabled_at,
            quotas: usage.into(),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// Which accounts a list shows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    #[param(ignore)]
    paging: Paging,
    /// Only those of this role.
    #[param(nullable = false)]
    role: Option<Role>,
    /// Only those that are closed to their owners, or only those that are not.
    #[param(nullable = false)]
    disabled: Option<bool>,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.uuid().is_ok());
        let role = fields.optional("role", |value| parsed(value, "admin, developer or viewer"));
        let disabled = fields.optional("disabled", |value| parsed(value, "true or false"));
        Some(Self { paging: paging?, role: role?, disabled: disabled? })
    }
}

/// List everybody's accounts
///
/// The newest first, closed ones among them.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "Users", operation_id = "listUsers", security(("bearer" = ["user:read"])),
    params(Paging, Selection),
    responses((status = 200, description = "A page of accounts.", body = Page<UserView>)),
)]
pub(super) async fn list(
    _admin: Caller<needs::UserRead>,
    registry: Data<Handle<UserRegistry>>,
    Parameters(Selection { paging, role, disabled }): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(UserId);
    let question = ListUsers { filter: UserFilter { role, disabled }, before, limit: paging.limit };

    let page = registry.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(UserView::from)))
}

/// Show an account
///
/// Whoever's it is.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "Users", operation_id = "getUser", security(("bearer" = ["user:read"])),
    params(
        ("id" = UserId, Path, description = "Whose.", example = "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01"),
        IfNoneMatch
    ),
    responses((status = 200, description = "The account.", body = UserView)),
    extensions(("x-problems" = json!(["user_not_found"])))
)]
pub(super) async fn show(
    _admin: Caller<needs::UserRead>,
    registry: Data<Handle<UserRegistry>>,
    Id(id): Id<UserId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let governed = registry.ask(FindAnyUser { id }).await?;

    let tag = UserView::tag(&governed);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(UserView::from(governed))))
}

/// What is to be otherwise about an account; what is left out stays as it is.
#[derive(ToSchema)]
#[schema(as = UserDecision, example = json!({"role": "viewer", "quotas": {"instances_max": 20}}))]
pub(super) struct Change {
    /// What the user may do from now on. All sessions of the user end.
    #[schema(nullable = false)]
    role: Option<Role>,
    /// Closes the account to its owner, whose sessions end, or opens it again.
    #[schema(nullable = false)]
    disabled: Option<bool>,
    #[schema(nullable = false, value_type = Option<QuotaChange>)]
    quotas: Option<QuotaChange>,
}

/// Limits of a user's own; what is left out stays as it is, and `null` is what holds for everybody. What is there stays.
#[derive(Clone, Copy, Default, ToSchema)]
#[schema(as = UserQuotaDecision)]
pub(super) struct QuotaChange {
    /// How many instances the user may have.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000)]
    instances_max: Option<Option<i64>>,
    /// How many entries the knowledge bases of the instances that the user makes may have.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    knowledge_entries_max: Option<Option<i64>>,
    /// How many bytes those entries may take.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_125_899_906_842_624_i64)]
    knowledge_bytes_max: Option<Option<i64>>,
}

impl ReadFields for Change {
    fn read(fields: &mut Fields) -> Option<Self> {
        let role = fields.optional("role", |value| parsed(value, "admin, developer or viewer"));
        let disabled = fields
            .optional("disabled", |value| value.as_bool().ok_or_else(|| "must be true or false".into()));
        let quotas = fields.optional("quotas", quotas);
        Some(Self { role: role?, disabled: disabled?, quotas: quotas? })
    }
}

fn quotas(value: Value) -> Result<QuotaChange, Fault> {
    let Value::Object(mut limits) = value else { return Err("must be an object".to_owned()) };
    let mut read = |name: &str, most: i64| match limits.remove(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(limit) => {
            let limit = whole(&limit).filter(|limit| (0..=most).contains(limit));
            let limit =
                limit.ok_or_else(|| format!("{name} must be a whole number from 0 to {most}, or null"))?;
            Ok::<_, Fault>(Some(Some(limit)))
        }
    };
    let change = QuotaChange {
        instances_max: read("instances_max", INSTANCES_MAX)?,
        knowledge_entries_max: read("knowledge_entries_max", KNOWLEDGE_ENTRIES_MAX)?,
        knowledge_bytes_max: read("knowledge_bytes_max", KNOWLEDGE_BYTES_MAX)?,
    };
    match limits.keys().next() {
        None => Ok(change),
        Some(_unknown) => {
            Err("must have no other fields than instances_max, knowledge_entries_max and knowledge_bytes_max"
                .to_owned())
        }
    }
}

/// Decide about an account
///
/// Whoever gets another role, or is disabled, is signed out everywhere at once: tokens are refused and sockets closed with 4401. Your own
/// role stays, and you cannot disable yourself: another administrator can.
#[utoipa::path(
    patch, path = "/api/v1/users/{id}", tag = "Users", operation_id = "changeUser", security(("bearer" = ["user:manage"])),
    params(
        ("id" = UserId, Path, description = "Whose.", example = "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01"),
        IfMatch
    ),
    request_body = Change,
    responses((status = 200, description = "The account with the change in it.", body = UserView)),
    extensions(("x-problems" = json!(["user_not_found", "forbidden"])))
)]
pub(super) async fn change(
    admin: Caller<needs::UserManage>,
    origin: Origin,
    registry: Data<Handle<UserRegistry>>,
    Id(id): Id<UserId>,
    seen: IfMatch,
    Body(Change { role, disabled, quotas }): Body<Change>,
) -> Result<HttpResponse, Problem> {
    let QuotaChange { instances_max, knowledge_entries_max, knowledge_bytes_max } =
        quotas.unwrap_or_default();
    let limits = OwnLimits { instances_max, knowledge_entries_max, knowledge_bytes_max };
    let decision = Decision { role, disabled, limits };
    let mut expected = None;
    let present = async || {
        let present = registry.ask(FindAnyUser { id }).await?;
        // What changes in between is found out by the comparison with this.
        expected = Some(present.user.state());
        Ok::<_, Problem>(UserView::tag(&present))
    };
    if !seen.allows(present).await? {
        return Err(Problem::new(ErrorCode::PreconditionFailed));
    }

    let wish = GovernUser { id, decision, expected, by: admin.0.user_id, origin };
    let governed = registry.ask(wish).await?;

    let tag = UserView::tag(&governed).header();
    Ok(HttpResponse::Ok().insert_header(tag).json(UserView::from(governed)))
}

/// A token for another password, as it is shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordReset, example = json!({"token": "kq2Zr0...", "expires_in": 3600}))]
pub(super) struct PasswordResetView {
    /// Goes into `POST /api/v1/auth/password-reset` of the user API, once.
    token: String,
    /// For how many seconds it is good.
    #[schema(minimum = 1)]
    expires_in: u64,
}

/// Make a token for another password
///
/// For a user who has lost theirs. Hand it over in a way that you trust: whoever has it gets the account. It is good once; a
/// token that was made before is worth nothing from now on. The password of now goes on until the token is used.
#[utoipa::path(
    post, path = "/api/v1/users/{id}/password-reset", tag = "Users", operation_id = "resetUsersPassword",
    security(("bearer" = ["user:manage"])),
    params(("id" = UserId, Path, description = "Whose.", example = "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01")),
    responses((status = 201, description = "The token. It is not to be cached.", body = PasswordResetView)),
    extensions(("x-problems" = json!(["user_not_found"])))
)]
pub(super) async fn reset_password(
    admin: Caller<needs::UserManage>,
    origin: Origin,
    registry: Data<Handle<UserRegistry>>,
    Id(id): Id<UserId>,
) -> Result<HttpResponse, Problem> {
    let PasswordReset { token, expires_in_seconds: expires_in } =
        registry.ask(ResetUsersPassword { id, by: admin.0.user_id, origin }).await?;

    Ok(HttpResponse::Created().insert_header(no_store()).json(PasswordResetView { token, expires_in }))
}
