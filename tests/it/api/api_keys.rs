//! API keys: what programs come with.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::service::Service;
use crate::support::client::Caller;
use crate::support::proxy::Cable;
use crate::support::replica::{ADMIN_PASSWORD, Replica};
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const KEYS: &str = "/api/v1/api-keys";
const AGENTS: &str = "/api/v1/agents";
const INSTANCES: &str = "/api/v1/instances";
const ME: &str = "/api/v1/users/me";

/// How soon another replica refuses what was revoked. Loose, for the sake of busy machines.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

async fn make(user: &Caller, permissions: &[&str]) -> Value {
    user.post(KEYS, json!({"name": "mine", "permissions": permissions})).await.expect(201)
}

fn with(caller: &Caller, key: &Value) -> Caller {
    caller.with_token(key["key"].as_str().unwrap())
}

async fn refused_within(limit: Duration, caller: &Caller) {
    let began = Instant::now();
    eventually("the key is refused", async || {
        let answer = caller.get(AGENTS).await;
        if answer.status == 200 {
            return None;
        }
        assert_eq!(answer.problem(401), "unauthenticated");
        Some(())
    })
    .await;
    assert!(began.elapsed() < limit, "it took {:?}", began.elapsed());
}

#[actix::test]
async fn a_key_does_what_it_was_made_for_and_no_more_and_is_shown_once() {
    let stage = Stage::set().await;
    let replica = Replica::start(&stage, false, &[]).await;
    let ada = Caller::stranger(&replica.user_api).sign_up("ada").await;
    let made = make(&ada, &["agent:list", "instance:read"]).await;
    let text = made["key"].as_str().unwrap();
    assert!(text.starts_with("sk-") && text.starts_with(made["prefix"].as_str().unwrap()));
    let program = with(&ada, &made);
    program.get(AGENTS).await.expect(200);
    program.get(INSTANCES).await.expect(200);
    let wish = json!({"agent_id": 1, "title": "Mine"});
    let refused = program.post(INSTANCES, wish).await;
    assert_eq!(refused.problem(403), "forbidden");
    assert!(refused.body["detail"].as_str().unwrap().contains("`instance:create`"), "{}", refused.body);
    // Neither the account nor other keys can be had with one.
    program.get(ME).await.problem(403);
    program.post(KEYS, json!({"name": "more", "permissions": ["agent:list"]})).await.problem(403);
    program.post("/api/v1/auth/logout", Value::Null).await.problem(401);

    let listed = ada.get(KEYS).await.expect(200);
    assert_eq!(listed["items"][0]["id"], made["id"]);
    assert!(!listed.to_string().contains(text) && listed["items"][0].get("key").is_none());
    eventually("it is noted when it was used", async || {
        let listed = ada.get(KEYS).await.expect(200);
        (!listed["items"][0]["last_used_at"].is_null()).then_some(())
    })
    .await;

    // What is kept opens nothing, in Postgres or in Redis.
    let sql = stage.databases.plain_user("postgres").await;
    let rows = sql.query("SELECT row_to_json(k)::text FROM api_keys k", &[]).await.unwrap();
    let kept: String = rows[0].get(0);
    assert!(!kept.contains(&text[11..]), "{kept}");
}

#[actix::test]
async fn a_key_that_is_revoked_is_refused_everywhere_and_its_sockets_close_with_and_without_redis() {
    let stage = Stage::set().await;
    let one = Replica::start(&stage, true, &[]).await;
    let other = Replica::start(&stage, true, &[]).await;
    let ada = Caller::stranger(&one.user_api).sign_up("ada").await;
    for without_redis in [false, true] {
        if without_redis {
            for replica in [&one, &other] {
                replica.cables.as_ref().unwrap().redis.set(Cable::Cut);
            }
        }
        let made = make(&ada, &["agent:list", "event:read"]).await;
        let there = with(&ada, &made).at(&other.user_api);
        there.get(AGENTS).await.expect(200);
        let mut socket = there.socket(None).await;
        let ticket = there.post("/api/v1/ws/tickets", Value::Null).await.expect(201);
        let stranger = Caller::stranger(&other.user_api);
        let by_ticket = stranger.socket_by_ticket(ticket["ticket"].as_str().unwrap()).await;
        let mut by_ticket = by_ticket.unwrap_or_else(|status| panic!("no socket: {status}"));
        let late = there.post("/api/v1/ws/tickets", Value::Null).await.expect(201);

        let began = Instant::now();
        let id = made["id"].as_str().unwrap();
        ada.delete(&format!("{KEYS}/{id}")).await.expect(204);
        assert_eq!(socket.closed().await, 4401);
        assert!(began.elapsed() < HEARD_WITHIN, "the socket closed after {:?}", began.elapsed());
        assert_eq!(by_ticket.closed().await, 4401);
        refused_within(HEARD_WITHIN, &there).await;
        // Here at once.
        with(&ada, &made).get(AGENTS).await.problem(401);
        let status = stranger.socket_by_ticket(late["ticket"].as_str().unwrap()).await.err();
        assert_eq!(status, Some(401), "a ticket of a revoked key");
        ada.delete(&format!("{KEYS}/{id}")).await.problem(404);
    }
}

#[actix::test]
async fn a_key_follows_its_users_role_and_rests_while_the_account_does() {
    let stage = Stage::set().await;
    let replica = Replica::start(&stage, false, &[]).await;
    let ada = Caller::stranger(&replica.user_api).sign_up("ada").await;
    let id = ada.get(ME).await.expect(200)["id"].as_str().unwrap().to_owned();
    let made = make(&ada, &["agent:list", "instance:create"]).await;
    let program = with(&ada, &made);
    let wish = json!({"agent_id": program.an_agent().await, "title": "Mine"});
    program.post(INSTANCES, wish.clone()).await.expect(201);
    let root = Caller::stranger(&replica.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
    let user = format!("/api/v1/users/{id}");
    let change = async |change: Value| root.patch(&user, change).await.expect(200);
    let becomes = async |status: u16| {
        eventually("the program is answered so", async || {
            (program.post(INSTANCES, wish.clone()).await.status == status).then_some(())
        })
        .await;
    };
    change(json!({"role": "viewer"})).await;
    becomes(403).await;
    program.get(AGENTS).await.expect(200);
    change(json!({"disabled": true})).await;
    becomes(401).await;
    change(json!({"disabled": false, "role": "developer"})).await;
    becomes(201).await;

    let again = Caller::stranger(&replica.user_api).sign_in("ada", crate::support::client::PASSWORD).await;
    again.delete(ME).await.expect(204);
    becomes(401).await;
}

#[actix::test]
async fn a_key_is_replaced_without_a_gap_and_the_old_one_ends_after_the_overlap() {
    let service = Service::start().await;
    let ada = service.sign_up("ada").await;
    let old = ada.post(KEYS, &json!({"name": "mine", "permissions": ["agent:list"]})).await.expect(201);
    let path = format!("{KEYS}/{}/rotate", old["id"].as_str().unwrap());
    let new = ada.post(&path, &json!({"overlap_seconds": 1})).await.expect(201);
    assert_eq!((&new["name"], &new["permissions"]), (&old["name"], &old["permissions"]));
    let by = |key: &Value| ada.with_token(key["key"].as_str().unwrap());
    by(&new).get(AGENTS).await.expect(200);
    by(&old).get(AGENTS).await.expect(200);
    eventually("the old one has ended", async || (by(&old).get(AGENTS).await.status == 401).then_some(()))
        .await;
    by(&new).get(AGENTS).await.expect(200);
    ada.post(&path, &json!({})).await.problem(404, "api_key_not_found");
    service.stop().await;
}

#[actix::test]
async fn a_key_is_made_once_however_often_it_is_asked_for_and_no_more_than_may_be() {
    let service = Service::start().await;
    let ada = service.sign_up("ada").await;
    let wish = json!({"name": "mine", "permissions": ["agent:list"]});
    let first = ada.keyed(KEYS, "k1", &wish).await.expect(201);
    let again = ada.keyed(KEYS, "k1", &wish).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    let again = again.expect(201);
    assert_eq!(again["id"], first["id"]);
    assert!(again["key"].is_null() && first["key"].is_string());
    let other = json!({"name": "other", "permissions": ["agent:list"]});
    ada.keyed(KEYS, "k1", &other).await.problem(422, "idempotency_key_reused");

    // Many at once for the places that are left: five in all.
    let wishes = (0..12).map(|_| ada.post(KEYS, &wish));
    let statuses: Vec<u16> =
        futures_util::future::join_all(wishes).await.into_iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 4, "{statuses:?}");
    ada.post(KEYS, &wish).await.problem(403, "quota_exceeded");
    let listed = ada.get(KEYS).await.expect(200);
    let ids: HashSet<&str> =
        listed["items"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5);

    let eve = service.sign_up("eve").await;
    let id = first["id"].as_str().unwrap();
    eve.delete(&format!("{KEYS}/{id}")).await.problem(404, "api_key_not_found");
    eve.post(&format!("{KEYS}/{id}/rotate"), &json!({})).await.problem(404, "api_key_not_found");
    assert!(eve.get(KEYS).await.expect(200)["items"].as_array().unwrap().is_empty());
    service.stop().await;
}

#[actix::test]
async fn whoever_writes_into_redis_makes_no_key_good() {
    let stage = Stage::set().await;
    let one = Replica::start(&stage, false, &[]).await;
    let other = Replica::start(&stage, false, &[]).await;
    let ada = Caller::stranger(&one.user_api).sign_up("ada").await;
    let made = make(&ada, &["agent:list"]).await;
    let program = with(&ada, &made);
    program.get(AGENTS).await.expect(200);

    let client = redis::Client::open(stage.places().redis).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let names: Vec<String> = redis::cmd("KEYS").arg("api_key:*").query_async(&mut redis).await.unwrap();
    let mut found = false;
    for name in names {
        let id: Option<String> =
            redis::cmd("HGET").arg(&name).arg("id").query_async(&mut redis).await.unwrap();
        if id.as_deref() == made["id"].as_str() {
            found = true;
            let more = "agent:list instance:read";
            redis::cmd("HSET").arg(&name).arg("permissions").arg(more).exec_async(&mut redis).await.unwrap();
        }
    }
    assert!(found, "what was read is there for other replicas");
    let there = program.at(&other.user_api);
    there.get(INSTANCES).await.problem(403);
    there.get(AGENTS).await.expect(200);
}
