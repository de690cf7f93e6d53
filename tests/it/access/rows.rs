//! How a good request of each operation looks.

use botberi::models::Permission;
use serde_json::{Value, json};

/// Whose things an operation touches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Of {
    /// The caller's own, or everybody's who may.
    Caller,
    /// The owner's: for others it does not exist.
    Owner,
    /// Those of a team: its members have them by their role, and for others they do not exist.
    Team,
}

/// What a request is made of. Things are made anew for each, because many operations use theirs up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Thing {
    Nothing,
    /// An instance of the owner's.
    Instance,
    /// An API key of the owner's.
    ApiKey,
    /// The agent on offer.
    Agent,
    /// An agent that was published just now.
    Published,
    /// An agent that nobody has an instance of, not on offer.
    Draft,
    /// A dead letter that can be sent again.
    DeadLetter,
    /// A replay.
    Replay,
    /// Somebody's account.
    User,
    /// A token for another password.
    ResetToken,
    /// A refresh token.
    RefreshToken,
    /// An instance of the team.
    TeamInstance,
    /// An entry in the knowledge base of an instance of the owner's; of the team.
    Entry,
    TeamEntry,
    /// A team, with all who are in the team of this world.
    Team,
}

/// One operation.
pub(super) struct Row {
    pub(super) of: Of,
    pub(super) thing: Thing,
    /// Statuses that say that it was let through.
    pub(super) good: &'static [u16],
    /// The body, with what was made for it.
    pub(super) body: fn(&Value) -> Value,
    /// What is asked for besides what is declared.
    pub(super) also: Option<Permission>,
    /// The caller is of no use afterwards.
    pub(super) is_last: bool,
}

fn none(_: &Value) -> Value {
    Value::Null
}

const fn plain(of: Of, thing: Thing, good: &'static [u16]) -> Row {
    Row { of, thing, good, body: none, also: None, is_last: false }
}

const fn with(of: Of, thing: Thing, good: &'static [u16], body: fn(&Value) -> Value) -> Row {
    Row { of, thing, good, body, also: None, is_last: false }
}

/// The rows of an operation: one for each kind of thing that it can be done to.
pub(super) fn rows(listener: &str, operation: &str) -> Vec<Row> {
    let of_team = |thing| row(listener, operation).map(|row| Row { of: Of::Team, thing, ..row });
    let first = row(listener, operation);
    let second = match first {
        Some(Row { of: Of::Owner, thing: Thing::Instance, .. }) => of_team(Thing::TeamInstance),
        Some(Row { of: Of::Owner, thing: Thing::Entry, .. }) => of_team(Thing::TeamEntry),
        _ => None,
    };
    first.into_iter().chain(second).collect()
}

fn row(listener: &str, operation: &str) -> Option<Row> {
    use Of::{Caller, Owner, Team};
    Some(match (listener, operation) {
        (_, "getDocs" | "getHealth" | "getMetrics" | "getOpenApi" | "getReadiness") => {
            plain(Caller, Thing::Nothing, &[200])
        }
        ("user", "getKeySet") | ("broker", "getAsyncApi") => plain(Caller, Thing::Nothing, &[200]),
        // These ask for no credential: that they are reached is all there is to see.
        (_, "logIn") => with(
            Caller,
            Thing::Nothing,
            &[401],
            |_| json!({"username": "nobody in particular", "password": "a wrong one"}),
        ),
        (_, "refresh") => {
            with(Caller, Thing::RefreshToken, &[200, 403], |made| json!({"refresh_token": made["token"]}))
        }
        ("user", "register") => with(
            Caller,
            Thing::Nothing,
            &[201],
            |made| json!({"username": made["name"], "password": crate::support::client::PASSWORD}),
        ),
        ("user", "resetPassword") => with(
            Caller,
            Thing::ResetToken,
            &[204],
            |made| json!({"token": made["token"], "new_password": crate::support::client::PASSWORD}),
        ),
        (_, "logOut") => Row { is_last: true, ..plain(Caller, Thing::Nothing, &[204]) },

        ("user", "getMe" | "listApiKeys" | "listAgents" | "listInstances" | "getUsage") => {
            plain(Caller, Thing::Nothing, &[200])
        }
        ("user", "changeMe") => with(Caller, Thing::Nothing, &[200], |_| json!({"email": null})),
        ("user", "changePassword") => Row {
            is_last: true,
            ..with(Caller, Thing::Nothing, &[204], |_| {
                let password = crate::support::client::PASSWORD;
                json!({"current_password": password, "new_password": password})
            })
        },
        // An administrator's account stays, whoever asks.
        ("user", "closeMe") => Row { is_last: true, ..plain(Caller, Thing::Nothing, &[204, 403]) },
        ("user", "createApiKey") => with(
            Caller,
            Thing::Nothing,
            &[201],
            |made| json!({"name": made["name"], "permissions": ["agent:list"]}),
        ),
        ("user", "rotateApiKey") => with(Owner, Thing::ApiKey, &[201], |_| json!({})),
        ("user", "revokeApiKey") => plain(Owner, Thing::ApiKey, &[204]),
        ("user", "listTeams") => plain(Caller, Thing::Nothing, &[200]),
        ("user", "createTeam") => with(Caller, Thing::Nothing, &[201], |made| json!({"name": made["name"]})),
        ("user", "getTeam") => plain(Team, Thing::Team, &[200]),
        ("user", "changeTeam") => with(Team, Thing::Team, &[200], |_| json!({"name": "Others"})),
        ("user", "deleteTeam") => plain(Team, Thing::Team, &[204]),
        ("user", "putTeamMember") => with(Team, Thing::Team, &[200], |_| json!({"role": "viewer"})),
        // Whoever leaves needs to see the team; whoever takes others out has to manage it.
        ("user", "removeTeamMember") => {
            Row { also: Some(Permission::TeamManage), ..plain(Team, Thing::Team, &[204]) }
        }
        ("user", "getAgent") => plain(Caller, Thing::Agent, &[200]),
        ("user", "createInstance") => {
            with(Caller, Thing::Agent, &[201], |made| json!({"agent_id": made["id"], "title": "Mine"}))
        }
        ("user", "getInstance" | "explainInstance" | "listInstanceEvents") => {
            plain(Owner, Thing::Instance, &[200])
        }
        ("user", "changeInstance") => with(Owner, Thing::Instance, &[200], |_| json!({"title": "Other"})),
        ("user", "deleteInstance") => plain(Owner, Thing::Instance, &[204]),
        ("user", "startInstance" | "stopInstance") => plain(Owner, Thing::Instance, &[202]),
        ("user", "getKnowledgeBase" | "listEntries") => plain(Owner, Thing::Instance, &[200]),
        ("user", "addEntry") => {
            with(Owner, Thing::Instance, &[201], |_| json!({"content": "Something to know."}))
        }
        ("user", "reindexKnowledgeBase") => with(Owner, Thing::Instance, &[202], |_| json!({})),
        ("user", "searchKnowledgeBase") => plain(Owner, Thing::Instance, &[200]),
        ("user", "getEntry") => plain(Owner, Thing::Entry, &[200]),
        ("user", "changeEntry") => with(Owner, Thing::Entry, &[200], |_| json!({"title": "Other"})),
        ("user", "deleteEntry") => plain(Owner, Thing::Entry, &[204]),
        ("user", "reindexEntry") => plain(Owner, Thing::Entry, &[202]),
        // Whether it has been read meanwhile is a matter of luck.
        ("user", "retryEntry" | "cancelEntry") => plain(Owner, Thing::Entry, &[202, 409]),
        ("user", "createSocketTicket") => plain(Caller, Thing::Nothing, &[201]),
        ("user", "openSocket") => plain(Caller, Thing::Nothing, &[101]),
        ("user", "openEventStream") => plain(Caller, Thing::Nothing, &[200]),

        ("admin", "listAgents" | "listInstances" | "listUsers" | "listDeadLetters") => {
            plain(Caller, Thing::Nothing, &[200])
        }
        ("admin", "listAudit" | "verifyAudit" | "exportAudit") => plain(Caller, Thing::Nothing, &[200]),
        ("admin", "createAgent") => with(
            Caller,
            Thing::Nothing,
            &[201],
            |made| json!({"title": "An agent", "content": {}, "activation_code": made["name"], "rate": 1}),
        ),
        ("admin", "importAgents") => with(Caller, Thing::Nothing, &[200], |made| {
            let mut definition = crate::api::import::leads();
            definition["id"] = made["name"].clone();
            definition
        }),
        ("admin", "getAgent" | "listAgentVersions") => plain(Caller, Thing::Agent, &[200]),
        ("admin", "replaceAgent") => with(
            Caller,
            Thing::Draft,
            &[200],
            |made| json!({"title": "Other", "content": {}, "activation_code": made["name"], "rate": 1}),
        ),
        ("admin", "changeAgent") => with(Caller, Thing::Draft, &[200], |_| json!({"title": "Other"})),
        ("admin", "publishAgent") => plain(Caller, Thing::Draft, &[200]),
        ("admin", "retireAgent") => plain(Caller, Thing::Published, &[200]),
        ("admin", "deleteAgent") => plain(Caller, Thing::Draft, &[204]),
        ("admin", "getInstance" | "explainInstance") => plain(Caller, Thing::Instance, &[200]),
        ("admin", "startInstance" | "stopInstance" | "requeueInstance") => {
            plain(Caller, Thing::Instance, &[202])
        }
        ("admin", "getUser") => plain(Caller, Thing::User, &[200]),
        ("admin", "changeUser") => with(Caller, Thing::User, &[200], |_| json!({"role": "viewer"})),
        ("admin", "resetUsersPassword") => plain(Caller, Thing::User, &[201]),
        ("admin", "getDeadLetter") => plain(Caller, Thing::DeadLetter, &[200]),
        ("admin", "discardDeadLetter") => plain(Caller, Thing::DeadLetter, &[204]),
        ("admin", "replayDeadLetter") => plain(Caller, Thing::DeadLetter, &[202]),
        ("admin", "replayDeadLetters") => with(Caller, Thing::DeadLetter, &[202], |_| json!({})),

        ("broker", "getOutbox") => plain(Caller, Thing::Nothing, &[200]),
        // One at a time: a second one is told so.
        ("broker", "replayEvents") => {
            with(Caller, Thing::Nothing, &[202, 409], |_| json!({"from_position": 1, "to_position": 1}))
        }
        ("broker", "getReplay") => plain(Caller, Thing::Replay, &[200]),
        ("broker", "cancelReplay") => plain(Caller, Thing::Replay, &[200]),
        _ => return None,
    })
}
