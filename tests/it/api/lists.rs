//! Lists that change while somebody reads them page by page.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::service::{Caller, Service};

const INSTANCES: &str = "/api/v1/instances";

async fn create(caller: &Caller, agent: i64) -> String {
    let wish = json!({"agent_id": agent, "title": "Mine"});
    caller.post(INSTANCES, &wish).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// Reads the whole list in pages of that length; between two pages, `meanwhile` happens.
async fn read(caller: &Caller, limit: usize, mut meanwhile: impl AsyncFnMut()) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("{INSTANCES}?limit={limit}{cursor}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return seen,
        }
        meanwhile().await;
    }
}

#[actix::test]
async fn a_reader_of_pages_sees_nothing_twice_and_misses_nothing_that_was_there_all_along() {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let agent = service.published_agent(&admin, "echo_001").await;
    let mut there = Vec::new();
    for _ in 0..60 {
        there.push(create(&ada, agent).await);
    }
    for round in 0..30 {
        let limit = round % 7 + 1;
        let before: HashSet<String> = there.iter().cloned().collect();
        let (mut gone, mut step) = (HashSet::new(), round * 31);
        let seen = read(&ada, limit, async || {
            // Something new, and one of those that are there goes: near the beginning, near the end, where the cursor is.
            there.push(create(&ada, agent).await);
            step = (step * 7 + 13) % there.len();
            let victim = there.remove(step);
            ada.delete(&format!("{INSTANCES}/{victim}")).await.expect(204);
            gone.insert(victim);
        })
        .await;

        let distinct: HashSet<String> = seen.iter().cloned().collect();
        assert_eq!(distinct.len(), seen.len(), "something was seen twice");
        let stayed: HashSet<&String> = before.iter().filter(|id| !gone.contains(*id)).collect();
        let missed: Vec<_> = stayed.iter().filter(|id| !distinct.contains(**id)).collect();
        assert!(missed.is_empty(), "round {round} missed {missed:?}");
        assert!(
            distinct.iter().all(|id| before.contains(id)),
            "what is newer than the first page is not in the next"
        );
        assert!(seen.is_sorted_by(|newer, older| newer > older), "newest first");
    }
    service.stop().await;
}
