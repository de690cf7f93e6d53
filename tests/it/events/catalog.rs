//! What one replica changes of the catalog, the users of all others see.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Caller;
use crate::support::proxy::Cable;
use crate::support::replica::Replica;
use crate::support::wait::eventually;

/// Waits until somebody's list has exactly these agents of the test, as titles, newest first.
async fn until_listed(who: &Caller, titles: &[&str]) {
    let what = format!("the list is {titles:?}");
    eventually(&what, async || {
        let page = who.get("/api/v1/agents?category=followed").await.expect(200);
        let items = page["items"].as_array().unwrap().iter();
        let listed: Vec<String> = items.map(|item| item["title"].as_str().unwrap().to_owned()).collect();
        (listed == titles).then_some(())
    })
    .await;
}

async fn published(admin: &Caller, title: &str) -> String {
    let draft =
        json!({"title": title, "content": {"category": "followed"}, "activation_code": title, "rate": 1});
    let agent = admin.post("/api/v1/agents", draft).await.expect(201);
    let path = format!("/api/v1/agents/{}", agent["id"]);
    admin.post(&format!("{path}/publish"), Value::Null).await.expect(200);
    path
}

#[tokio::test]
async fn every_replica_offers_what_another_has_published_edited_imported_and_retired() {
    let app = TestApp::start().await;
    let other = Replica::start(&app.stage, false, &[]).await;
    let admin = app.admin().await;
    let here = app.sign_up("ada").await;
    let there = here.at(&other.user_api);
    let everywhere = async |titles: &[&str]| {
        until_listed(&there, titles).await;
        until_listed(&here, titles).await;
    };

    let path = published(&admin, "one").await;
    everywhere(&["one"]).await;
    admin.patch(&path, json!({"title": "two"})).await.expect(200);
    everywhere(&["two"]).await;
    let definition = json!({
        "name": "three", "category": "followed", "description": "x", "version": "1.0.0", "capabilities": ["x"],
        "system_prompt": "x", "model": "x",
    });
    admin.post("/api/v1/agents/import?publish=true", definition).await.expect(200);
    everywhere(&["three", "two"]).await;
    admin.at(&other.admin_api).post(&format!("{path}/retire"), Value::Null).await.expect(200);
    everywhere(&["three"]).await;
    other.stop();
}

#[tokio::test]
async fn a_replica_that_rabbitmq_was_away_from_offers_what_has_changed_meanwhile() {
    let app = TestApp::start().await;
    let other = Replica::start(&app.stage, true, &[]).await;
    let admin = app.admin().await;
    let there = app.sign_up("ada").await.at(&other.user_api);
    let path = published(&admin, "one").await;
    until_listed(&there, &["one"]).await;

    let cable = &other.cables.as_ref().unwrap().rabbitmq;
    cable.set(Cable::Cut);
    other.until_impaired("/user/catalog_changes").await;
    admin.patch(&path, json!({"title": "two"})).await.expect(200);
    let gone = published(&admin, "gone").await;
    admin.post(&format!("{gone}/retire"), Value::Null).await.expect(200);
    published(&admin, "three").await;
    app.stage.until_told().await;
    until_listed(&there, &["one"]).await;

    cable.set(Cable::Sound);
    until_listed(&there, &["three", "two"]).await;
    other.until_well().await;
    other.stop();
}
