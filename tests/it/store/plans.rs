//! How Postgres goes about each statement, with the plan that a connection keeps.

use botberi::models::store::StoreSettings;
use tokio_postgres::Client;

use super::builders::{an_instance, living_replica, placed};
use super::statements::{USER_TABLES, statement_files};
use crate::support::database::{TestDatabases, connect};

/// A few rows at most, and nothing else to look them up by.
const SMALL_TABLES: [&str; 2] = ["Seq Scan on replicas", "Seq Scan on agents"];

/// Indexes that hold only what is to be done, so that reading one from its beginning is the point of having it, or
/// that give the rows in the order of the answer.
const READ_FROM_THE_BEGINNING: [&str; 9] = [
    "knowledge_base_entries_queued",
    "knowledge_base_entries_processing",
    "instances_unsettled",
    "event_outbox_unplaced",
    "dead_letters_open",
    "dead_letters_wished",
    "agents_pkey",
    "replicas_pkey",
    "event_outbox_position_key",
];

async fn assert_lookups_only(client: &Client, when: &str) {
    for (table, path) in statement_files() {
        if USER_TABLES.contains(&table.as_str()) {
            continue;
        }
        let statement = std::fs::read_to_string(&path).unwrap();
        let parameters = client.prepare(&statement).await.unwrap().params().len();
        let arguments = vec!["NULL"; parameters].join(", ");
        let execution =
            if parameters == 0 { "looked_at".to_owned() } else { format!("looked_at({arguments})") };
        client.batch_execute(&format!("PREPARE looked_at AS {statement}")).await.unwrap();
        let rows = client.simple_query(&format!("EXPLAIN (COSTS OFF) EXECUTE {execution}")).await.unwrap();
        client.batch_execute("DEALLOCATE looked_at").await.unwrap();
        let plan: Vec<String> = rows
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (index, line) in plan.iter().enumerate() {
            let complaint = || format!("{when}: {table}/{name} line {index} of\n{}", plan.join("\n"));
            for slow in ["Hash Join", "Merge Join", "Materialize", "Bitmap"] {
                assert!(!line.contains(slow), "{}", complaint());
            }
            if line.contains("Seq Scan on") {
                assert!(SMALL_TABLES.iter().any(|small| line.contains(small)), "{}", complaint());
            }
            if line.contains("Index Scan using") || line.contains("Index Only Scan using") {
                let is_lookup = plan.get(index + 1).is_some_and(|next| next.contains("Index Cond"));
                let may_be_read = READ_FROM_THE_BEGINNING.iter().any(|name| line.contains(name));
                assert!(is_lookup || may_be_read, "{}", complaint());
            }
        }
    }
}

#[tokio::test]
async fn every_plan_is_made_of_lookups_whether_the_tables_are_empty_small_or_large() {
    let databases = TestDatabases::create().await;
    let url = databases.shared_url("botberi");
    let as_the_platform = async || {
        let client = connect(&url).await;
        let options = StoreSettings::session_options().replace("-c ", "SET ").replace('=', " = '");
        for set in options.split("SET ").filter(|set| !set.trim().is_empty()) {
            client.batch_execute(&format!("SET {}'", set.trim())).await.unwrap();
        }
        client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
        client
    };
    let owner = databases.plain("botberi_owner").await;
    assert_lookups_only(&as_the_platform().await, "never analyzed").await;

    owner.batch_execute("VACUUM ANALYZE").await.unwrap();
    assert_lookups_only(&as_the_platform().await, "analyzed while empty").await;

    let db = databases.shared().await;
    for _ in 0..3 {
        let _instance = an_instance(&db).await;
        let _replica = living_replica(&db).await;
    }
    let _placed = placed(&databases).await;
    owner.batch_execute("VACUUM ANALYZE").await.unwrap();
    assert_lookups_only(&as_the_platform().await, "analyzed with a few rows").await;

    owner
        .batch_execute(
            "SET botberi.bell = 'quiet';
             INSERT INTO instances (bot_id, user_id, title) SELECT 1, gen_random_uuid(), 'x' FROM generate_series(1, 2000)",
        )
        .await
        .unwrap();
    owner.batch_execute("VACUUM ANALYZE").await.unwrap();
    assert_lookups_only(&as_the_platform().await, "analyzed with all to do").await;
}
