//! The program, killed while it reads.

use serde_json::json;

use super::library::{Library, QUICK};
use crate::support::client::{Caller, id_of};
use crate::support::program::Program;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

#[actix::test]
async fn a_process_that_is_killed_while_it_reads_leaves_nothing_unread_and_nothing_twice() {
    let stage = Stage::set().await;
    let settings: Vec<(&str, toml::Value)> =
        QUICK.iter().map(|(key, value)| (*key, toml::Value::from(*value))).collect();
    let doomed = Program::serve(&stage, &settings).await;
    let ada = Caller::stranger(&doomed.user_api).sign_up("ada").await;
    let library = Library::of(&ada).await;
    let text = |number: usize| -> String {
        (0..400)
            .map(|line| format!("Paragraph {line} of text {number}, about nothing in particular.\n\n"))
            .collect()
    };
    let mut ids = Vec::new();
    for number in 0..12 {
        ids.push(id_of(&library.add(json!({"content": text(number), "lang_hint": "en"})).await.expect(201)));
    }
    eventually("some are read, and some are not", async || {
        let entries = library.state().await["entries"].clone();
        (entries["ready"].as_i64()? > 0 && entries["processing"].as_i64()? > 0).then_some(())
    })
    .await;
    doomed.kill();

    let survivor = Program::serve(&stage, &settings).await;
    let library = library.seen_by(&ada.at(&survivor.user_api));
    for id in &ids {
        library.until(id, "ready").await;
    }
    let sql = stage.databases.plain("postgres").await;
    let twice = "SELECT count(*) FROM (
        SELECT FROM event_outbox WHERE routing_key = 'knowledge_base.entry.updated' AND body ->> 'status' = 'ready'
        GROUP BY aggregate_id HAVING count(*) > 1) AS twice";
    assert_eq!(sql.query_one(twice, &[]).await.unwrap().get::<_, i64>(0), 0, "each came to `ready` once");
    let uneven = "SELECT count(*) FROM knowledge_base_entries e
        WHERE e.chunk_count <> (SELECT count(*) FROM knowledge_base_chunks c WHERE c.entry_id = e.id)";
    assert_eq!(sql.query_one(uneven, &[]).await.unwrap().get::<_, i64>(0), 0);
}
