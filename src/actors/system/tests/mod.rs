//! The promises of the kernel, attacked.
//!
//! Nothing here sleeps to let things happen: a test waits for what it is about, and [`soon`] bounds the wait.

mod answers;
mod blocked;
mod brood;
mod handle;
mod model;
mod panics;
mod policy;
mod probe;
mod readiness;
mod restarts;
mod stopping;
mod tree_report;
mod trees;

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::{Backoff, ChildSpec, Intensity, Node, NodeReport, Phase};

/// Far more than anything here takes, on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(30);

/// What `future` comes to; a test that would hang fails instead.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("what the test waits for has to happen")
}

/// Lets everything else run until `holds`, which no signal tells of.
async fn until(holds: impl Fn() -> bool) {
    soon(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Lets everything that is runnable on this thread take a few steps.
async fn let_others_run() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// A permanent child that may die often and comes back at once, with deadlines that no test is meant to meet.
fn spec(name: impl Into<Cow<'static, str>>) -> ChildSpec {
    ChildSpec {
        intensity: Intensity { restarts_max: 1000, window: Duration::from_secs(3600) },
        backoff: Backoff { min: Duration::from_millis(1), max: Duration::from_millis(1) },
        ready_within: SOON,
        stop_within: SOON,
        handler_within: SOON,
        ..ChildSpec::permanent(name)
    }
}

fn report_of(tree: &Arc<Node>, path: &str) -> NodeReport {
    let found = tree.report().into_iter().find(|report| report.path == path);
    found.unwrap_or_else(|| panic!("the tree has no {path}"))
}

/// Waits until the child at `path` is up in the life after `restarts` others.
async fn up_after(tree: &Arc<Node>, path: &str, restarts: u64) {
    let is_up =
        |report: &NodeReport| report.path == path && report.phase == Phase::Up && report.restarts == restarts;
    soon(tree.wait_until(|reports| reports.iter().any(is_up))).await;
}

fn last_exit(tree: &Arc<Node>, path: &str) -> String {
    report_of(tree, path).last_exit.map(|(exit, _)| exit).unwrap_or_default()
}
