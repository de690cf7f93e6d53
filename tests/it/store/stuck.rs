//! Every table has a line in the pages that says what moves its rows on, and by when.

use std::fs;

use crate::support::database::TestDatabases;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/architecture/data_ownership.md");
const TITLE: &str = "## No row stays stuck";

/// What the first cells of that table name.
fn documented() -> Vec<String> {
    let page = fs::read_to_string(PAGE).unwrap();
    let part = page.split(TITLE).nth(1).expect("the part is there").split("\n## ").next().unwrap();
    let first_cells = part.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    first_cells
        .flat_map(|cell| cell.split('`').filter(|name| !name.trim_matches([',', ' ']).is_empty()))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_table_has_a_line_that_says_what_moves_its_rows_on() {
    let databases = TestDatabases::create().await;
    let documented = documented();
    let mut met = Vec::new();
    for (prefix, sql) in
        [("", databases.plain("postgres").await), ("user_psql.", databases.plain_user("postgres").await)]
    {
        let query = "SELECT table_name::text FROM information_schema.tables
                     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'refinery_schema_history'";
        for row in sql.query(query, &[]).await.unwrap() {
            let table = format!("{prefix}{}", row.get::<_, String>(0));
            assert!(documented.contains(&table), "`{table}` has no line under \"{TITLE}\": {documented:?}");
            met.push(table);
        }
    }
    let gone: Vec<&String> = documented.iter().filter(|name| !met.contains(name)).collect();
    assert!(gone.is_empty(), "there are no tables {gone:?}");
}
