//! Servers that are stopped for real, one after the other and two at once: what goes on, what is refused and how it is told.
#![expect(clippy::print_stderr, reason = "what was measured is for reading")]

use std::time::{Duration, Instant};

use botberi::cli::dev::{Server, Servers};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::support::app::TestApp;
use crate::support::client::{Answer, Caller, PASSWORD, id_of};
use crate::support::folder::Folder;
use crate::support::follower::Follower;
use crate::support::load::Load;
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const USER_POSTGRES: Server = Server::UserPostgres;
const SHARED_POSTGRES: Server = Server::SharedPostgres;
const REDIS: Server = Server::Redis;
const RABBITMQ: Server = Server::RabbitMq(1);

/// How long after the return of a server everything is well again: the longest pause between two looks, and a start's work.
const WELL_WITHIN: Duration = Duration::from_secs(10);

/// The requests that tell the modes apart: what each is answered, by its status or the code of its problem.
#[derive(Debug, PartialEq, Eq)]
struct Answers {
    /// Signing up.
    sign_up: String,
    /// Signing in.
    sign_in: String,
    /// Reading one's own account.
    account: String,
    /// Looking through the catalog.
    catalog: String,
    /// Making an instance.
    create: String,
    /// Reading instances.
    instances: String,
    /// A ticket for a socket, and the socket.
    socket: String,
    /// Looking through the catalog with an API key.
    key: String,
    /// Listing one's teams.
    teams: String,
    /// Giving a member of a team another role.
    member: String,
    /// Reading an instance that is a team's.
    shared: String,
}

fn told(answer: &Answer) -> String {
    if answer.status < 400 { answer.status.to_string() } else { answer.problem(answer.status).to_owned() }
}

struct Scene {
    app: TestApp,
    servers: Servers,
    ada: Caller,
    agent: i64,
    tom: Tom,
    users: u32,
}

/// Somebody with a program and a team.
struct Tom {
    caller: Caller,
    key: Caller,
    member_path: String,
    instance_path: String,
}

impl Tom {
    async fn sign_up(app: &TestApp, agent: i64) -> Self {
        let (caller, member) = (app.sign_up("tom").await, app.sign_up("vic").await);
        let wish = json!({"name": "mine", "permissions": ["agent:list"]});
        let key = caller.post("/api/v1/api-keys", wish).await.expect(201);
        let team = id_of(&caller.post("/api/v1/teams", json!({"name": "Ours"})).await.expect(201));
        let member_path = format!("/api/v1/teams/{team}/members/{}", member.user_id().await);
        caller.put(&member_path, json!({"role": "viewer"})).await.expect(200);
        let wish = json!({"agent_id": agent, "title": "Ours", "team_id": team});
        let instance = id_of(&caller.post("/api/v1/instances", wish).await.expect(201));
        let key = caller.with_token(key["key"].as_str().unwrap());
        Self { caller, key, member_path, instance_path: format!("/api/v1/instances/{instance}") }
    }

    async fn key(&self) -> String {
        told(&self.key.get("/api/v1/agents").await)
    }
}

impl Scene {
    async fn set(folder: &Folder) -> Self {
        let spec = folder.spec();
        let servers = spawn_blocking(move || Servers::start(spec, &mut |_| {}).unwrap()).await.unwrap();
        let stage = Stage::set_on_own(servers.endpoints()).await;
        let app = TestApp { replica: Replica::start(&stage, false, &[]).await, stage };
        let ada = app.sign_up("ada").await;
        let agent = ada.an_agent().await;
        let tom = Tom::sign_up(&app, agent).await;
        Self { app, servers, ada, agent, tom, users: 0 }
    }

    /// Stops servers, and waits until `/readyz` names what is missing.
    async fn without(mut self, away: &'static [Server], reasons: &[&str]) -> Self {
        self.servers = on(self.servers, away, |servers, server| servers.stop_one(server).unwrap()).await;
        let stranger = self.app.stranger();
        eventually(&format!("/readyz says {reasons:?}"), async || {
            let answer = stranger.get("/readyz").await;
            let detail = answer.body["detail"].as_str().unwrap_or_default();
            (answer.status == 503 && reasons.iter().all(|reason| detail.contains(reason))).then_some(())
        })
        .await;
        assert_eq!(stranger.get("/readyz").await.problem(503), "dependency_unavailable");
        assert_eq!(stranger.get("/healthz").await.status, 200);
        self
    }

    async fn answers(&mut self) -> Answers {
        self.users += 1;
        let (stranger, ada, tom) = (self.app.stranger(), &self.ada, &self.tom);
        let role = if self.users.is_multiple_of(2) { "viewer" } else { "developer" };
        let newcomer = json!({"username": format!("newcomer_{}", self.users), "password": PASSWORD});
        let ticket = ada.post("/api/v1/ws/tickets", json!({})).await;
        let socket = match ticket.body["ticket"].as_str() {
            None => told(&ticket),
            Some(ticket) => match ada.socket_by_ticket(ticket).await {
                Ok(_greeted) => "greeted".to_owned(),
                Err(status) => status.to_string(),
            },
        };
        Answers {
            sign_up: told(&stranger.post("/api/v1/auth/register", newcomer).await),
            sign_in: told(
                &stranger.post("/api/v1/auth/login", json!({"username": "ada", "password": PASSWORD})).await,
            ),
            account: told(&ada.get("/api/v1/users/me").await),
            catalog: told(&ada.get("/api/v1/agents").await),
            create: told(&ada.try_create(self.agent).await),
            instances: told(&ada.get("/api/v1/instances").await),
            socket,
            key: tom.key().await,
            teams: told(&tom.caller.get("/api/v1/teams").await),
            member: told(&tom.caller.put(&tom.member_path, json!({"role": role})).await),
            shared: told(&tom.caller.get(&tom.instance_path).await),
        }
    }

    /// Starts them again, and answers with how long it took from the last one's first answer until all was well.
    async fn with_again(mut self, back: &'static [Server]) -> (Self, Duration) {
        self.servers = on(self.servers, back, |servers, server| servers.start_one(server).unwrap()).await;
        let began = Instant::now();
        self.app.replica.until_well().await;
        let took = began.elapsed();
        assert!(took < WELL_WITHIN, "it took {took:?} without {back:?}");
        assert_eq!(self.app.stranger().get("/readyz").await.status, 200);
        assert_eq!(self.answers().await, all_well(), "after the return of {back:?}");
        eprintln!("well {took:?} after the return of {back:?}");
        (self, took)
    }
}

async fn on(
    mut servers: Servers,
    those: &'static [Server],
    work: impl Fn(&mut Servers, Server) + Send + 'static,
) -> Servers {
    let worked = spawn_blocking(move || {
        for server in those {
            work(&mut servers, *server);
        }
        servers
    });
    worked.await.unwrap()
}

fn answers(all: [&str; 7], of_tom: [&str; 4]) -> Answers {
    let [sign_up, sign_in, account, catalog, create, instances, socket] = all.map(str::to_owned);
    let [key, teams, member, shared] = of_tom.map(str::to_owned);
    Answers { sign_up, sign_in, account, catalog, create, instances, socket, key, teams, member, shared }
}

fn all_well() -> Answers {
    answers(["201", "200", "200", "200", "201", "200", "greeted"], ["200"; 4])
}

const AWAY: &str = "dependency_unavailable";

/// Done, and not in force everywhere yet.
const UNKNOWN: &str = "outcome_unknown";

/// How long a key may still be taken after it can be heard no more that it was revoked: two seconds, on a machine that is busy.
const KEYS_REFUSED_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn each_server_that_is_away_costs_what_the_runbook_says_and_all_heals_by_itself() {
    let folder = Folder::new("degraded");
    let mut scene = Scene::set(&folder).await;
    let me = id_of(&scene.ada.get("/api/v1/users/me").await.expect(200));
    let mut follower = Follower::of(&scene.ada).await;
    assert_eq!(scene.answers().await, all_well());
    let load = Load::of(&scene.ada, scene.agent, 1);

    // Redis: nothing is refused.
    let mut scene = scene.without(&[REDIS], &["/accounts: redis"]).await;
    assert_eq!(scene.answers().await, all_well());
    let (scene, _) = scene.with_again(&[REDIS]).await;

    // RabbitMQ: nothing is refused; what happens is told later.
    let mut scene = scene.without(&[RABBITMQ], &["/broker/event_publisher: rabbitmq"]).await;
    assert_eq!(scene.answers().await, all_well());
    load.until_more(20).await;
    let (scene, _) = scene.with_again(&[RABBITMQ]).await;

    // user_psql: nobody comes in, and whoever is in works on. Programs do not: nothing but the row vouches for a key.
    let mut scene = scene.without(&[USER_POSTGRES], &["/accounts: user_psql"]).await;
    let began = Instant::now();
    eventually("keys are refused", async || (scene.tom.key().await == AWAY).then_some(())).await;
    assert!(began.elapsed() < KEYS_REFUSED_WITHIN, "{:?}", began.elapsed());
    let of_tom = [AWAY, AWAY, AWAY, "200"];
    assert_eq!(scene.answers().await, answers([AWAY, AWAY, AWAY, "200", "201", "200", "greeted"], of_tom));
    load.until_more(20).await;
    let (scene, _) = scene.with_again(&[USER_POSTGRES]).await;

    // shared_psql: accounts and the catalog.
    let mut scene = scene.without(&[SHARED_POSTGRES], &["/broker/event_publisher: postgres"]).await;
    let of_tom = ["200", "200", UNKNOWN, AWAY];
    assert_eq!(scene.answers().await, answers(["201", "200", "200", "200", AWAY, AWAY, "greeted"], of_tom));
    let (scene, _) = scene.with_again(&[SHARED_POSTGRES]).await;
    load.until_more(20).await;

    // Both that events need.
    let mut scene = scene.without(&[RABBITMQ, SHARED_POSTGRES], &["/broker/", "rabbitmq", "postgres"]).await;
    let of_tom = ["200", "200", UNKNOWN, AWAY];
    assert_eq!(scene.answers().await, answers(["201", "200", "200", "200", AWAY, AWAY, "greeted"], of_tom));
    let (scene, _) = scene.with_again(&[SHARED_POSTGRES, RABBITMQ]).await;
    load.until_more(20).await;

    let ids = load.stop().await;
    let Scene { app, servers, .. } = scene;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    follower.assert_whole(&app.stage.sql().await, &me).await;
    drop(app);
    spawn_blocking(move || servers.stop().unwrap()).await.unwrap();
}
