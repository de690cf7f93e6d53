//! How much may be kept.

use futures_util::future::join_all;
use serde_json::json;

use super::library::{Library, platform};
use crate::support::client::id_of;

#[actix::test]
async fn entries_and_bytes_are_counted_refused_beyond_and_given_back() {
    let own = [("quotas.knowledge_entries_max", 3.into()), ("quotas.knowledge_bytes_max", 1_000.into())];
    let app = platform(&own).await;
    let ada = app.sign_up("ada").await;
    let (one, two) = (Library::of(&ada).await, Library::of(&ada).await);
    let used = async |name: &str| {
        let usage = ada.get("/api/v1/usage").await.expect(200);
        let quotas = usage["quotas"].as_array().unwrap();
        quotas.iter().find(|quota| quota["name"] == name).unwrap()["used"].as_i64().unwrap()
    };

    let first = one.text(&"a ".repeat(300), "en").await;
    assert_eq!((used("knowledge_entries").await, used("knowledge_bytes").await), (1, 600));
    let large = two.add(json!({"content": "b".repeat(401)})).await;
    assert_eq!(large.problem(403), "quota_exceeded");
    assert_eq!(large.body["quota"], json!({"name": "knowledge_bytes", "limit": 1_000, "used": 600}));
    let file = two.upload("b.txt", &[b'b'; 401], &[]).await;
    assert_eq!(file.problem(403), "quota_exceeded");

    two.text("small", "en").await;
    two.text("smaller", "en").await;
    let many = one.add(json!({"content": "x"})).await;
    assert_eq!(many.body["quota"]["name"], "knowledge_entries");
    let longer =
        one.owner.patch(&one.path(&format!("/entries/{first}")), json!({"content": "c".repeat(2_000)})).await;
    assert_eq!(longer.problem(403), "quota_exceeded");

    let shorter =
        one.owner.patch(&one.path(&format!("/entries/{first}")), json!({"content": "d".repeat(590)})).await;
    assert_eq!(shorter.expect(200)["status"], "queued", "to take less is always possible");
    one.until(&first, "ready").await;
    one.owner.delete(&one.path(&format!("/entries/{first}"))).await.expect(204);
    assert_eq!((used("knowledge_entries").await, used("knowledge_bytes").await), (2, 12));
    one.text("there is room again", "en").await;
}

#[actix::test]
async fn of_many_who_want_the_last_place_one_gets_it() {
    let app = platform(&[("quotas.knowledge_entries_max", 1.into())]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let wishes = (0..8).map(|number| library.add(json!({"content": format!("text {number}")})));
    let statuses: Vec<u16> =
        join_all(wishes.collect::<Vec<_>>()).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 403].contains(status)), "{statuses:?}");
}

#[actix::test]
async fn an_administrator_gives_a_user_limits_of_their_own() {
    let app = platform(&[]).await;
    let (ada, admin) = (app.sign_up("ada").await, app.admin().await);
    let library = Library::of(&ada).await;
    let path = format!("/api/v1/users/{}", ada.user_id().await);
    let limited = admin.patch(&path, json!({"quotas": {"knowledge_entries_max": 0}})).await.expect(200);
    assert_eq!(limited["quotas"]["knowledge_entries_max"], 0);
    assert_eq!(library.add(json!({"content": "x"})).await.problem(403), "quota_exceeded");
    admin.patch(&path, json!({"quotas": {"knowledge_entries_max": null}})).await.expect(200);
    let entry = library.add(json!({"content": "x"})).await.expect(201);
    library.until(&id_of(&entry), "ready").await;
}
