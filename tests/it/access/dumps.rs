//! What somebody has who has stolen a copy of each database and of Redis.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::client::{Caller, PASSWORD, id_of};
use crate::support::replica::{ADMIN_PASSWORD, Replica};
use crate::support::stage::Stage;

/// Everything that is in a database, as text.
async fn dump(sql: &Client) -> String {
    let tables = "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
                  WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let mut all = String::new();
    for row in sql.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        // Bytes as text, too, where they are one: a secret in a `bytea` is a secret.
        for row in sql.query(&format!("SELECT t::text FROM {table} t"), &[]).await.unwrap() {
            all.push_str(row.get(0));
            all.push('\n');
        }
    }
    all
}

/// Everything that is in Redis, names included.
async fn dump_redis(url: &str) -> String {
    let client = redis::Client::open(url).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    let mut all = String::new();
    for name in names {
        let value: Vec<u8> = redis::cmd("DUMP")
            .arg(&name)
            .query_async::<Option<_>>(&mut redis)
            .await
            .unwrap()
            .unwrap_or_default();
        all.push_str(&name);
        all.push_str(&String::from_utf8_lossy(&value));
        all.push('\n');
    }
    all
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[actix::test]
async fn a_dump_of_each_database_and_of_redis_opens_nothing_that_lasts() {
    let stage = Stage::set().await;
    let replica = Replica::start(&stage, false, &[]).await;
    let nobody = Caller::stranger(&replica.user_api);
    let ada = nobody.sign_up("ada").await;
    let credentials = json!({"username": "ada", "password": PASSWORD});
    let tokens = nobody.post("/api/v1/auth/login", credentials).await.expect(200);
    let renewal = json!({"refresh_token": tokens["refresh_token"]});
    let renewed = nobody.post("/api/v1/auth/refresh", renewal).await.expect(200);
    let root = Caller::stranger(&replica.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
    let reset = format!("/api/v1/users/{}/password-reset", ada.user_id().await);
    let reset = root.post(&reset, Value::Null).await.expect(201);
    let wish = json!({"name": "mine", "permissions": ["agent:list"]});
    let key = ada.post("/api/v1/api-keys", wish.clone()).await.expect(201);
    let rotate = format!("/api/v1/api-keys/{}/rotate", id_of(&key));
    let next = ada.post(&rotate, json!({})).await.expect(201);
    let keyed =
        ada.request(reqwest::Method::POST, "/api/v1/api-keys").header("idempotency-key", "k").json(&wish);
    let keyed = crate::support::client::answer(keyed).await.expect(201);
    ada.with_token(key["key"].as_str().unwrap()).get("/api/v1/agents").await.expect(200);
    let ticket = ada.ticket().await;
    stage.until_told().await;

    let secrets = [
        ("the password", PASSWORD),
        ("the administrator's password", ADMIN_PASSWORD),
        ("an access token", tokens["access_token"].as_str().unwrap()),
        ("a refresh token that is spent", tokens["refresh_token"].as_str().unwrap()),
        ("a refresh token", renewed["refresh_token"].as_str().unwrap()),
        ("a token for another password", reset["token"].as_str().unwrap()),
        ("an API key", key["key"].as_str().unwrap()),
        ("an API key that replaces another", next["key"].as_str().unwrap()),
        ("an API key that may be asked for again", keyed["key"].as_str().unwrap()),
        ("a ticket", ticket.as_str()),
    ];
    let stolen = [
        ("user_psql", dump(&stage.databases.plain_user("postgres").await).await),
        ("shared_psql", dump(&stage.sql().await).await),
        ("redis", dump_redis(&stage.places().redis).await),
    ];
    for (place, all) in &stolen {
        assert!(all.len() > 1_000, "{place} is not empty");
        for (what, secret) in secrets {
            // The contract names tickets by themselves in Redis: good once, and for half a minute.
            let is_known = *place == "redis" && what == "a ticket";
            let is_there = all.contains(secret) || all.contains(&hex(secret));
            assert_eq!(is_there, is_known, "{what} is in {place}");
            // The random part alone would do, too.
            let part = secret.get(secret.len().saturating_sub(24)..).unwrap();
            assert!(is_known || !all.contains(part), "a part of {what} is in {place}");
        }
    }
    // A digest is as good as the key only for whoever takes digests for keys.
    let sql = stage.databases.plain_user("postgres").await;
    let row =
        sql.query_one("SELECT encode(key_hash, 'hex'), prefix FROM api_keys LIMIT 1", &[]).await.unwrap();
    for no_key in [row.get::<_, String>(0), format!("sk-{}", row.get::<_, String>(0)), row.get(1)] {
        nobody.with_token(&no_key).get("/api/v1/agents").await.problem(401);
    }
}
