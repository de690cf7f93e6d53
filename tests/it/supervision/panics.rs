//! A panic in every part of the tree, one after the other, while users create instances.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::follower::Follower;
use crate::support::load::Load;

/// Supervisors of single instances, shown as one place: its restarts are those of all of them.
const INSTANCES: &str = "/worker/instance_directory/instances";

/// Where the times are left, for whoever wants to know.
const TABLE: &str = "target/panic-table.txt";

#[tokio::test]
async fn a_panic_anywhere_in_the_tree_loses_nothing_and_costs_its_neighbours_nothing() {
    // The pauses as they are in production: the table should say what an operator would see.
    let pauses = [("supervision.backoff_ms_min", 50.into()), ("supervision.backoff_ms_max", 5_000.into())];
    let app = TestApp::with(&pauses).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let agent = ada.an_agent().await;
    let me = ada.user_id().await;
    let mut follower = Follower::of(&ada).await;
    let load = Load::of(&ada, agent, 2);
    load.until_more(10).await;

    let mut table =
        String::from("path                                       up again ms   an instance runs after ms\n");
    let paths: Vec<String> = app.replica.tree.report().into_iter().map(|part| part.path).collect();
    assert!(paths.len() > 20 && paths.iter().any(|path| path == INSTANCES), "{paths:?}");
    for path in &paths {
        let before = restarts_beside(&app, path);
        let began = Instant::now();
        let serves = async {
            a_new_instance_runs(&app, &eve, agent).await;
            began.elapsed()
        };
        let (up_again, serves_again): (Duration, Duration) = tokio::join!(app.replica.panics(path), serves);
        app.replica.until_well().await;
        assert_eq!(restarts_beside(&app, path), before, "the panic of {path} has cost others a restart");
        // A member's next life is not shown apart.
        let up_again = if path == INSTANCES { "-".to_owned() } else { up_again.as_millis().to_string() };
        let serves_again = serves_again.as_millis();
        writeln!(table, "{path:<42} {up_again:>11} {serves_again:>27}").unwrap();
        load.until_more(5).await;
    }

    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    follower.assert_whole(&app.stage.sql().await, &me).await;
    writeln!(table, "{} instances acknowledged meanwhile, all running; events and socket whole", ids.len())
        .unwrap();
    std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE), table).unwrap();
}

/// Creates one as soon as somebody takes the wish, and waits until it runs.
async fn a_new_instance_runs(app: &TestApp, caller: &Caller, agent: i64) {
    let answer = loop {
        let answer = caller.try_create(agent).await;
        if answer.status == 201 {
            break answer;
        }
        assert_eq!(answer.status, 503, "{}", answer.body);
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    app.stage.tap.until_status(&id_of(&answer.body), "running").await;
}

/// The restarts of every part that is neither at `path` nor below it.
fn restarts_beside(app: &TestApp, path: &str) -> HashMap<String, u64> {
    let below = format!("{path}/");
    let beside = app
        .replica
        .tree
        .report()
        .into_iter()
        .filter(|part| part.path != path && !part.path.starts_with(&below));
    beside.map(|part| (part.path, part.restarts)).collect()
}
