//! What the triggers tell, checked field by field against the event catalogue.

use botberi::models::event::{RowChange, StoredEvent};
use botberi::models::ids::{ReplicaId, UserId};
use botberi::models::instance::InstanceStatus;
use botberi::models::store::instance_work::{self, Claim, Move};
use botberi::models::store::{agents, instances, outbox};
use botberi::models::{Reach, TeamRole, TeamRoles};
use serde_json::{Value, json};

use super::builders::{an_instance, created, fields, names, placed, published_agent, team_of, wish};
use crate::support::database::TestDatabases;

fn keys(events: &[StoredEvent]) -> Vec<&str> {
    events.iter().map(|event| event.routing_key.as_str()).collect()
}

fn is_utc(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok())
}

#[tokio::test]
async fn the_life_of_an_instance_is_told_in_the_words_of_the_catalogue() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = published_agent(&db).await;
    let user_id = UserId::new();
    let team = team_of(&databases.plain("botberi").await, user_id, TeamRole::Owner).await;
    let team_roles: TeamRoles = [TeamRole::Owner].into_iter().collect();
    let reach = Reach { team_roles, ..Reach::from(user_id) };
    let wanted =
        botberi::models::instance::NewInstance { team_id: Some(team), team_roles, ..wish(&agent, user_id) };
    let instance = created(instances::insert(&db, &wanted, i64::MAX).await.unwrap());
    let me = ReplicaId::new();
    let taken = instance_work::take_batch(&db, me, &[instance.id], 60_000).await.unwrap();
    let step = Move {
        claim: Claim { id: instance.id, epoch: taken[0].owner_epoch },
        from: InstanceStatus::Provisioning,
        to: InstanceStatus::Failed,
        reason: Some("no luck".to_owned()),
        deadline_ms: None,
    };
    let _moved = instance_work::move_batch(&db, me, &[step]).await.unwrap();
    let _gone = instances::tombstone(&db, reach, instance.id, None, &botberi::models::Origin::default())
        .await
        .unwrap();

    let events: Vec<_> = placed(&databases).await.into_iter().skip(2).collect();
    assert_eq!(
        keys(&events),
        [
            "instance.created",
            "knowledge_base.created",
            "instance.updated",
            "instance.updated",
            "instance.deleted"
        ]
    );
    for event in &events {
        assert_eq!(
            (event.user_id, event.team_id),
            (Some(instance.user_id), Some(team)),
            "{}",
            event.routing_key
        );
    }
    let told: Vec<_> = events.iter().map(fields).collect();

    assert_eq!(
        names(&told[0]),
        ["agent_id", "config", "created_at", "instance_id", "revision", "status", "team_id", "user_id"]
    );
    assert_eq!(
        told[0]["config"],
        json!({"user_config": {"tone": "dry"}, "pipeline_config": {"steps": [1, 2]}})
    );
    assert_eq!((&told[0]["status"], &told[0]["revision"]), (&json!("pending"), &json!(1)));
    assert_eq!(told[0]["agent_id"], json!(agent.id.0));
    assert!(is_utc(&told[0]["created_at"]));
    assert_eq!(events[0].occurred_at, instance.created_at);

    assert_eq!(names(&told[1]), ["instance_id", "knowledge_base_id", "team_id", "user_id"]);
    assert_eq!(told[1]["knowledge_base_id"], json!(instance.knowledge_base_id));

    for (index, status, reason, revision) in
        [(2, "provisioning", Value::Null, 2), (3, "failed", json!("no luck"), 3)]
    {
        assert_eq!(
            names(&told[index]),
            [
                "agent_id",
                "instance_id",
                "metadata",
                "revision",
                "status",
                "status_reason",
                "team_id",
                "updated_at",
                "user_id"
            ]
        );
        assert_eq!((&told[index]["status"], &told[index]["status_reason"]), (&json!(status), &reason));
        assert_eq!((&told[index]["revision"], events[index].revision), (&json!(revision), Some(revision)));
        assert_eq!(told[index]["metadata"]["owner_epoch"], json!(1));
        assert_eq!(told[index]["metadata"]["desired_state"], json!("running"));
        assert!(is_utc(&told[index]["updated_at"]));
        assert_eq!(events[index].row_change, RowChange::Update);
    }

    assert_eq!(names(&told[4]), ["agent_id", "deleted_at", "instance_id", "revision", "team_id", "user_id"]);
    assert_eq!((&told[4]["revision"], events[4].row_change), (&json!(4), RowChange::Delete));
    assert!(is_utc(&told[4]["deleted_at"]));

    // The same is its history, for members and nobody else, not even its maker.
    let history = outbox::of_instance(&db, reach, instance.id, 0, 10).await.unwrap();
    let history: Vec<_> = history.into_iter().map(|past| past.event).collect();
    assert_eq!(
        keys(&history),
        ["instance.created", "instance.updated", "instance.updated", "instance.deleted"]
    );
    for other in [UserId::new(), user_id] {
        assert!(outbox::of_instance(&db, other, instance.id, 0, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_rolled_back_change_leaves_no_event() {
    let databases = TestDatabases::create().await;
    let mut db = databases.shared().await;
    let instance = an_instance(&db).await;
    let _before = placed(&databases).await;

    let transaction = db.transaction().await.unwrap();
    let _wish =
        instances::stop(&transaction, instance.user_id, instance.id, &botberi::models::Origin::default())
            .await
            .unwrap();
    transaction.rollback().await.unwrap();
    {
        let dropped = db.transaction().await.unwrap();
        let _wish =
            instances::stop(&dropped, instance.user_id, instance.id, &botberi::models::Origin::default())
                .await
                .unwrap();
    }
    assert_eq!(instances::find(&db, instance.user_id, instance.id).await.unwrap(), Some(instance));
    assert!(placed(&databases).await.is_empty());
}

#[tokio::test]
async fn the_purge_of_a_tombstone_tells_nothing() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let instance = an_instance(&db).await;
    add_entry(&plain, instance.knowledge_base_id, "x").await;
    let _gone =
        instances::tombstone(&db, instance.user_id, instance.id, None, &botberi::models::Origin::default())
            .await
            .unwrap();
    let before = placed(&databases).await;
    assert_eq!(keys(&before).last(), Some(&"instance.deleted"));

    plain.execute("DELETE FROM instances WHERE id = $1", &[&instance.id]).await.unwrap();
    assert!(placed(&databases).await.is_empty());
    let row = plain.query_one("SELECT count(*) FROM knowledge_base_entries", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_plain_delete_of_a_living_row_tells_of_the_instance_and_not_of_its_parts() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let instance = an_instance(&db).await;
    add_entry(&plain, instance.knowledge_base_id, "x").await;
    let _before = placed(&databases).await;

    plain.execute("DELETE FROM instances WHERE id = $1", &[&instance.id]).await.unwrap();
    let events = placed(&databases).await;
    assert_eq!(keys(&events), ["instance.deleted"]);
    assert_eq!(
        (events[0].user_id, events[0].revision),
        (Some(instance.user_id), Some(instance.revision + 1))
    );
}

async fn add_entry(
    plain: &tokio_postgres::Client,
    base: botberi::models::ids::KnowledgeBaseId,
    content: &str,
) -> uuid::Uuid {
    let insert = "INSERT INTO knowledge_base_entries (knowledge_base_id, content, data_type, lang_hint)
                  VALUES ($1, $2, 'document', 'en') RETURNING id";
    plain.query_one(insert, &[&base, &content]).await.unwrap().get(0)
}

#[tokio::test]
async fn entries_are_told_with_their_owner_and_without_their_content() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let instance = an_instance(&db).await;
    let _before = placed(&databases).await;

    let entry = add_entry(&plain, instance.knowledge_base_id, "a-secret-document").await;
    let update =
        "UPDATE knowledge_base_entries SET status = 'failed', status_reason = 'unreadable' WHERE id = $1";
    assert_eq!(plain.execute(update, &[&entry]).await.unwrap(), 1);
    assert_eq!(plain.execute(update, &[&entry]).await.unwrap(), 1, "the same again tells nothing");
    plain.execute("DELETE FROM knowledge_base_entries WHERE id = $1", &[&entry]).await.unwrap();

    let events = placed(&databases).await;
    assert_eq!(
        keys(&events),
        ["knowledge_base.entry.created", "knowledge_base.entry.updated", "knowledge_base.entry.deleted"]
    );
    for event in &events {
        let told = fields(event);
        assert_eq!(
            names(&told),
            [
                "data_type",
                "entry_id",
                "instance_id",
                "knowledge_base_id",
                "lang_hint",
                "revision",
                "status",
                "status_reason",
                "team_id",
                "user_id"
            ]
        );
        assert_eq!(told["instance_id"], json!(instance.id));
        assert_eq!(event.user_id, Some(instance.user_id));
    }
    assert_eq!(fields(&events[1])["status_reason"], json!("unreadable"));
}

#[tokio::test]
async fn the_life_of_an_agent_is_told_without_its_code() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = published_agent(&db).await;
    let _retired = agents::retire(&db, agent.id, None, &botberi::models::Origin::default()).await.unwrap();
    assert!(agents::delete(&db, agent.id, None, &botberi::models::Origin::default()).await.unwrap());

    let events = placed(&databases).await;
    assert_eq!(keys(&events), ["agent.updated", "agent.published", "agent.retired", "agent.deleted"]);
    for event in &events {
        let told = fields(event);
        assert_eq!(names(&told), ["agent_id", "capabilities", "name", "version"]);
        assert_eq!((&told["name"], &told["capabilities"]), (&json!("Echo"), &json!(["echo", "repeat"])));
        assert_eq!(event.aggregate_id, agent.id.to_string());
    }
    assert_eq!(
        events.iter().map(|event| event.revision).collect::<Vec<_>>(),
        [Some(1), Some(2), Some(3), Some(4)]
    );
}

#[tokio::test]
async fn workflows_and_executions_tell_how_they_get_on() {
    let databases = TestDatabases::create().await;
    let plain = databases.plain("botberi").await;
    let owner = UserId::new();
    let insert = "INSERT INTO workflows (user_id, name, tasks) VALUES ($1, 'w', '[]') RETURNING id";
    let workflow: uuid::Uuid = plain.query_one(insert, &[&owner]).await.unwrap().get(0);
    for set in [
        "status = 'running', started_at = now()",
        "results = '[1]'",
        "status = 'completed', finished_at = now()",
    ] {
        plain.execute(&format!("UPDATE workflows SET {set} WHERE id = $1"), &[&workflow]).await.unwrap();
    }
    let insert =
        "INSERT INTO agent_executions (agent_id, user_id, workflow_id) VALUES (1, $1, $2) RETURNING id";
    let execution: uuid::Uuid = plain.query_one(insert, &[&owner, &workflow]).await.unwrap().get(0);
    plain
        .execute(
            "UPDATE agent_executions SET status = 'succeeded', processing_time_ms = 2.5 WHERE id = $1",
            &[&execution],
        )
        .await
        .unwrap();

    let events = placed(&databases).await;
    assert_eq!(
        keys(&events),
        [
            "workflow.created",
            "workflow.started",
            "workflow.updated",
            "workflow.finished",
            "execution.created",
            "execution.updated"
        ]
    );
    assert!(events.iter().all(|event| event.user_id == Some(owner)));
    assert_eq!(
        names(&fields(&events[3])),
        ["created_at", "finished_at", "started_at", "status", "team_id", "user_id", "workflow_id"]
    );
    assert_eq!(fields(&events[5])["processing_time_ms"], json!(2.5));
}

#[tokio::test]
async fn no_secret_is_in_any_event_or_bell() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let mut listener = databases.own().await;
    listener.listen().await.unwrap();
    let instance = an_instance(&db).await;
    let entry = add_entry(&plain, instance.knowledge_base_id, "a-secret-document").await;
    plain
        .batch_execute(&format!(
            "UPDATE knowledge_base_entries SET content = 'a-secret-rewritten' WHERE id = '{entry}';
             UPDATE agents SET activation_code = 'code-that-nobody-sees', title = 'renamed';
             UPDATE instances SET title = 'renamed'"
        ))
        .await
        .unwrap();
    for _ in 0..4 {
        let payload = listener.bell().await.unwrap();
        assert!(!payload.contains("secret") && !payload.contains("nobody-sees"), "{payload}");
    }
    let rows = plain.query("SELECT event_outbox::text FROM event_outbox", &[]).await.unwrap();
    assert!(rows.len() >= 8);
    for row in rows {
        let text: String = row.get(0);
        assert!(!text.contains("secret") && !text.contains("nobody-sees"), "{text}");
    }
}

#[tokio::test]
async fn times_are_in_utc_whatever_the_writers_zone_is() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let instance = an_instance(&db).await;
    plain
        .batch_execute(&format!(
            "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German';
             UPDATE instances SET title = 'x' WHERE id = '{}'",
            instance.id
        ))
        .await
        .unwrap();
    let events = placed(&databases).await;
    let last = events.last().unwrap();
    let told = fields(last)["updated_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(is_utc(&fields(last)["updated_at"]));
    assert_eq!(told, last.occurred_at);
}
