//! A service with everybody in it.

use std::sync::Mutex;

use botberi::actors::policies::{Policy, PolicyFiles};
use botberi::models::{Permission, PermissionSet, Role};
use reqwest::Method;
use serde_json::{Value, json};

use super::rows::{Row, Thing};
use crate::support::client::{Caller, PASSWORD, id_of, try_answer};
use crate::support::replica::{ADMIN_PASSWORD, RATE_LIMITS, Replica};
use crate::support::stage::Stage;
use crate::support::wait::within;

/// Everybody there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Actor {
    /// Without a credential.
    Nobody,
    /// With a token whose session has ended.
    Revoked,
    /// With a key that is revoked.
    Expired,
    /// Whose things are touched.
    Owner,
    /// A developer, whose things they are not.
    Other,
    /// A viewer, whose things they are not.
    Viewer,
    Admin,
    /// An administrator's key with every permission that a key can have.
    AdminKey,
    /// A key of the owner's with every permission but the one that is needed.
    KeyWithout,
    /// A key of the owner's with nothing but the one that is needed.
    KeyWithOnly,
    /// A developer of the owner's team.
    Mate,
    /// One who looks at what the team does.
    MateViewer,
    /// One who was in the team.
    Left,
    /// A key of the owner's that belongs to the team, with all that such a key can have.
    TeamKey,
}

impl Actor {
    pub(super) const ALL: &'static [Self] = &[
        Self::Nobody,
        Self::Revoked,
        Self::Expired,
        Self::Owner,
        Self::Other,
        Self::Viewer,
        Self::Admin,
        Self::AdminKey,
        Self::KeyWithout,
        Self::KeyWithOnly,
        Self::Mate,
        Self::MateViewer,
        Self::Left,
        Self::TeamKey,
    ];

    /// Whether the owner's things are theirs, too.
    pub(super) const fn is_owner(self) -> bool {
        matches!(self, Self::Owner | Self::KeyWithout | Self::KeyWithOnly)
    }
}

/// The service, and those who are always there.
pub(super) struct World {
    // Before what it stands on.
    replica: Replica,
    stage: Stage,
    owner: Caller,
    root: Caller,
    agent: i64,
    number: Mutex<u32>,
    leaks: Mutex<Vec<String>>,
    secret: String,
    policy: Policy,
    team: String,
    mate: Caller,
    mate_viewer: Caller,
    left: Caller,
    extra: Caller,
}

impl World {
    pub(super) async fn build() -> Self {
        let stage = Stage::set().await;
        let mut settings = vec![
            ("service.roles", toml::Value::from(vec!["user", "admin", "broker"])),
            ("auth.api_keys_per_user_max", 10_000.into()),
            ("auth.sessions_per_user_max", 100_000.into()),
            ("teams.teams_per_user_max", 1_000.into()),
        ];
        for limit in RATE_LIMITS {
            settings.push((limit, 1_000_000.into()));
        }
        let replica = Replica::start(&stage, false, &settings).await;
        let owner = Caller::stranger(&replica.user_api).sign_up("owner").await;
        let root = Caller::stranger(&replica.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
        let agent = owner.an_agent().await;
        let secret = id_of(&owner.create(agent).await);
        let policy = PolicyFiles::new("").load().unwrap();
        let stranger = Caller::stranger(&replica.user_api);
        let mate = stranger.sign_up("mate").await;
        let mate_viewer = stranger.sign_up("mate_viewer").await;
        let left = stranger.sign_up("left").await;
        let extra = stranger.sign_up("extra").await;
        let members = [(&mate, "developer"), (&mate_viewer, "viewer"), (&left, "developer")];
        let team = make_team(&owner, &members).await;
        let member = format!("/api/v1/teams/{team}/members/{}", left.user_id().await);
        owner.delete(&member).await.expect(204);
        let (number, leaks) = (Mutex::new(0), Mutex::default());
        Self {
            stage,
            replica,
            owner,
            root,
            agent,
            number,
            leaks,
            secret,
            policy,
            team,
            mate,
            mate_viewer,
            left,
            extra,
        }
    }

    fn name(&self) -> String {
        let mut number = self.number.lock().unwrap();
        *number += 1;
        format!("thing_{number:05}")
    }

    fn url(&self, listener: &str) -> &str {
        match listener {
            "user" => &self.replica.user_api,
            "admin" => &self.replica.admin_api,
            _ => &self.replica.broker_api,
        }
    }

    fn nobody(&self) -> Caller {
        Caller::stranger(&self.replica.user_api)
    }

    /// Somebody who has just signed in; `None` for a key that cannot be made.
    pub(super) async fn caller(
        &self,
        listener: &str,
        actor: Actor,
        needed: Option<Permission>,
        (Row { is_last, also, .. }, made): (&Row, &Value),
    ) -> Option<Caller> {
        let caller = match actor {
            Actor::Nobody => self.nobody(),
            // Of those who are needed later nothing may be used up.
            Actor::Owner | Actor::Other | Actor::Mate | Actor::MateViewer | Actor::Left if *is_last => {
                self.nobody().sign_up(&self.name()).await
            }
            Actor::Admin if *is_last => self.of_role("admin").await,
            Actor::Owner => self.nobody().sign_in("owner", PASSWORD).await,
            Actor::Other => self.nobody().sign_up(&self.name()).await,
            Actor::Viewer => self.of_role("viewer").await,
            Actor::Admin => self.nobody().sign_in("admin", ADMIN_PASSWORD).await,
            Actor::Revoked => {
                let gone = self.nobody().sign_in("owner", PASSWORD).await;
                gone.post("/api/v1/auth/logout", Value::Null).await.expect(204);
                gone
            }
            Actor::Expired => {
                let (key, id) = self.key(&self.owner, &[Permission::AgentList]).await;
                self.owner.delete(&format!("/api/v1/api-keys/{id}")).await.expect(204);
                key
            }
            Actor::AdminKey => {
                let admin = self.root.at(&self.replica.user_api);
                self.key(&admin, &all(|permission| permission.is_for_keys())).await.0
            }
            Actor::KeyWithout => {
                let (holder, may) = self.holder_of_keys(listener);
                let most = all(|permission| {
                    permission.is_for_keys() && Some(permission) != needed && may.has(permission)
                });
                self.key(&holder, &most).await.0
            }
            Actor::Mate => self.mate.clone(),
            Actor::MateViewer => self.mate_viewer.clone(),
            Actor::Left => self.left.clone(),
            Actor::TeamKey => {
                let may = self.policy.of_role(Role::Developer);
                let most = all(|permission| permission.is_for_team_keys() && may.has(permission));
                let team = made["team_id"].as_str().unwrap_or(&self.team);
                let wish = json!({"name": self.name(), "permissions": most, "team_id": team});
                let made = self.owner.post("/api/v1/api-keys", wish).await.expect(201);
                self.owner.with_token(made["key"].as_str().unwrap())
            }
            Actor::KeyWithOnly => {
                let (holder, _) = self.holder_of_keys(listener);
                let needed = needed.filter(|needed| needed.is_for_keys())?;
                let only: Vec<Permission> = [needed].into_iter().chain(*also).collect();
                self.key(&holder, &only).await.0
            }
        };
        Some(caller.at(self.url(listener)))
    }

    /// Somebody whose role lets them do what is done at that listener.
    fn holder_of_keys(&self, listener: &str) -> (Caller, PermissionSet) {
        if listener == "user" {
            (self.owner.clone(), self.policy.of_role(Role::Developer))
        } else {
            (self.root.at(&self.replica.user_api), self.policy.of_role(Role::Admin))
        }
    }

    async fn of_role(&self, role: &str) -> Caller {
        let name = self.name();
        let id = self.nobody().sign_up(&name).await.user_id().await;
        self.root.patch(&format!("/api/v1/users/{id}"), json!({ "role": role })).await.expect(200);
        self.nobody().sign_in(&name, PASSWORD).await
    }

    /// A key, which is not kept for ever: one user may have so many only.
    async fn key(&self, holder: &Caller, permissions: &[Permission]) -> (Caller, String) {
        let wish = json!({"name": self.name(), "permissions": permissions});
        let made = holder.post("/api/v1/api-keys", wish).await.expect(201);
        (holder.with_token(made["key"].as_str().unwrap()), id_of(&made))
    }

    /// What is needed for a request, made just now.
    pub(super) async fn thing(&self, thing: Thing) -> Value {
        let name = self.name();
        match thing {
            Thing::Nothing => json!({"name": name}),
            Thing::Instance => self.owner.create(self.agent).await,
            Thing::TeamInstance => {
                let wish = json!({"agent_id": self.agent, "title": "Ours", "team_id": self.team});
                self.owner.post("/api/v1/instances", wish).await.expect(201)
            }
            Thing::Entry => self.entry_of(self.owner.create(self.agent).await, &self.secret).await,
            Thing::TeamEntry => self.entry_of(Box::pin(self.thing(Thing::TeamInstance)).await, "Ours").await,
            Thing::Team => {
                let members =
                    [(&self.mate, "developer"), (&self.mate_viewer, "viewer"), (&self.extra, "viewer")];
                let team = make_team(&self.owner, &members).await;
                json!({"id": team, "team_id": team, "user_id": self.extra.user_id().await})
            }
            Thing::ApiKey => {
                let (_, id) = self.key(&self.owner, &[Permission::AgentList]).await;
                json!({"id": id})
            }
            Thing::Agent => json!({"id": self.agent}),
            Thing::Published => {
                let draft = self.thing_of_catalog(&name).await;
                let path = format!("/api/v1/agents/{}/publish", draft["id"]);
                self.root.post(&path, Value::Null).await.expect(200)
            }
            Thing::Draft => {
                let mut draft = self.thing_of_catalog(&name).await;
                draft["name"] = name.into();
                draft
            }
            Thing::DeadLetter => {
                let sql = self.stage.sql().await;
                let insert = "INSERT INTO dead_letters (queue, event_id, routing_key, reason, headers, envelope, body, body_bytes)
                              VALUES ('q', gen_random_uuid(), 'a.b', 'it had to', '{}', '{\"headers\": {}}', '{}', 2)
                              RETURNING id::text";
                let id: String = sql.query_one(insert, &[]).await.unwrap().get(0);
                json!({ "id": id })
            }
            Thing::Replay => {
                let sql = self.stage.sql().await;
                let insert = "INSERT INTO event_replays
                                  (id, from_position, to_position, requested_by, position, finished_at, outcome, is_open)
                              VALUES (gen_random_uuid(), 1, 1, gen_random_uuid(), 1, now(), 'done', NULL) RETURNING id::text";
                let id: String = sql.query_one(insert, &[]).await.unwrap().get(0);
                json!({ "id": id })
            }
            Thing::User => {
                let id = self.nobody().sign_up(&name).await.user_id().await;
                json!({ "id": id })
            }
            Thing::ResetToken => {
                let id = self.nobody().sign_up(&name).await.user_id().await;
                let path = format!("/api/v1/users/{id}/password-reset");
                self.root.post(&path, Value::Null).await.expect(201)
            }
            Thing::RefreshToken => {
                let registration = json!({"username": name, "password": PASSWORD});
                self.nobody().post("/api/v1/auth/register", registration.clone()).await.expect(201);
                let tokens = self.nobody().post("/api/v1/auth/login", registration).await.expect(200);
                json!({"token": tokens["refresh_token"]})
            }
        }
    }

    /// What the owner has put into the knowledge base of an instance.
    async fn entry_of(&self, instance: Value, content: &str) -> Value {
        let path = format!("/api/v1/instances/{}/knowledge-base/entries", id_of(&instance));
        let entry = self.owner.post(&path, json!({"content": content})).await.expect(201);
        json!({"id": instance["id"], "entry_id": entry["id"]})
    }

    async fn thing_of_catalog(&self, name: &str) -> Value {
        let draft = json!({"title": name, "content": {}, "activation_code": name, "rate": 1});
        self.root.post("/api/v1/agents", draft).await.expect(201)
    }

    /// Asks, and answers with the status.
    pub(super) async fn ask(
        &self,
        row: &Row,
        listener: &str,
        method: &str,
        path: &str,
        (actor, caller, made): (Actor, &Caller, &Value),
    ) -> u16 {
        let id = made["id"].as_str().map(str::to_owned).unwrap_or_else(|| made["id"].to_string());
        let path = path.replace("{id}", &id);
        let path = path.replace("{user_id}", made["user_id"].as_str().unwrap_or_default());
        let path = path.replace("{entry_id}", made["entry_id"].as_str().unwrap_or_default());
        let path = path.replace("/search", "/search?q=word");
        if path == "/api/v1/ws" {
            return caller.try_socket(None).await.err().unwrap_or(101);
        }
        let method: Method = method.to_uppercase().parse().unwrap();
        let mut request = caller.request(method.clone(), &path);
        let body = (row.body)(made);
        if !body.is_null() {
            request = request.json(&body);
        }
        if path == "/api/v1/events" {
            // It has no end: its head is all there is to see.
            return within("an answer", request.send()).await.unwrap().status().as_u16();
        }
        let answer = try_answer(request).await.unwrap();
        let is_others = listener == "user" && !actor.is_owner();
        if is_others && answer.body.to_string().contains(&self.secret) {
            self.leaks.lock().unwrap().push(path);
        }
        answer.status
    }

    /// Where somebody was shown what is the owner's.
    pub(super) fn leaks(&self) -> Vec<String> {
        self.leaks.lock().unwrap().clone()
    }
}

/// A team of the owner's.
async fn make_team(owner: &Caller, members: &[(&Caller, &str)]) -> String {
    let team = id_of(&owner.post("/api/v1/teams", json!({"name": "Team"})).await.expect(201));
    for (member, role) in members {
        let path = format!("/api/v1/teams/{team}/members/{}", member.user_id().await);
        let put = owner.request(Method::PUT, &path).json(&json!({ "role": role }));
        crate::support::client::answer(put).await.expect(200);
    }
    team
}

fn all(is_wanted: impl Fn(Permission) -> bool) -> Vec<Permission> {
    Permission::ALL.iter().copied().filter(|permission| is_wanted(*permission)).collect()
}
