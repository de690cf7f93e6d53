//! Instances as their users see them, and the rules that hold for every writer.

use botberi::models::ids::{AgentId, InstanceId, UserId};
use botberi::models::instance::{DesiredState, InstancePatch, InstanceStatus};
use botberi::models::page::{Cursor, PageLimit};
use botberi::models::store::instances::{self, ChangeOutcome, InstanceFilter};
use botberi::models::store::{Rule, StoreError};
use serde_json::json;
use tokio_postgres::Client;

use super::builders::{an_instance, created, published_agent, wish};
use crate::support::database::TestDatabases;

/// Brings an instance to a status by lawful moves.
async fn lead_to(plain: &Client, id: InstanceId, status: InstanceStatus) {
    let path: &[InstanceStatus] = match status {
        InstanceStatus::Pending => &[],
        InstanceStatus::Provisioning => &[InstanceStatus::Provisioning],
        InstanceStatus::Running => &[InstanceStatus::Provisioning, InstanceStatus::Running],
        InstanceStatus::Failed => &[InstanceStatus::Failed],
        InstanceStatus::Stopped => &[InstanceStatus::Stopped],
    };
    for step in path {
        plain.execute("UPDATE instances SET status = $2 WHERE id = $1", &[&id, step]).await.unwrap();
    }
}

fn broken_rule(error: tokio_postgres::Error) -> (Rule, String) {
    match StoreError::from(error) {
        StoreError::RuleBroken { rule, message } => (rule, message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_database_lets_exactly_the_lawful_moves_happen() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let agent = published_agent(&db).await;
    for from in InstanceStatus::ALL {
        for to in InstanceStatus::ALL {
            let instance =
                created(instances::insert(&db, &wish(&agent, UserId::new()), i64::MAX).await.unwrap());
            lead_to(&plain, instance.id, *from).await;
            let outcome =
                plain.execute("UPDATE instances SET status = $2 WHERE id = $1", &[&instance.id, to]).await;
            match outcome {
                Ok(_) => assert!(from == to || from.can_move_to(*to), "{from} to {to} was let through"),
                Err(error) => {
                    assert!(!from.can_move_to(*to), "{from} to {to} was refused");
                    let (rule, message) = broken_rule(error);
                    assert_eq!(rule, Rule::LegalMoves);
                    assert!(message.contains(from.as_str()) && message.contains(to.as_str()), "{message}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_revision_grows_by_one_with_each_change_that_a_user_could_see_and_with_no_other() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let instance = an_instance(&db).await;
    let other = published_agent(&db).await;
    let (visible, invisible) = (
        [
            "status = 'provisioning'".to_owned(),
            "status = 'running', status_reason = 'up', title = 'two at once'".to_owned(),
            "status_reason = NULL".to_owned(),
            "title = 'new'".to_owned(),
            "user_config = '{\"a\": 1}'".to_owned(),
            "pipeline_config = '{\"b\": 2}'".to_owned(),
            "team_id = uuid_v7()".to_owned(),
            "desired_state = 'stopped'".to_owned(),
            format!("bot_id = {}", other.id),
        ],
        [
            "title = 'new'",
            "user_config = '{ \"a\" : 1 }'",
            "owner_replica = uuid_v7(), owner_epoch = owner_epoch + 1",
            "attempts = 5",
            "deadline_at = now()",
            "revision = 99",
            "updated_at = '1999-01-01'",
        ],
    );

    let mut expected = 1_i64;
    let mut last_update = instance.updated_at;
    let query =
        |set: &str| format!("UPDATE instances SET {set} WHERE id = $1 RETURNING revision, updated_at");
    for set in &visible {
        let row = plain.query_one(&query(set), &[&instance.id]).await.unwrap();
        expected += 1;
        assert_eq!(row.get::<_, i64>(0), expected, "{set}");
        assert!(row.get::<_, jiff::Timestamp>(1) > last_update, "{set}");
        last_update = row.get(1);
    }
    for set in invisible {
        let row = plain.query_one(&query(set), &[&instance.id]).await.unwrap();
        assert_eq!(
            (row.get::<_, i64>(0), row.get::<_, jiff::Timestamp>(1)),
            (expected, last_update),
            "{set}"
        );
    }
    let row = plain
        .query_one("SELECT count(*) FROM event_outbox WHERE aggregate_id = $1", &[&instance.id.to_string()])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), expected, "as many events as revisions");
}

#[tokio::test]
async fn an_instance_begins_as_pending_and_never_changes_its_owner() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let instance = an_instance(&db).await;

    let insert =
        "INSERT INTO instances (bot_id, user_id, title, status) VALUES ($1, uuid_v7(), 'x', 'running')";
    let error = plain.execute(insert, &[&instance.agent_id]).await.unwrap_err();
    assert_eq!(broken_rule(error).0, Rule::Beginnings);

    let error = plain
        .execute("UPDATE instances SET user_id = uuid_v7() WHERE id = $1", &[&instance.id])
        .await
        .unwrap_err();
    assert_eq!(broken_rule(error).0, Rule::FixedColumns);
}

#[tokio::test]
async fn a_row_made_by_plain_sql_lacks_nothing() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let agent = published_agent(&db).await;
    let owner = UserId::new();
    let row = plain
        .query_one(
            "INSERT INTO instances (bot_id, user_id, title) VALUES ($1, $2, 'by hand') RETURNING id",
            &[&agent.id, &owner],
        )
        .await
        .unwrap();
    let instance = instances::find(&db, owner, row.get(0)).await.unwrap().unwrap();
    assert_eq!((instance.agent_version, instance.status), (agent.version, InstanceStatus::Pending));

    // An agent made by plain SQL can be used at once, too.
    let row = plain
        .query_one(
            "INSERT INTO agents (title, activation_code, status) VALUES ('t', 'c', 'published') RETURNING id",
            &[],
        )
        .await
        .unwrap();
    let by_hand: AgentId = row.get(0);
    let insert = "INSERT INTO instances (bot_id, user_id, title) VALUES ($1, $2, 'by hand')";
    assert_eq!(plain.execute(insert, &[&by_hand, &owner]).await.unwrap(), 1);
}

#[tokio::test]
async fn nobody_reaches_anothers_instance() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let instance = an_instance(&db).await;
    let (eve, id) = (UserId::new(), instance.id);
    let patch = InstancePatch { title: Some("mine".to_owned()), ..InstancePatch::default() };

    assert_eq!(instances::find(&db, eve, id).await.unwrap(), None);
    assert_eq!(instances::patch(&db, eve, id, &patch).await.unwrap(), ChangeOutcome::NotFound);
    assert_eq!(
        instances::tombstone(&db, eve, id, None, &botberi::models::Origin::default()).await.unwrap(),
        ChangeOutcome::NotFound
    );
    assert_eq!(instances::stop(&db, eve, id, &botberi::models::Origin::default()).await.unwrap(), None);
    assert_eq!(instances::start(&db, eve, id, &botberi::models::Origin::default()).await.unwrap(), None);
    let page = instances::list(&db, eve, InstanceFilter::default(), None, PageLimit::DEFAULT).await.unwrap();
    assert!(page.items.is_empty());
    assert_eq!(instances::find(&db, instance.user_id, id).await.unwrap(), Some(instance));
}

#[tokio::test]
async fn a_patch_with_an_old_revision_changes_nothing() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let instance = an_instance(&db).await;
    let patch = |title: &str, expected_revision| InstancePatch {
        title: Some(title.to_owned()),
        user_config: Some(json!({"n": 1})),
        expected_revision,
        ..InstancePatch::default()
    };
    let outcome = instances::patch(&db, instance.user_id, instance.id, &patch("a", Some(1))).await.unwrap();
    let ChangeOutcome::Changed(changed) = outcome else { panic!("{outcome:?}") };
    assert_eq!((changed.title.as_str(), changed.revision), ("a", 2));
    assert_eq!(
        (changed.user_config.read().unwrap(), &changed.pipeline_config),
        (json!({"n": 1}), &instance.pipeline_config)
    );

    let stale = instances::patch(&db, instance.user_id, instance.id, &patch("b", Some(1))).await.unwrap();
    assert_eq!(stale, ChangeOutcome::Stale);
    let stale = instances::tombstone(
        &db,
        instance.user_id,
        instance.id,
        Some(1),
        &botberi::models::Origin::default(),
    )
    .await
    .unwrap();
    assert_eq!(stale, ChangeOutcome::Stale);
    let not_an_object = InstancePatch { user_config: Some(json!([])), ..InstancePatch::default() };
    let refused = instances::patch(&db, instance.user_id, instance.id, &not_an_object).await.unwrap_err();
    assert!(matches!(refused, StoreError::Invalid { .. }), "{refused:?}");
}

#[tokio::test]
async fn lists_are_newest_first_filtered_and_without_the_deleted() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let agent = published_agent(&db).await;
    let other_agent = published_agent(&db).await;
    let owner = UserId::new();
    let mut ids = Vec::new();
    for agent in [&agent, &agent, &other_agent, &agent] {
        ids.push(created(instances::insert(&db, &wish(agent, owner), i64::MAX).await.unwrap()).id);
    }
    let _gone =
        instances::tombstone(&db, owner, ids[3], None, &botberi::models::Origin::default()).await.unwrap();
    plain.execute("UPDATE instances SET status = 'failed' WHERE id = $1", &[&ids[0]]).await.unwrap();

    let list = async |filter, before, limit| {
        let page = instances::list(&db, owner, filter, before, PageLimit::new(limit).unwrap()).await.unwrap();
        let ids: Vec<_> = page.items.iter().map(|instance| instance.id).collect();
        (ids, page.next_cursor)
    };
    let (first, cursor) = list(InstanceFilter::default(), None, 2).await;
    assert_eq!(first, [ids[2], ids[1]]);
    let before = InstanceId(Cursor::decode(&cursor.unwrap()).unwrap().uuid().unwrap());
    assert_eq!(list(InstanceFilter::default(), Some(before), 2).await, (vec![ids[0]], None));

    let failed = InstanceFilter { status: Some(InstanceStatus::Failed), agent_id: None };
    assert_eq!(list(failed, None, 50).await.0, [ids[0]]);
    let others = InstanceFilter { status: None, agent_id: Some(other_agent.id) };
    assert_eq!(list(others, None, 50).await.0, [ids[2]]);
}

#[tokio::test]
async fn stopping_and_starting_are_wishes_and_may_be_repeated() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let instance = an_instance(&db).await;
    let (owner, id) = (instance.user_id, instance.id);
    lead_to(&plain, id, InstanceStatus::Running).await;

    let stopping =
        instances::stop(&db, owner, id, &botberi::models::Origin::default()).await.unwrap().unwrap();
    assert_eq!((stopping.desired_state, stopping.status), (DesiredState::Stopped, InstanceStatus::Running));
    assert_eq!(
        instances::stop(&db, owner, id, &botberi::models::Origin::default()).await.unwrap(),
        Some(stopping.clone())
    );

    let called_off =
        instances::start(&db, owner, id, &botberi::models::Origin::default()).await.unwrap().unwrap();
    assert_eq!(
        (called_off.desired_state, called_off.status),
        (DesiredState::Running, InstanceStatus::Running)
    );
    assert_eq!(called_off.revision, stopping.revision + 1);
    assert_eq!(
        instances::start(&db, owner, id, &botberi::models::Origin::default()).await.unwrap(),
        Some(called_off)
    );

    plain
        .execute(
            "UPDATE instances SET status = 'failed', status_reason = 'why', attempts = 3 WHERE id = $1",
            &[&id],
        )
        .await
        .unwrap();
    let anew = instances::start(&db, owner, id, &botberi::models::Origin::default()).await.unwrap().unwrap();
    assert_eq!((anew.status, anew.status_reason, anew.attempts), (InstanceStatus::Pending, None, 0));
}

#[tokio::test]
async fn a_tombstone_hides_the_row_and_cannot_be_undone() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let instance = an_instance(&db).await;
    let (owner, id) = (instance.user_id, instance.id);

    let outcome =
        instances::tombstone(&db, owner, id, Some(1), &botberi::models::Origin::default()).await.unwrap();
    let ChangeOutcome::Changed(tombstone) = outcome else { panic!("{outcome:?}") };
    assert_eq!((tombstone.desired_state, tombstone.revision), (DesiredState::Deleted, 2));
    assert_eq!(instances::find(&db, owner, id).await.unwrap(), None);
    assert_eq!(
        instances::tombstone(&db, owner, id, None, &botberi::models::Origin::default()).await.unwrap(),
        ChangeOutcome::NotFound
    );
    assert_eq!(instances::start(&db, owner, id, &botberi::models::Origin::default()).await.unwrap(), None);

    for undo in
        ["deleted_at = NULL", "desired_state = 'running'", "deleted_at = NULL, desired_state = 'running'"]
    {
        let statement = format!("UPDATE instances SET {undo} WHERE id = $1");
        let error = plain.execute(&statement, &[&id]).await.unwrap_err();
        assert_eq!(broken_rule(error).0, Rule::Tombstones, "{undo}");
    }
    let row = plain
        .query_one(
            "UPDATE instances SET title = 'x', status = 'failed' WHERE id = $1 RETURNING revision",
            &[&id],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 2, "nothing counts behind a tombstone");
}

#[tokio::test]
async fn either_half_of_a_tombstone_brings_the_other() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    for half in ["deleted_at = now()", "desired_state = 'deleted'"] {
        let instance = an_instance(&db).await;
        let statement =
            format!("UPDATE instances SET {half} WHERE id = $1 RETURNING desired_state, deleted_at IS NULL");
        let row = plain.query_one(&statement, &[&instance.id]).await.unwrap();
        assert_eq!((row.get(0), row.get(1)), (DesiredState::Deleted, false), "{half}");
    }
}
