//! Dead letters, as administrators see them and decide about them.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::service::{Answer, Service};

const LETTERS: &str = "/api/v1/dead-letters";

/// A letter as a consumer would have kept it.
async fn a_letter(sql: &Client, queue: &str, key: &str, body: &[u8]) -> String {
    let insert = "INSERT INTO dead_letters (queue, event_id, routing_key, reason, headers, envelope, body, body_bytes)
                  VALUES ($1, gen_random_uuid(), $2, 'it had to', '{\"position\": 7}', '{\"headers\": {}}', $3, octet_length($3::bytea))
                  RETURNING id::text";
    sql.query_one(insert, &[&queue, &key, &body]).await.unwrap().get(0)
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[actix::test]
async fn administrators_list_letters_by_queue_key_and_state_page_by_page_and_open_them() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let sql = service.databases.plain("postgres").await;
    let mut all = Vec::new();
    for number in 0..5 {
        let (queue, key) = if number % 2 == 0 { ("q.even", "a.b") } else { ("q.odd", "a.c") };
        all.push(a_letter(&sql, queue, key, b"{\"n\": 1}").await);
    }
    // Ids of one millisecond are in no order of their own.
    all.sort();
    all.reverse();
    let first = admin.get(&format!("{LETTERS}?limit=3")).await.expect(200);
    assert_eq!(ids(&first), all[..3]);
    assert!(first["items"][0]["body"].is_null() && first["items"][0]["headers"].is_null());
    let next = format!("{LETTERS}?limit=3&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(ids(&admin.get(&next).await.expect(200)), all[3..]);
    assert_eq!(ids(&admin.get(&format!("{LETTERS}?queue=q.odd")).await.expect(200)).len(), 2);
    assert_eq!(ids(&admin.get(&format!("{LETTERS}?routing_key=a.b&state=open")).await.expect(200)).len(), 3);
    assert_eq!(ids(&admin.get(&format!("{LETTERS}?state=handled")).await.expect(200)).len(), 0);
    let faults = admin.get(&format!("{LETTERS}?state=gone&queue=%00&cursor=x&colour=red")).await;
    faults.problem(422, "validation_failed");

    let opened = admin.get(&format!("{LETTERS}/{}", all[0])).await.expect(200);
    assert_eq!((&opened["body"], &opened["headers"]), (&json!({"n": 1}), &json!({"position": 7})));
    let raw = a_letter(&sql, "q", "k", &[0xff, 0xfe]).await;
    let opened = admin.get(&format!("{LETTERS}/{raw}")).await.expect(200);
    assert_eq!((&opened["body"], &opened["body_base64"]), (&Value::Null, &json!("//4=")));
    service.stop().await;
}

#[actix::test]
async fn a_wish_is_written_once_and_what_cannot_be_sent_says_why() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let sql = service.databases.plain("postgres").await;
    let id = a_letter(&sql, "q", "k", b"x").await;
    let path = format!("{LETTERS}/{id}");
    let replay = format!("{path}/replay");
    let answer = admin.post(&replay, &json!({})).await;
    assert_eq!(answer.header("location"), path);
    let wished = answer.expect(202);
    assert_eq!((&wished["state"], wished["wished_by"].is_string()), (&json!("replaying"), true));
    admin.post(&replay, &json!({})).await.problem(409, "dead_letter_under_way");
    let many = admin.post(&format!("{LETTERS}/replay"), &json!({"queue": "q"})).await.expect(202);
    assert_eq!(many, json!({"letters": 0, "may_be_more": false}));

    admin.delete(&path).await.expect(204);
    admin.delete(&path).await.expect(204);
    let put_away = admin.get(&path).await.expect(200);
    assert_eq!((&put_away["state"], &put_away["outcome"]), (&json!("handled"), &json!("discarded")));
    assert_eq!(put_away["history"][1]["step"], "discarded");
    admin.post(&replay, &json!({})).await.problem(409, "dead_letter_handled");

    let cut = a_letter(&sql, "q", "k", b"x").await;
    let set = "UPDATE dead_letters SET obstacle = 'its body has 9 bytes' WHERE id::text = $1";
    sql.execute(set, &[&cut]).await.unwrap();
    let answer = admin.post(&format!("{LETTERS}/{cut}/replay"), &json!({})).await;
    assert_eq!(answer.body["detail"], "its body has 9 bytes");
    answer.problem(409, "dead_letter_not_redrivable");

    let busy = a_letter(&sql, "q", "k", b"x").await;
    sql.batch_execute(&format!("BEGIN; SELECT FROM dead_letters WHERE id = '{busy}' FOR UPDATE"))
        .await
        .unwrap();
    for answer in [
        admin.post(&format!("{LETTERS}/{busy}/replay"), &json!({})).await,
        admin.delete(&format!("{LETTERS}/{busy}")).await,
    ] {
        answer.problem(409, "dead_letter_under_way");
    }
    sql.batch_execute("ROLLBACK").await.unwrap();
    for missing in ["x", "01981b5e-0000-7000-8000-000000000000"] {
        let path = format!("{LETTERS}/{missing}");
        admin.get(&path).await.problem(404, "dead_letter_not_found");
        admin.delete(&path).await.problem(404, "dead_letter_not_found");
        admin.post(&format!("{path}/replay"), &json!({})).await.problem(404, "dead_letter_not_found");
    }
    service.stop().await;
}

#[actix::test]
async fn many_are_wished_for_at_once_up_to_a_bound_the_oldest_first() {
    let service = Service::start().await;
    let admin = service.admin().await;
    let sql = service.databases.plain("postgres").await;
    sql.batch_execute(
        "INSERT INTO dead_letters (queue, event_id, routing_key, reason, envelope, body)
         SELECT 'q', number::text, 'k' || number % 2, 'r', '{\"headers\": {}}', '' FROM generate_series(1, 2100) number",
    )
    .await
    .unwrap();
    let replay = async |meant: Value| admin.post(&format!("{LETTERS}/replay"), &meant).await.expect(202);
    assert_eq!(replay(json!({"queue": "other"})).await["letters"], 0);
    assert_eq!(replay(json!({"routing_key": "k1"})).await, json!({"letters": 1000, "may_be_more": true}));
    assert_eq!(replay(json!({"routing_key": "k1"})).await, json!({"letters": 50, "may_be_more": false}));
    assert_eq!(replay(json!({})).await["letters"], 1_000);
    assert_eq!(replay(json!({})).await["letters"], 50);
    admin.post(&format!("{LETTERS}/replay"), &json!({"queues": 1})).await.problem(422, "validation_failed");
    service.stop().await;
}

#[actix::test]
async fn nobody_but_administrators_comes_near_them() {
    let service = Service::start().await;
    let sql = service.databases.plain("postgres").await;
    let id = a_letter(&sql, "q", "k", b"x").await;
    let _there_is_one = service.admin().await;
    let ada = service.sign_up("ada").await;
    let user = ada.at(service.admin);
    for (caller, status, code) in
        [(service.nobody_at_admin(), 401, "unauthenticated"), (user, 403, "forbidden")]
    {
        for (method, path) in [
            (Method::GET, LETTERS.to_owned()),
            (Method::GET, format!("{LETTERS}/{id}")),
            (Method::DELETE, format!("{LETTERS}/{id}")),
            (Method::POST, format!("{LETTERS}/{id}/replay")),
            (Method::POST, format!("{LETTERS}/replay")),
        ] {
            let request = caller.request(method, &path).json(&json!({}));
            Answer::of(request).await.problem(status, code);
        }
    }
    let untouched = "SELECT FROM dead_letters WHERE handled_at IS NULL AND wished_at IS NULL";
    assert_eq!(sql.query(untouched, &[]).await.unwrap().len(), 1);
    service.stop().await;
}
