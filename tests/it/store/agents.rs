//! The catalog and its versions.

use botberi::models::agent::{AgentDraft, AgentFilter, AgentPatch, AgentStatus};
use botberi::models::ids::{AgentId, UserId};
use botberi::models::page::{Cursor, PageLimit};
use botberi::models::store::agents::{self, AgentUpdate};
use botberi::models::store::instances::{self, InsertOutcome};
use botberi::models::store::{Rule, StoreError};
use serde_json::json;

use super::builders::{created, placed, published_agent, wish};
use crate::support::database::TestDatabases;

fn draft(code: &str) -> AgentDraft {
    AgentDraft { title: "Echo".to_owned(), content: json!({}), activation_code: code.to_owned(), rate: 1 }
}

#[tokio::test]
async fn only_a_published_agent_can_be_made_into_an_instance() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = agents::insert(&db, &draft("a"), &botberi::models::Origin::default()).await.unwrap();
    let wanted = wish(&agent, UserId::new());
    assert_eq!(instances::insert(&db, &wanted, i64::MAX).await.unwrap(), InsertOutcome::AgentUnknown);

    let agent =
        agents::publish(&db, agent.id, None, &botberi::models::Origin::default()).await.unwrap().unwrap();
    assert_eq!(agent.status, AgentStatus::Published);
    let instance = created(instances::insert(&db, &wanted, i64::MAX).await.unwrap());
    assert_eq!((instance.agent_version, instance.revision), (1, 1));

    let _retired =
        agents::retire(&db, agent.id, None, &botberi::models::Origin::default()).await.unwrap().unwrap();
    let late = wish(&agent, UserId::new());
    assert_eq!(instances::insert(&db, &late, i64::MAX).await.unwrap(), InsertOutcome::AgentRetired);

    let unknown =
        botberi::models::instance::NewInstance { agent_id: AgentId(999_999), ..wish(&agent, UserId::new()) };
    assert_eq!(instances::insert(&db, &unknown, i64::MAX).await.unwrap(), InsertOutcome::AgentUnknown);
}

#[tokio::test]
async fn a_batch_answers_each_wish_by_itself_and_in_order() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = published_agent(&db).await;
    let owner = UserId::new();
    let mut wishes = [wish(&agent, owner), wish(&agent, owner), wish(&agent, owner)];
    wishes[1].agent_id = AgentId(999_999);
    let outcomes = instances::insert_batch(&db, &wishes.iter().collect::<Vec<_>>(), i64::MAX).await.unwrap();
    assert_eq!(outcomes.len(), 3);
    assert_eq!(outcomes[1], InsertOutcome::AgentUnknown);
    for (index, outcome) in outcomes.into_iter().enumerate().filter(|(index, _)| *index != 1) {
        let instance = created(outcome);
        assert_eq!(
            (instance.id, instance.knowledge_base_id),
            (wishes[index].id, wishes[index].knowledge_base_id)
        );
        assert_eq!(instances::find(&db, owner, instance.id).await.unwrap(), Some(instance));
    }
    assert!(instances::insert_batch(&db, &[], i64::MAX).await.unwrap().is_empty());
}

#[tokio::test]
async fn publishing_twice_changes_nothing_the_second_time() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = published_agent(&db).await;
    assert_eq!(
        agents::publish(&db, agent.id, None, &botberi::models::Origin::default()).await.unwrap(),
        Some(agent.clone())
    );
    let keys: Vec<_> =
        placed(&databases).await.into_iter().map(|event| event.routing_key.to_string()).collect();
    assert_eq!(keys, ["agent.updated", "agent.published"]);
    assert_eq!(
        agents::publish(&db, AgentId(999_999), None, &botberi::models::Origin::default()).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn an_edit_of_what_was_published_makes_the_next_version_and_keeps_the_former() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = published_agent(&db).await;
    let instance = created(instances::insert(&db, &wish(&agent, UserId::new()), i64::MAX).await.unwrap());

    let patch = AgentPatch { title: Some("Louder".to_owned()), ..AgentPatch::default() };
    let AgentUpdate::Updated(edited) =
        agents::update(&db, agent.id, &patch, &botberi::models::Origin::default()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((edited.version, edited.title.as_str()), (2, "Louder"));
    assert_eq!(
        agents::find_version(&db, agent.id, instance.agent_version).await.unwrap().unwrap().title,
        "Echo"
    );
    assert_eq!(agents::find_version(&db, agent.id, 2).await.unwrap().unwrap().title, "Louder");
    assert_eq!(agents::find_version(&db, agent.id, 3).await.unwrap(), None);

    // The code is no part of what is offered.
    let recoded = AgentPatch { activation_code: Some("other".to_owned()), ..AgentPatch::default() };
    let AgentUpdate::Updated(recoded) =
        agents::update(&db, agent.id, &recoded, &botberi::models::Origin::default()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((recoded.version, recoded.revision), (2, edited.revision + 1));

    let plain = databases.plain("postgres").await;
    let error = plain.execute("UPDATE agent_versions SET title = 'x'", &[]).await.unwrap_err();
    let error = StoreError::from(error);
    assert!(matches!(error, StoreError::RuleBroken { rule: Rule::PublishedVersions, .. }), "{error:?}");
    assert!(plain.execute("DELETE FROM agent_versions", &[]).await.is_err());
}

#[tokio::test]
async fn a_stale_edit_changes_nothing() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = agents::insert(&db, &draft("a"), &botberi::models::Origin::default()).await.unwrap();
    let patch = AgentPatch { rate: Some(9), expected_revision: Some(7), ..AgentPatch::default() };
    assert_eq!(
        agents::update(&db, agent.id, &patch, &botberi::models::Origin::default()).await.unwrap(),
        AgentUpdate::Stale
    );
    assert_eq!(
        agents::update(&db, AgentId(999_999), &patch, &botberi::models::Origin::default()).await.unwrap(),
        AgentUpdate::NotFound
    );
    let patch = AgentPatch { rate: Some(9), expected_revision: Some(1), ..AgentPatch::default() };
    let AgentUpdate::Updated(edited) =
        agents::update(&db, agent.id, &patch, &botberi::models::Origin::default()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((edited.rate, edited.version, edited.revision), (9, 1, 2));
}

#[tokio::test]
async fn an_agent_with_instances_is_not_deleted_and_one_without_goes_with_its_versions() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let used = published_agent(&db).await;
    let _instance = created(instances::insert(&db, &wish(&used, UserId::new()), i64::MAX).await.unwrap());
    let refused = agents::delete(&db, used.id, None, &botberi::models::Origin::default()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Reference { .. }), "{refused:?}");

    let unused = published_agent(&db).await;
    assert!(agents::delete(&db, unused.id, None, &botberi::models::Origin::default()).await.unwrap());
    assert!(!agents::delete(&db, unused.id, None, &botberi::models::Origin::default()).await.unwrap());
    assert_eq!(agents::find_version(&db, unused.id, 1).await.unwrap(), None);
}

#[tokio::test]
async fn activation_codes_are_unique_and_seeding_respects_what_is_there() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = agents::insert_if_missing(&db, &draft("a"), &botberi::models::Origin::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        agents::insert_if_missing(&db, &draft("a"), &botberi::models::Origin::default()).await.unwrap(),
        None
    );
    assert!(
        agents::insert(&db, &draft("a"), &botberi::models::Origin::default())
            .await
            .unwrap_err()
            .is_conflict_on(agents::ACTIVATION_CODE_KEY)
    );
    assert_eq!(agents::find(&db, agent.id).await.unwrap(), Some(agent));
}

#[tokio::test]
async fn pages_of_agents_meet_without_overlap() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    for code in ["a", "b", "c"] {
        let _agent = agents::insert(&db, &draft(code), &botberi::models::Origin::default()).await.unwrap();
    }
    let limit = PageLimit::new(2).unwrap();
    let first = agents::list(&db, &AgentFilter::default(), None, limit).await.unwrap();
    let cursor = Cursor::decode(&first.next_cursor.unwrap()).unwrap().number().unwrap();
    let second =
        agents::list(&db, &AgentFilter::default(), Some(AgentId(i32::try_from(cursor).unwrap())), limit)
            .await
            .unwrap();
    let codes: Vec<_> =
        first.items.iter().chain(&second.items).map(|agent| agent.activation_code.as_str()).collect();
    assert_eq!((codes, second.next_cursor), (vec!["c", "b", "a"], None));
    assert!(agents::load_published(&db).await.unwrap().is_empty());
}
