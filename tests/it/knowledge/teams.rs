//! A team's knowledge: whoever looks may search it, whoever works may fill it, and whoever left has nothing of it.

use serde_json::json;

use super::library::{Library, platform};
use crate::support::client::id_of;

#[actix::test]
async fn roles_in_a_team_decide_who_reads_and_who_writes() {
    let app = platform(&[]).await;
    let (ada, vera, dan) = (app.sign_up("ada").await, app.sign_up("vera").await, app.sign_up("dan").await);
    let team = id_of(&ada.post("/api/v1/teams", json!({"name": "Crew"})).await.expect(201));
    for (member, role) in [(&vera, "viewer"), (&dan, "developer")] {
        let path = format!("/api/v1/teams/{team}/members/{}", member.user_id().await);
        ada.put(&path, json!({"role": role})).await.expect(200);
    }
    let wish = json!({"agent_id": ada.an_agent().await, "title": "Shared", "team_id": team});
    let instance = id_of(&ada.post("/api/v1/instances", wish).await.expect(201));
    let of_dan = Library { owner: dan.clone(), instance };
    let entry = of_dan.text("The harbour opens at dawn.", "en").await;

    let of_vera = of_dan.seen_by(&vera);
    assert_eq!(of_vera.finds("harbour").await, [entry.as_str()]);
    assert_eq!(of_vera.add(json!({"content": "x"})).await.problem(403), "forbidden");
    assert_eq!(of_vera.order(&entry, "reindex").await.problem(403), "forbidden");
    assert_eq!(vera.delete(&of_vera.path(&format!("/entries/{entry}"))).await.problem(403), "forbidden");
    assert_eq!(of_vera.upload("a.txt", b"some text", &[]).await.problem(403), "forbidden");
    let usage = ada.get("/api/v1/usage").await.expect(200);
    let entries =
        usage["quotas"].as_array().unwrap().iter().find(|it| it["name"] == "knowledge_entries").unwrap();
    assert_eq!(entries["used"], 1, "it counts for whoever made the instance");

    ada.delete(&format!("/api/v1/teams/{team}/members/{}", vera.user_id().await)).await.expect(204);
    assert_eq!(vera.get(&of_vera.path("/search?q=harbour")).await.problem(404), "instance_not_found");
}
