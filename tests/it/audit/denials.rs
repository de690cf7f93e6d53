//! What is denied is counted by who, where and why, and written soon, and at the latest when the process stops.

use serde_json::json;
use tokio_postgres::Client;

use crate::support::client::{Caller, PASSWORD};
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

/// How often so far: by whom, at what, and why.
async fn denied(sql: &Client) -> Vec<(String, Option<String>, String, String, i64)> {
    let query = "SELECT actor_kind, actor_id::text, target_id, detail ->> 'code', sum(count)::bigint
                 FROM audit_log
                 WHERE outcome = 'denied' AND action = 'request.deny' AND target_kind = 'route' AND address = '127.0.0.1'
                     AND request_id IS NOT NULL AND detail ->> 'first_at' <= detail ->> 'last_at'
                 GROUP BY 1, 2, 3, 4
                 ORDER BY 3, 4";
    let rows = sql.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))).collect()
}

#[actix::test]
async fn denials_are_counted_by_who_where_and_why_and_none_is_lost_by_a_stop() {
    let stage = Stage::set().await;
    let replica = Replica::start(&stage, false, &[]).await;
    let stranger = Caller::stranger(&replica.user_api);
    let ada = stranger.sign_up("ada").await;
    let me = ada.user_id().await;
    for _ in 0..3 {
        assert_eq!(stranger.get("/api/v1/instances").await.status, 401);
        assert_eq!(ada.at(&replica.admin_api).get("/api/v1/users").await.status, 403);
    }
    let wrong = json!({"username": "ada", "password": "not hers at all"});
    for _ in 0..2 {
        assert_eq!(stranger.post("/api/v1/auth/login", wrong.clone()).await.status, 401);
    }
    // Found, or not there, or not as it should be: nothing that was denied.
    assert_eq!(ada.get("/api/v1/instances").await.status, 200);
    assert_eq!(ada.get("/api/v1/instances/nothing").await.status, 404);

    let sql = stage.sql().await;
    let nobody = |route: &str, code: &str, count| {
        ("nobody".to_owned(), None, format!("/api/v1{route}"), code.to_owned(), count)
    };
    let expected = vec![
        nobody("/auth/login", "invalid_credentials", 2),
        nobody("/instances", "unauthenticated", 3),
        ("user".to_owned(), Some(me), "/api/v1/users".to_owned(), "forbidden".to_owned(), 3),
    ];
    eventually("the denials are written", async || (denied(&sql).await == expected).then_some(())).await;
    let rows: i64 =
        sql.query_one("SELECT count(*) FROM audit_log WHERE outcome = 'denied'", &[]).await.unwrap().get(0);
    assert!(rows <= 8, "{rows} rows for 8 denials");

    for _ in 0..4 {
        assert_eq!(stranger.get("/api/v1/instances").await.status, 401);
    }
    drop(replica);
    assert_eq!(denied(&sql).await[1], nobody("/instances", "unauthenticated", 7));
    let all: String =
        sql.query_one("SELECT string_agg(a::text, ' ') FROM audit_log a", &[]).await.unwrap().get(0);
    assert!(!all.contains(PASSWORD) && !all.contains("not hers"), "{all}");
}
