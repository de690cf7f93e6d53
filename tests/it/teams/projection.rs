//! What `shared_psql` knows of teams, whoever brings it, and in whatever order.

use std::sync::OnceLock;

use botberi::models::store::team_projection;
use botberi::models::store::teams::State;
use botberi::models::{TeamId, TeamRole, UserId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::support::database::TestDatabases;

/// The people of all histories.
fn people() -> &'static [UserId] {
    static PEOPLE: OnceLock<Vec<UserId>> = OnceLock::new();
    PEOPLE.get_or_init(|| (0..4).map(|_| UserId::new()).collect())
}

/// The states that one team goes through, with rising revisions, the last of them perhaps its end.
fn history() -> impl Strategy<Value = Vec<State>> {
    let members = prop::collection::btree_map(0..4_usize, prop::sample::select(TeamRole::ALL), 1..5);
    let states = prop::collection::vec((1..3_i64, any::<bool>(), members), 1..8);
    (states, any::<bool>()).prop_map(|(states, ends)| {
        let (id, mut revision, count) = (TeamId::new(), 0, states.len());
        let state =
            |(place, (step, is_closed, members)): (usize, (i64, bool, std::collections::BTreeMap<_, _>))| {
                revision += step;
                let is_gone = ends && place + 1 == count;
                let members = if is_gone { Default::default() } else { members };
                let members = members.into_iter().map(|(place, role)| (people()[place], role)).collect();
                let deleted_at = is_gone.then_some(jiff::Timestamp::UNIX_EPOCH);
                State { id, revision, is_closed: is_closed || is_gone, deleted_at, members }
            };
        states.into_iter().enumerate().map(state).collect()
    })
}

#[tokio::test]
async fn a_team_is_known_as_in_its_latest_state_whoever_brings_which_state_when_and_how_often() {
    let databases = TestDatabases::create().await;
    let sql = databases.plain("botberi").await;
    let strategy = history().prop_flat_map(|states| {
        let orders = prop::collection::vec(0..states.len(), 0..20);
        (Just(states), orders)
    });
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    for _case in 0..60 {
        let (states, order) = strategy.new_tree(&mut runner).unwrap().current();
        let last = states.len() - 1;
        // At least once each, and the latest somewhere among them; several at once, as requests and the relay do.
        let mut order: Vec<usize> = order.into_iter().chain(0..=last).collect();
        order.rotate_left(states.len() / 2);
        for together in order.chunks(3) {
            let bring = |place: &usize| {
                let (state, databases) = (states[*place].clone(), &databases);
                async move {
                    let mut connection = databases.shared().await;
                    let transaction = connection.transaction().await.unwrap();
                    team_projection::apply(&transaction, &state).await.unwrap();
                    transaction.commit().await.unwrap();
                }
            };
            futures_util::future::join_all(together.iter().map(bring)).await;
        }
        let latest = &states[last];
        let row = sql
            .query_one(
                "SELECT revision, is_closed, deleted_at IS NOT NULL FROM teams WHERE id = $1",
                &[&latest.id],
            )
            .await
            .unwrap();
        let found: (i64, bool, bool) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(found, (latest.revision, latest.is_closed, latest.deleted_at.is_some()));
        let rows = sql
            .query(
                "SELECT user_id, role FROM team_members WHERE team_id = $1 ORDER BY user_id",
                &[&latest.id],
            )
            .await
            .unwrap();
        let found: Vec<(UserId, TeamRole)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let mut expected = latest.members.clone();
        expected.sort();
        assert_eq!(found, expected, "{states:?} in the order {order:?}");
    }
}
