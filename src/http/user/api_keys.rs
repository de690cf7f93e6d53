//! Your API keys.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::actors::api_keys::{ApiKeys, CreateApiKey, ListApiKeys, RevokeApiKey, RotateApiKey, ShownKey};
use crate::actors::policies::PolicyView;
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::extract::{Body, Id, Parameters, PathKey};
use crate::http::fields::{Fault, Fields, ReadFields, parsed, text};
use crate::http::idempotency::{Keyed, REPLAYED};
use crate::http::identity::{Caller, Identities, needs};
use crate::http::login::no_store;
use crate::http::paging::Paging;
use crate::http::problem::{FieldError, Problem};
use crate::models::{
    ApiKey, ApiKeyId, ErrorCode, NewApiKey, Origin, Page, Permission, PermissionSet, Principal, TeamId,
    TeamRoles, UserId,
};

/// A name is for people.
const NAME_LENGTH_MAX: usize = 200;

/// For how long a key that is replaced stays good when nobody says otherwise, and at most.
const OVERLAP_SECONDS: i64 = 86_400;
const OVERLAP_SECONDS_MAX: i64 = 30 * 86_400;

impl PathKey for ApiKeyId {
    const MISSING: ErrorCode = ErrorCode::ApiKeyNotFound;
}

/// A key that is to be made.
#[derive(ToSchema)]
#[schema(as = NewApiKey, example = json!({
    "name": "nightly report", "permissions": ["instance:read", "event:read"], "expires_at": "2027-01-01T00:00:00Z"
}))]
pub(super) struct Wish {
    /// For you, to know it again: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it is for: one at least, none that your role does not have, and none of `account:manage`, `api_key:manage` and `user:manage`.
    #[schema(value_type = Vec<Permission>, min_items = 1)]
    permissions: PermissionSet,
    /// From then on it is worth nothing. Left out: good until it is revoked.
    expires_at: Option<Timestamp>,
    /// It reaches what belongs to this team of yours, and nothing else. It ends when you leave the team.
    team_id: Option<TeamId>,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", |value| name(&text(value)?));
        let permissions = fields.required("permissions", permissions);
        let expires_at = fields.nullable("expires_at", future);
        let team_id = fields.nullable("team_id", |value| parsed(value, "a UUID"));
        Some(Self { name: name?, permissions: permissions?, expires_at: expires_at?, team_id: team_id? })
    }
}

fn name(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > NAME_LENGTH_MAX || text.chars().any(char::is_control) {
        return Err(format!("must have 1 to {NAME_LENGTH_MAX} characters, none of them a control character"));
    }
    Ok(text.to_owned())
}

fn permissions(value: Value) -> Result<PermissionSet, Fault> {
    let names: Vec<String> =
        serde_json::from_value(value).map_err(|_not_texts| "must be a list of permissions".to_owned())?;
    let permission = |name: &String| match name.parse::<Permission>() {
        Ok(permission) if permission.is_for_keys() => Ok(permission),
        Ok(permission) => Err(format!("must not have `{permission}`: no API key can have that")),
        Err(_unknown) => Err(format!("must have known permissions only, and `{}` is none", shortened(name))),
    };
    let set: PermissionSet = names.iter().map(permission).collect::<Result<_, _>>()?;
    if set.is_empty() { Err("must have one permission at least".to_owned()) } else { Ok(set) }
}

/// What is repeated to whoever wrote it.
fn shortened(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(40).collect()
}

fn future(value: Value) -> Result<Timestamp, Fault> {
    let moment: Timestamp = parsed(value, "a time of RFC 3339")?;
    if moment <= Timestamp::now() { Err("must be in the future".to_owned()) } else { Ok(moment) }
}

/// Which page.
pub(super) struct Selection(Paging);

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        Paging::take(fields, |cursor| cursor.uuid().is_ok()).map(Self)
    }
}

/// How a key is replaced.
#[derive(ToSchema)]
#[schema(as = ApiKeyRotation, example = json!({"overlap_seconds": 3600}))]
pub(super) struct Rotation {
    /// For how long the key that is replaced stays good beside the new one; 0 ends it at once. Left out: a day.
    #[schema(minimum = 0, maximum = 2_592_000, default = 86_400)]
    overlap_seconds: Option<i64>,
}

impl ReadFields for Rotation {
    fn read(fields: &mut Fields) -> Option<Self> {
        let overlap_seconds = fields.optional("overlap_seconds", |value| match value.as_i64() {
            Some(seconds @ 0..=OVERLAP_SECONDS_MAX) => Ok(seconds),
            _ => Err(format!("must be a whole number from 0 to {OVERLAP_SECONDS_MAX}")),
        });
        Some(Self { overlap_seconds: overlap_seconds? })
    }
}

/// A key as it is listed.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey, example = json!({
    "id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11", "user_id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01",
    "name": "nightly report", "prefix": "sk-3hY9aQ0b",
    "permissions": ["event:read", "instance:read"], "team_id": null, "created_at": "2026-11-30T10:00:00Z",
    "expires_at": "2027-01-01T00:00:00Z", "last_used_at": null, "replaced_by": null
}))]
pub(super) struct ApiKeyView {
    id: ApiKeyId,
    /// Who has made it.
    user_id: UserId,
    name: String,
    /// The beginning of the key.
    prefix: String,
    #[schema(value_type = Vec<Permission>)]
    permissions: PermissionSet,
    team_id: Option<TeamId>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    /// To some seconds.
    last_used_at: Option<Timestamp>,
    /// The key that was made in its place.
    replaced_by: Option<ApiKeyId>,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, user_id, name, prefix, permissions, team_id, created_at, .. } = key;
        let ApiKey { expires_at, last_used_at, replaced_by, .. } = key;
        Self {
            id,
            user_id,
            name,
            prefix,
            permissions,
            team_id,
            created_at,
            expires_at,
            last_used_at,
            replaced_by,
        }
    }
}

/// A key that was made just now.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeApiKey, example = json!({
    "id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11", "user_id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01",
    "name": "nightly report", "prefix": "sk-3hY9aQ0b",
    "permissions": ["event:read", "instance:read"], "team_id": null, "created_at": "2026-11-30T10:00:00Z",
    "expires_at": "2027-01-01T00:00:00Z", "last_used_at": null, "replaced_by": null, "key": "sk-3hY9aQ0b..."
}))]
pub(super) struct MadeApiKeyView {
    #[serde(flatten)]
    about: ApiKeyView,
    /// The key itself. It is shown now and never again; `null` where the same request was answered before.
    #[schema(format = Password, example = "sk-3hY9aQ0b...")]
    key: Option<String>,
}

impl From<ShownKey> for MadeApiKeyView {
    fn from(ShownKey { key, text }: ShownKey) -> Self {
        Self { about: key.into(), key: text.map(|text| text.expose().to_owned()) }
    }
}

fn made(shown: ShownKey, is_replayed: bool) -> HttpResponse {
    let location = format!("{PREFIX}/api-keys/{}", shown.key.id);
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, location)).insert_header(no_store());
    if is_replayed {
        answer.insert_header(REPLAYED);
    }
    answer.json(MadeApiKeyView::from(shown))
}

/// Make an API key
///
/// For a program, which sends it as `Authorization: Bearer sk-...`. It does what is in `permissions`, as long as your role lets you do
/// so, too. The key is shown in this answer and never again.
#[utoipa::path(
    post, path = "/api/v1/api-keys", tag = "API keys", operation_id = "createApiKey", security(("bearer" = ["api_key:manage"])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]*$",
        description = "Makes it safe to send the same body again within 24 hours: one key is made. The key itself is in the first answer only.",
        example = "3b0d-nightly")),
    request_body = Wish,
    responses((
        status = 201, description = "The key. It is not to be cached.", body = MadeApiKeyView,
        headers(
            ("Location" = String, description = "Where it is revoked."),
            ("Idempotency-Replayed" = bool, description = "`true` if the same request was answered before.")
        )
    )),
    extensions(("x-problems" = json!(["quota_exceeded", "team_not_found", "idempotency_key_reused", "bad_request"])))
)]
pub(super) async fn create(
    user: Caller<needs::ApiKeyManage>,
    origin: Origin,
    identities: Data<Identities>,
    api_keys: Data<Handle<ApiKeys>>,
    Keyed(wish, key): Keyed<Wish>,
) -> Result<HttpResponse, Problem> {
    let Wish { name, permissions, expires_at, team_id } = wish;
    check_role(&user, &identities.policies, permissions)?;
    check_team(team_id, permissions)?;
    let wish = NewApiKey { user_id: user.id(), team_id, name, permissions, expires_at };

    let answer = api_keys.ask(CreateApiKey { wish, key, origin }).await?;

    Ok(made(answer.thing, answer.is_replayed))
}

/// It would be given what its holder cannot do: better to say so than to have it fail later.
fn check_role(
    user: &Caller<needs::ApiKeyManage>,
    policies: &PolicyView,
    wanted: PermissionSet,
) -> Result<(), Problem> {
    let role = user.0.role;
    let beyond = wanted.without(policies.now().of_role(role));
    if beyond.is_empty() {
        return Ok(());
    }
    let message = format!("your role `{role}` does not have: {}", beyond.names().join(", "));
    Err(Problem::invalid(vec![FieldError { field: "permissions".to_owned(), message }]))
}

/// What the caller has to be in a team to manage it; nothing is enough where their own role or credential does not let them.
fn managing(caller: &Principal, policies: &PolicyView) -> TeamRoles {
    let policy = policies.now();
    let needed = Permission::TeamManage;
    if !policy.of_role(caller.role).and(caller.granted()).has(needed) {
        return TeamRoles::default();
    }
    policy.team_roles_with(needed).into_iter().collect()
}

fn check_team(team_id: Option<TeamId>, wanted: PermissionSet) -> Result<(), Problem> {
    let personal: Vec<&str> = wanted
        .iter()
        .filter(|permission| team_id.is_some() && !permission.is_for_team_keys())
        .map(Permission::as_str)
        .collect();
    if personal.is_empty() {
        return Ok(());
    }
    let message = format!("no key of a team can have: {}", personal.join(", "));
    Err(Problem::invalid(vec![FieldError { field: "permissions".to_owned(), message }]))
}

/// List your API keys
///
/// Yours, and those of the teams that you manage, whoever made them; the newest first, without the keys themselves. Those that are
/// revoked are not among them.
#[utoipa::path(
    get, path = "/api/v1/api-keys", tag = "API keys", operation_id = "listApiKeys", security(("bearer" = ["api_key:read"])),
    params(Paging),
    responses((status = 200, description = "A page of keys.", body = Page<ApiKeyView>))
)]
pub(super) async fn list(
    user: Caller<needs::ApiKeyRead>,
    identities: Data<Identities>,
    api_keys: Data<Handle<ApiKeys>>,
    Parameters(Selection(paging)): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(ApiKeyId::from);

    let managing = managing(&user.0, &identities.policies);

    let page = api_keys.ask(ListApiKeys { owner: user.id(), managing, before, limit: paging.limit }).await?;

    Ok(HttpResponse::Ok().json(page.map(ApiKeyView::from)))
}

/// Revoke an API key
///
/// For ever, on every replica; its sockets are closed with 4401. A key of a team can be revoked by whoever manages the team, too.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}", tag = "API keys", operation_id = "revokeApiKey",
    security(("bearer" = ["api_key:manage"])),
    params(("id" = ApiKeyId, Path, description = "Which key.", example = "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11")),
    responses((status = 204, description = "It is worth nothing from now on.")),
    extensions(("x-problems" = json!(["api_key_not_found"])))
)]
pub(super) async fn revoke(
    user: Caller<needs::ApiKeyManage>,
    origin: Origin,
    identities: Data<Identities>,
    api_keys: Data<Handle<ApiKeys>>,
    Id(id): Id<ApiKeyId>,
) -> Result<HttpResponse, Problem> {
    let managing = managing(&user.0, &identities.policies);

    api_keys.ask(RevokeApiKey { owner: user.id(), managing, id, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}

/// Replace an API key
///
/// Makes another one for the same, which expires when this one would have. This one stays good for `overlap_seconds`, so that your
/// programs can be given the new one in their own time. The new key is shown in this answer and never again; when the answer is lost,
/// list the keys, revoke the new one and replace again.
#[utoipa::path(
    post, path = "/api/v1/api-keys/{id}/rotate", tag = "API keys", operation_id = "rotateApiKey",
    security(("bearer" = ["api_key:manage"])),
    params(("id" = ApiKeyId, Path, description = "Which key.", example = "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11")),
    request_body = Rotation,
    responses((
        status = 201, description = "The new key. It is not to be cached.", body = MadeApiKeyView,
        headers(("Location" = String, description = "Where it is revoked."))
    )),
    extensions(("x-problems" = json!(["api_key_not_found", "quota_exceeded"])))
)]
pub(super) async fn rotate(
    user: Caller<needs::ApiKeyManage>,
    origin: Origin,
    api_keys: Data<Handle<ApiKeys>>,
    Id(id): Id<ApiKeyId>,
    Body(rotation): Body<Rotation>,
) -> Result<HttpResponse, Problem> {
    let overlap_seconds = rotation.overlap_seconds.unwrap_or(OVERLAP_SECONDS);

    let shown = api_keys.ask(RotateApiKey { owner: user.id(), id, overlap_seconds, origin }).await?;

    Ok(made(shown, false))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(body: Value) -> Vec<(String, String)> {
        let Err(faults) = Fields::read_body::<Wish>(body) else { return Vec::new() };
        faults.into_iter().map(|fault| (fault.field, fault.message)).collect()
    }

    #[test]
    fn a_wish_is_told_what_is_wrong_with_it() {
        let good = json!({"name": " report ", "permissions": ["agent:list", "agent:list"]});
        let wish: Wish = Fields::read_body(good).unwrap();
        assert_eq!((wish.name.as_str(), wish.permissions.names()), ("report", vec!["agent:list"]));
        for (body, field, why) in [
            (json!({"name": "", "permissions": ["agent:list"]}), "name", "1 to 200"),
            (json!({"name": "a", "permissions": []}), "permissions", "one permission"),
            (json!({"name": "a", "permissions": ["fly"]}), "permissions", "`fly`"),
            (json!({"name": "a", "permissions": "agent:list"}), "permissions", "a list"),
            (json!({"name": "a", "permissions": ["account:manage"]}), "permissions", "no API key"),
            (
                json!({"name": "a", "permissions": ["agent:list"], "expires_at": "2020-01-01T00:00:00Z"}),
                "expires_at",
                "in the future",
            ),
        ] {
            let told = faults(body);
            assert!(told.len() == 1 && told[0].0 == field && told[0].1.contains(why), "{told:?}");
        }
    }

    #[test]
    fn an_overlap_of_more_than_thirty_days_is_no_overlap() {
        let read = |body| Fields::read_body::<Rotation>(body).map(|rotation| rotation.overlap_seconds);
        assert_eq!(read(json!({})).unwrap(), None);
        assert_eq!(read(json!({"overlap_seconds": 0})).unwrap(), Some(0));
        for none in [json!(-1), json!(2_592_001), json!(1.5), json!("60")] {
            assert!(read(json!({ "overlap_seconds": none })).is_err());
        }
    }
}
