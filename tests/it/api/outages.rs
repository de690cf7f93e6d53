//! Servers that are away, and actors that break.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use botberi::actors::accounts::{AccountError, RedeemTicket};
use botberi::actors::system::{AskError, inject_panic};
use botberi::models::Principal;

use super::service::{Caller, Service};
use crate::support::proxy::Cable;

const WITHIN: Duration = Duration::from_secs(10);

async fn ticket(caller: &Caller) -> String {
    let ticket = caller.post("/api/v1/ws/tickets", &Value::Null).await.expect(201);
    assert_eq!(ticket["expires_in"], 30);
    ticket["ticket"].as_str().unwrap().to_owned()
}

async fn redeem(service: &Service, ticket: &str) -> Option<Principal> {
    match service.accounts.ask(RedeemTicket { ticket: ticket.to_owned() }).await {
        Ok(principal) => Some(principal),
        Err(AskError::Reply(AccountError::InvalidTicket)) => None,
        Err(error) => panic!("{error}"),
    }
}

async fn until_accounts_are(service: &Service, well: bool) {
    let holds = service
        .tree
        .wait_until(|report| report.iter().any(|part| part.path == "/accounts" && part.is_well() == well));
    timeout(WITHIN, holds).await.unwrap();
}

#[actix::test]
async fn a_ticket_opens_one_socket_for_the_one_who_asked() {
    let service = Service::start().await;
    let ada = service.sign_up("ada").await;
    let me = ada.get("/api/v1/users/me").await.expect(200);
    let ticket = ticket(&ada).await;
    let principal = redeem(&service, &ticket).await.unwrap();
    assert_eq!(principal.user_id.to_string(), me["id"].as_str().unwrap());
    assert_eq!(redeem(&service, &ticket).await, None);
    for none in ["", "x", &"A".repeat(43), "ws_ticket:x"] {
        assert_eq!(redeem(&service, none).await, None);
    }
    service.stop().await;
}

#[actix::test]
async fn tickets_go_through_postgres_while_redis_is_away_and_it_shows() {
    let service = Service::start().await;
    let ada = service.sign_up("ada").await;
    let before = ticket(&ada).await;
    for cable in [Cable::Cut, Cable::Silent, Cable::Slow(Duration::from_millis(500))] {
        service.redis.set(cable);
        until_accounts_are(&service, false).await;
        let problem = service.nobody().get("/readyz").await.problem(503, "dependency_unavailable");
        assert!(problem["detail"].as_str().unwrap().starts_with("/accounts: redis"), "{problem}");
        assert!(problem["report"].is_array());

        let meanwhile = ticket(&ada).await;
        assert!(redeem(&service, &meanwhile).await.is_some());
        assert_eq!(redeem(&service, &meanwhile).await, None);
        let kept = ticket(&ada).await;
        ada.sign_in("ada").await;

        service.redis.set(Cable::Sound);
        until_accounts_are(&service, true).await;
        assert!(redeem(&service, &kept).await.is_some());
        service.nobody().get("/readyz").await.expect(200);
    }
    assert!(redeem(&service, &before).await.is_some());
    service.stop().await;
}

#[actix::test]
async fn a_connection_to_redis_that_breaks_costs_nobody_a_ticket() {
    let service = Service::start().await;
    let ada = service.sign_up("ada").await;
    for _ in 0..3 {
        service.redis.drop_connections();
        let ticket = ticket(&ada).await;
        assert!(redeem(&service, &ticket).await.is_some());
    }
    service.stop().await;
}

#[actix::test]
async fn what_needs_the_database_says_so_and_the_catalog_goes_on() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let agent = service.published_agent(&admin, "echo_001").await;
    service.databases.user.close();
    service.databases.shared.close();

    ada.get(&format!("/api/v1/agents/{agent}")).await.expect(200);
    ada.get("/api/v1/users/me").await.problem(503, "dependency_unavailable");
    let wish = json!({"agent_id": agent, "title": "Mine"});
    let answer = ada.post("/api/v1/instances", &wish).await;
    assert_eq!(answer.header("retry-after"), "1");
    let problem = answer.problem(503, "dependency_unavailable");
    assert_eq!(problem.get("detail"), None, "what is inside stays inside");
    let well = service.tree.wait_until(|report| report.iter().filter(|part| !part.is_well()).count() == 3);
    timeout(WITHIN, well).await.unwrap();
    service.stop().await;
}

#[actix::test]
async fn a_panic_in_any_actor_is_one_failed_request_at_most() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let agent = service.published_agent(&admin, "echo_001").await;
    for path in ["/bell", "/accounts", "/catalog", "/catalog_editor", "/instances"] {
        assert!(inject_panic(&service.tree, path));
        let rebuilt = service.tree.wait_until(|report| {
            report.iter().any(|part| part.path == path && part.restarts == 1 && part.is_well())
        });
        timeout(WITHIN, rebuilt).await.unwrap();
    }
    service.agents_changed().await;
    ada.get(&format!("/api/v1/agents/{agent}")).await.expect(200);
    ada.post("/api/v1/instances", &json!({"agent_id": agent, "title": "Mine"})).await.expect(201);
    admin.get("/api/v1/agents").await.expect(200);
    ada.sign_in("ada").await;
    service.stop().await;
}

#[actix::test]
async fn postgres_is_asked_about_each_session_while_redis_is_away_and_nothing_is_heard() {
    let service = Service::start().await;
    let (ada, eve) = (service.sign_up("ada").await, service.sign_up("eve").await);
    let sql = service.databases.plain_user("postgres").await;
    // The feed may not look any more; everything else goes on.
    sql.batch_execute(
        "REVOKE SELECT ON sessions FROM botberi;
         GRANT SELECT (id, user_id, access_until, revoked_at, expires_at) ON sessions TO botberi",
    )
    .await
    .unwrap();
    service.redis.set(Cable::Cut);
    until_accounts_are(&service, false).await;
    crate::support::wait::eventually("the view is stale", async || {
        (!service.gate.view().is_fresh()).then_some(())
    })
    .await;

    ada.get("/api/v1/users/me").await.expect(200);
    sql.batch_execute(
        "UPDATE sessions SET revoked_at = now() FROM users WHERE users.id = user_id AND username = 'ada'",
    )
    .await
    .unwrap();
    ada.get("/api/v1/users/me").await.problem(401, "unauthenticated");
    eve.get("/api/v1/users/me").await.expect(200);
    let meanwhile = ticket(&eve).await;
    assert!(redeem(&service, &meanwhile).await.is_some());
    service.stop().await;
}

#[actix::test]
async fn a_ticket_that_went_through_postgres_is_for_the_same_session() {
    let service = Service::start().await;
    let ada = service.sign_up("ada").await;
    let by_redis = ticket(&ada).await;
    let by_redis = redeem(&service, &by_redis).await.unwrap();
    service.redis.set(Cable::Cut);
    until_accounts_are(&service, false).await;
    let by_postgres = ticket(&ada).await;
    assert_eq!(redeem(&service, &by_postgres).await.unwrap(), by_redis);

    let unused = ticket(&ada).await;
    ada.post("/api/v1/auth/logout", &Value::Null).await.expect(204);
    let refused = service.accounts.ask(RedeemTicket { ticket: unused }).await.unwrap_err();
    assert!(refused.to_string().contains("has been ended"), "{refused}");
    service.stop().await;
}

#[actix::test]
async fn the_list_in_redis_is_written_anew_when_redis_has_lost_it_and_is_not_believed_before() {
    let service = Service::start_in(11).await;
    service.empty_redis().await;
    let (ada, eve) = (service.sign_up("ada").await, service.sign_up("eve").await);
    let sql = service.databases.plain_user("postgres").await;
    let end = "UPDATE sessions SET revoked_at = now() FROM users
               WHERE users.id = user_id AND username = $1 RETURNING sessions.id::text";
    let ended: String = sql.query_one(end, &[&"ada"]).await.unwrap().get(0);
    let key = format!("blacklist:{ended}");
    for _ in 0..2 {
        for key in [key.as_str(), "blacklist:whole"] {
            crate::support::wait::eventually(key, async || {
                let (value, seconds) = service.in_redis(key).await;
                value.filter(|value| value == "1" && (800..=920).contains(&seconds))
            })
            .await;
        }
        service.empty_redis().await;
    }
    ada.get("/api/v1/users/me").await.problem(401, "unauthenticated");

    // Nobody hears of anything any more, and Redis is empty: what is not on its list proves nothing.
    sql.batch_execute(
        "REVOKE SELECT (revoked_in) ON sessions FROM botberi; REVOKE SELECT ON sessions FROM botberi",
    )
    .await
    .unwrap();
    crate::support::wait::eventually("the view is stale", async || {
        (!service.gate.view().is_fresh()).then_some(())
    })
    .await;
    service.empty_redis().await;
    eve.get("/api/v1/agents").await.problem(503, "dependency_unavailable");
    ada.get("/api/v1/agents").await.problem(401, "unauthenticated");
    service.stop().await;
}

#[actix::test]
async fn a_redis_that_was_restarted_from_an_old_snapshot_is_told_everything_again() {
    let folder = crate::support::folder::Folder::new("own-redis");
    let port = botberi::cli::dev::Ports::free().unwrap().redis;
    let own = OwnRedis::start(&folder, port).await;
    let service = Service::start_on_redis(([127, 0, 0, 1], port).into()).await;
    let sql = service.databases.plain_user("postgres").await;
    let mut keys = vec!["blacklist:whole".to_owned()];
    for name in ["ada", "eve"] {
        service.sign_up(name).await;
        let end = "UPDATE sessions SET revoked_at = now() FROM users
                   WHERE users.id = user_id AND username = $1 RETURNING sessions.id::text";
        let ended: String = sql.query_one(end, &[&name]).await.unwrap().get(0);
        keys.push(format!("blacklist:{ended}"));
        until_all_are_in_redis(&service, &keys).await;
        if name == "ada" {
            own.say("SAVE").await.unwrap();
        }
    }
    drop(own);
    let _from_the_snapshot = OwnRedis::start(&folder, port).await;
    until_all_are_in_redis(&service, &keys).await;
    service.stop().await;
}

async fn until_all_are_in_redis(service: &Service, keys: &[String]) {
    for key in keys {
        crate::support::wait::eventually(key, async || service.in_redis(key).await.0).await;
    }
}

/// A Redis of a test's own, which keeps a snapshot of what it is told to.
struct OwnRedis {
    port: u16,
    process: std::process::Child,
}

impl OwnRedis {
    async fn start(folder: &crate::support::folder::Folder, port: u16) -> Self {
        let mut command = std::process::Command::new("redis-server");
        let command =
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
        let process = command.arg(&folder.path).stdout(std::process::Stdio::null()).spawn().unwrap();
        let own = Self { port, process };
        crate::support::wait::eventually("redis answers", async || own.say("PING").await.ok()).await;
        own
    }

    async fn say(&self, command: &str) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.port)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd(command).query_async(&mut connection).await
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
