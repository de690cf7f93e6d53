//! The OpenAPI document of the users' API.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::knowledge::{self, adding, entries, readings};
use super::{accounts, agents, api_keys, events, history, instances, keys, members, teams, usage, ws};
use crate::http::document::complete;
use crate::http::login;

/// Every route of this listener that is not the operators'.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        accounts::register,
        accounts::login,
        accounts::refresh,
        login::sign_out,
        accounts::me,
        accounts::change,
        accounts::close,
        accounts::change_password,
        accounts::reset_password,
        accounts::issue_ticket,
        keys::show,
        api_keys::create,
        api_keys::list,
        api_keys::revoke,
        api_keys::rotate,
        agents::list,
        agents::show,
        instances::create,
        instances::list,
        instances::show,
        instances::change,
        instances::delete,
        instances::stop,
        instances::start,
        instances::explain,
        history::list,
        knowledge::show,
        adding::create,
        entries::list,
        entries::show,
        entries::change,
        entries::delete,
        readings::retry,
        readings::cancel,
        readings::reindex,
        readings::reindex_all,
        knowledge::search,
        teams::create,
        teams::list,
        teams::show,
        teams::change,
        teams::delete,
        members::put,
        members::remove,
        usage::show,
        ws::open,
        events::open,
    ),
    tags(
        (name = "Accounts", description = "Making an account and signing in. Everything else asks for the access token that signing in gives."),
        (name = "API keys", description = "What your programs come with, instead of a sign-in."),
        (name = "Agents", description = "The catalog: the agents that are on offer."),
        (name = "Instances", description = "Your own instances of agents and those of your teams, and how they fare."),
        (name = "Knowledge", description = "What an instance knows: texts, pages and files, read by workers, searched and cited."),
        (name = "Teams", description = "Users who share instances: each member reaches them by their role in the team."),
        (name = "Live", description = "Events as they happen, over a WebSocket or as an event stream."),
    )
)]
struct Routes;

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let about = "For people and their programs: sign in, pick an agent from the catalog, make an instance of it, and watch \
                 live what becomes of it.";
    complete("Botberi user API", about, Routes::openapi())
}
