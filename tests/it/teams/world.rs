//! People who share a team.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Answer, Caller, id_of};

pub(super) const TEAMS: &str = "/api/v1/teams";
pub(super) const INSTANCES: &str = "/api/v1/instances";

/// Somebody, and who they are.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) caller: Caller,
    pub(super) id: String,
}

impl Person {
    pub(super) async fn sign_up(stranger: &Caller, name: &str) -> Self {
        let caller = stranger.sign_up(name).await;
        let id = caller.user_id().await;
        Self { caller, id }
    }

    /// A team that they own.
    pub(super) async fn team(&self, name: &str) -> String {
        id_of(&self.caller.post(TEAMS, json!({"name": name})).await.expect(201))
    }

    /// Takes somebody in, or gives them another role.
    pub(super) async fn put(&self, team: &str, member: &Self, role: &str) -> Answer {
        self.caller.put(&member_path(team, &member.id), json!({"role": role})).await
    }

    /// Takes somebody out.
    pub(super) async fn remove(&self, team: &str, member: &Self) -> Answer {
        self.caller.delete(&member_path(team, &member.id)).await
    }

    /// Makes an instance of the team's; the answer, whatever it is.
    pub(super) async fn try_create_in(&self, team: &str, agent: i64) -> Answer {
        self.caller.post(INSTANCES, json!({"agent_id": agent, "title": "Ours", "team_id": team})).await
    }

    /// An instance of the team's.
    pub(super) async fn create_in(&self, team: &str, agent: i64) -> String {
        let made = self.try_create_in(team, agent).await.expect(201);
        assert_eq!(made["team_id"], team);
        id_of(&made)
    }

    /// The ids of a list.
    pub(super) async fn listed(&self, path: &str) -> Vec<String> {
        let page = self.caller.get(path).await.expect(200);
        page["items"].as_array().unwrap().iter().map(id_of).collect()
    }
}

pub(super) fn member_path(team: &str, user: &str) -> String {
    format!("{TEAMS}/{team}/members/{user}")
}

/// The members of a team's document and their roles, in the order of the names.
pub(super) fn members(team: &Value) -> Vec<(String, String)> {
    let text = |member: &Value, field: &str| member[field].as_str().unwrap().to_owned();
    let members = team["members"].as_array().unwrap().iter();
    let mut members: Vec<_> =
        members.map(|member| (text(member, "username"), text(member, "role"))).collect();
    members.sort();
    members
}

/// An owner, a developer and a viewer of one team, and somebody who is not in it.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) ada: Person,
    pub(super) dan: Person,
    pub(super) vic: Person,
    pub(super) eve: Person,
    pub(super) team: String,
    pub(super) agent: i64,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::of(TestApp::start().await).await
    }

    pub(super) async fn of(app: TestApp) -> Self {
        let stranger = app.stranger();
        let ada = Person::sign_up(&stranger, "ada").await;
        let dan = Person::sign_up(&stranger, "dan").await;
        let vic = Person::sign_up(&stranger, "vic").await;
        let eve = Person::sign_up(&stranger, "eve").await;
        let team = ada.team("Ours").await;
        ada.put(&team, &dan, "developer").await.expect(200);
        ada.put(&team, &vic, "viewer").await.expect(200);
        let agent = ada.caller.an_agent().await;
        Self { app, ada, dan, vic, eve, team, agent }
    }
}
