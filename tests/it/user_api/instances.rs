//! The main job: instances, from the wish to the end, as their user, the bus and the socket see them.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::id_of;

#[tokio::test]
async fn a_new_instance_comes_up_and_everybody_hears_of_it_in_order() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;

    let wish = json!({
        "agent_id": agent, "title": " Mine ", "user_config": {"tone": "dry"},
        "pipeline_config": {"steps": [{"name": "answer"}]},
    });
    let answer = ada.post("/api/v1/instances", wish).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let created = answer.expect(201);
    let id = id_of(&created);
    assert_eq!(location, format!("/api/v1/instances/{id}"));
    assert_eq!((&created["status"], &created["revision"]), (&json!("pending"), &json!(1)));
    assert_eq!((&created["title"], &created["agent_id"]), (&json!("Mine"), &json!(agent)));
    assert_eq!(created["user_config"], json!({"tone": "dry"}));
    assert_eq!((&created["team_id"], &created["status_reason"]), (&json!(null), &json!(null)));

    app.stage.tap.until_status(&id, "running").await;
    let story = app.stage.tap.story_of(&id);
    assert_eq!(statuses(&story), ["pending", "provisioning", "running"]);
    let running = ada.instance(&id).await;
    assert_eq!((&running["status"], &running["revision"]), (&json!("running"), &json!(3)));
    app.stage.until_told().await;
}

/// The statuses that were told, in order.
fn statuses(story: &[(String, Option<String>)]) -> Vec<&str> {
    story.iter().filter_map(|(_, status)| status.as_deref()).collect()
}
