//! The OpenAPI document of the administrators' API.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::{agents, audit, dead_letters, import, instances, users, versions};
use crate::http::document::complete;
use crate::http::login;
use crate::models::AuditAction;

/// Every route of this listener that is not the operators'.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        super::login,
        super::refresh,
        login::sign_out,
        agents::create,
        agents::list,
        agents::show,
        agents::replace,
        agents::change,
        versions::list,
        import::import,
        agents::publish,
        agents::retire,
        agents::delete,
        instances::list,
        instances::show,
        instances::explain,
        instances::stop,
        instances::start,
        users::list,
        users::show,
        users::change,
        users::reset_password,
        audit::list,
        audit::verify,
        audit::export,
        dead_letters::list,
        dead_letters::show,
        dead_letters::replay,
        dead_letters::replay_many,
        dead_letters::discard,
        instances::requeue,
    ),
    // Only parameters name it.
    components(schemas(AuditAction)),
    tags(
        (name = "Accounts", description = "Signing in. Everything else asks for the access token of an administrator."),
        (name = "Agents", description = "The catalog: writing agents, offering them to users and taking them off."),
        (name = "Instances", description = "Everybody's instances: how they fare, and halting or starting them."),
        (name = "Users", description = "Everybody's accounts: what they may do and have, and another password for who has lost theirs."),
        (name = "Audit", description = "Who changed what and what was denied, whether anybody has tampered with that, and all of it as lines."),
        (name = "Dead letters", description = "Messages that could not be digested: looking at them, sending them again, putting them away."),
    )
)]
struct Routes;

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let about = "For administrators: the catalog of agents, everybody's accounts and instances, the audit log, and dead letters. Everything but signing in asks for the role `admin`.";
    complete("Botberi admin API", about, Routes::openapi())
}
