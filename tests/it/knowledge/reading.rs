//! Reading: called off, taken from those who cannot finish, in turns.

use serde_json::json;

use super::library::{Library, platform};
use crate::support::client::id_of;
use crate::support::wait::eventually;

/// An entry that says that it is being read by a process that is not there.
const ABANDON: &str = "UPDATE knowledge_base_entries
    SET status = 'processing', owner_replica = uuid_v7(), owner_epoch = owner_epoch + 1, attempts = $2,
        deadline_at = clock_timestamp() + interval '1 hour'
    WHERE id = $1::text::uuid";

/// Nothing is read here.
async fn without_workers() -> crate::support::app::TestApp {
    let roles: Vec<&str> = vec!["user", "admin", "broker"];
    platform(&[("service.roles", roles.into())]).await
}

#[actix::test]
async fn what_waits_or_is_read_can_be_called_off() {
    let app = without_workers().await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let waiting = library.add(json!({"content": "Never mind."})).await.expect(201);
    let cancelled = library.order(&id_of(&waiting), "cancel").await.expect(202);
    assert_eq!(
        (&cancelled["status"], &cancelled["status_reason"]),
        (&json!("failed"), &json!("Reading it was called off."))
    );
    assert_eq!(library.order(&id_of(&waiting), "retry").await.expect(202)["status"], "queued");
    let sql = app.stage.databases.plain("postgres").await;
    sql.execute(ABANDON, &[&id_of(&waiting), &1]).await.unwrap();
    assert_eq!(library.order(&id_of(&waiting), "cancel").await.expect(202)["status"], "failed");
}

#[actix::test]
async fn a_reading_that_is_called_off_leaves_what_was_read_before() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let id = library.text("Still to be found.", "en").await;
    let sql = app.stage.databases.plain("postgres").await;
    sql.execute(
        "UPDATE knowledge_base_entries SET due_at = clock_timestamp() + interval '1 hour', status = 'queued'",
        &[],
    )
    .await
    .unwrap();
    assert_eq!(library.finds("found").await, [id.as_str()]);
    let cancelled = library.order(&id, "cancel").await.expect(202);
    assert_eq!((&cancelled["status"], &cancelled["chunks"]), (&json!("ready"), &json!(1)));
    assert_eq!(library.finds("found").await, [id]);
}

#[actix::test]
async fn what_a_dead_reader_has_left_is_read_and_what_kills_its_readers_fails() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let (good, bad) = (library.text("A good one.", "en").await, library.text("A bad one.", "en").await);
    let sql = app.stage.databases.plain("postgres").await;
    sql.batch_execute(
        "UPDATE knowledge_base_entries SET due_at = clock_timestamp() + interval '1 hour', status = 'queued'",
    )
    .await
    .unwrap();
    sql.execute(ABANDON, &[&good, &1]).await.unwrap();
    sql.execute(ABANDON, &[&bad, &3]).await.unwrap();
    library.until(&good, "ready").await;
    let failed = library.until(&bad, "failed").await;
    assert_eq!(failed["status_reason"], "Reading it did not come to an end, again and again.");
    assert!(library.finds("bad").await.is_empty());
}

#[actix::test]
async fn what_is_written_by_plain_sql_while_it_is_read_is_read_once_more() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let id = library.text("The old text.", "en").await;
    let sql = app.stage.databases.plain("postgres").await;
    sql.batch_execute(
        "UPDATE knowledge_base_entries SET due_at = clock_timestamp() + interval '1 hour', status = 'queued',
         owner_epoch = owner_epoch + 1",
    )
    .await
    .unwrap();
    sql.execute(ABANDON, &[&id, &1]).await.unwrap();
    let change = "UPDATE knowledge_base_entries SET content = 'Something new.' WHERE id = $1::text::uuid";
    sql.execute(change, &[&id]).await.unwrap();
    library.until(&id, "ready").await;
    assert_eq!(library.finds("new").await, [id.as_str()]);
    assert!(library.finds("old").await.is_empty());
}

#[actix::test]
async fn whoever_deletes_an_entry_has_its_reader_let_go_of_it_first() {
    let app = without_workers().await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let id = id_of(&library.add(json!({"content": "Going away."})).await.expect(201));
    let mut reader = app.stage.databases.plain("postgres").await;
    let sql = app.stage.databases.plain("postgres").await;
    sql.execute(ABANDON, &[&id, &1]).await.unwrap();
    let epoch = async || -> i64 {
        let query = "SELECT owner_epoch FROM knowledge_base_entries WHERE id = $1::text::uuid";
        sql.query_one(query, &[&id]).await.unwrap().get(0)
    };
    let before = epoch().await;
    // What a reader holds while it writes chunks.
    let keeping = reader.transaction().await.unwrap();
    let hold = "SELECT id FROM knowledge_base_entries WHERE id = $1::text::uuid FOR KEY SHARE";
    keeping.execute(hold, &[&id]).await.unwrap();
    let path = library.path(&format!("/entries/{id}"));
    let delete = library.owner.delete(&path);
    let let_go = async {
        eventually("the reader is shut out", async || (epoch().await > before).then_some(())).await;
        keeping.rollback().await.unwrap();
    };
    let (deleted, ()) = futures_util::join!(delete, let_go);
    deleted.expect(204);
}

#[actix::test]
async fn users_take_turns() {
    let app = platform(&[("kb_ingestor.readers", 1.into())]).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let (hers, his) = (Library::of(&ada).await, Library::of(&bob).await);
    let sql = app.stage.databases.plain("postgres").await;
    let base = hers.state().await["id"].as_str().unwrap().to_owned();
    let many = "INSERT INTO knowledge_base_entries (knowledge_base_id, content, data_type)
                SELECT $1::text::uuid, 'text ' || n, 'document' FROM generate_series(1, 200) n";
    sql.execute(many, &[&base]).await.unwrap();
    his.text("Only one.", "en").await;
    let left = hers.state().await["entries"]["queued"].as_i64().unwrap();
    assert!(left > 0, "the other's one entry did not wait for all of hers");
    eventually("all is read", async || (hers.state().await["entries"]["ready"] == 200).then_some(())).await;
}

#[actix::test]
async fn what_is_read_of_a_deleted_instance_harms_nobody() {
    let app = platform(&[]).await;
    let ada = app.sign_up("ada").await;
    let library = Library::of(&ada).await;
    for number in 0..25 {
        library.add(json!({"content": format!("text {number}")})).await.expect(201);
    }
    ada.delete(&format!("/api/v1/instances/{}", library.instance)).await.expect(204);
    let sql = app.stage.databases.plain("postgres").await;
    eventually("all of it is gone", async || {
        let left = "SELECT (SELECT count(*) FROM instances) + (SELECT count(*) FROM knowledge_base_entries)
                        + (SELECT count(*) FROM knowledge_base_chunks)
                        + (SELECT sum(knowledge_entries + knowledge_bytes)::bigint FROM usage)";
        (sql.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(())
    })
    .await;
}
