//! How much a user may have, under everything that can happen at once.

use botberi::models::UserId;
use botberi::models::store::instances::{self, InsertOutcome};
use botberi::models::store::usage;
use futures_util::future::join_all;

use super::builders::{created, published_agent, wish};
use crate::support::database::TestDatabases;

/// Races at the last free place.
const RACES: usize = 1_000;

#[tokio::test]
async fn of_two_wishes_for_the_last_free_place_exactly_one_is_granted_a_thousand_times() {
    let databases = TestDatabases::create().await;
    let (one, other) = (databases.shared().await, databases.shared().await);
    let agent = published_agent(&one).await;
    let owner = UserId::new();
    for race in 0..RACES {
        // Every other race a new user, who has no count yet.
        let (owner, limit) =
            if race % 2 == 0 { (owner, i64::try_from(race / 2 + 1).unwrap()) } else { (UserId::new(), 1) };
        let (first, second) = (wish(&agent, owner), wish(&agent, owner));
        let outcomes = futures_util::join!(
            instances::insert(&one, &first, limit),
            instances::insert(&other, &second, limit)
        );
        let outcomes = [outcomes.0.unwrap(), outcomes.1.unwrap()];
        let granted = outcomes.iter().filter(|outcome| matches!(outcome, InsertOutcome::Created(_))).count();
        let refused = InsertOutcome::QuotaExceeded { used: limit, limit };
        assert_eq!((granted, outcomes.contains(&refused)), (1, true), "race {race}: {outcomes:?}");
        assert_eq!(usage::find(&one, owner).await.unwrap().instances, limit);
    }
}

#[tokio::test]
async fn a_batch_is_granted_in_its_order_until_the_places_are_used_up() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let (agent, ada, eve) = (published_agent(&db).await, UserId::new(), UserId::new());
    let plain = databases.plain("postgres").await;
    plain.execute("INSERT INTO usage (user_id, instances_max) VALUES ($1, 1)", &[&eve]).await.unwrap();
    let draft = botberi::models::AgentId(999_999);
    let mut wishes = [ada, eve, ada, ada, eve, ada].map(|owner| wish(&agent, owner));
    wishes[0].agent_id = draft; // takes no place
    let outcomes = instances::insert_batch(&db, &wishes.iter().collect::<Vec<_>>(), 2).await.unwrap();
    let is_granted: Vec<bool> =
        outcomes.iter().map(|outcome| matches!(outcome, InsertOutcome::Created(_))).collect();
    assert_eq!(is_granted, [false, true, true, true, false, false]);
    assert_eq!(outcomes[0], InsertOutcome::AgentUnknown);
    assert_eq!(outcomes[4], InsertOutcome::QuotaExceeded { used: 1, limit: 1 });
    assert_eq!(outcomes[5], InsertOutcome::QuotaExceeded { used: 2, limit: 2 });
}

#[tokio::test]
async fn the_counts_are_those_of_the_rows_whoever_writes_them_and_however_many_at_once() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let agent = published_agent(&db).await;
    let owners: Vec<UserId> = (0..4).map(|_| UserId::new()).collect();
    let work = owners.iter().map(|owner| {
        let (databases, agent, owner) = (&databases, &agent, *owner);
        async move {
            let db = databases.shared().await;
            let mut made = Vec::new();
            for _ in 0..20 {
                made.push(created(instances::insert(&db, &wish(agent, owner), 1_000).await.unwrap()).id);
            }
            for id in &made[..7] {
                let origin = botberi::models::Origin::default();
                let _gone = instances::tombstone(&db, owner, *id, None, &origin).await.unwrap();
                let _again = instances::tombstone(&db, owner, *id, None, &origin).await.unwrap();
            }
        }
    });
    let _done = join_all(work).await;
    let by_hand = "INSERT INTO instances (bot_id, user_id, title) SELECT $1, unnest($2::uuid[]), 'x'";
    plain.execute(by_hand, &[&agent.id, &[owners.clone(), owners.clone()].concat()]).await.unwrap();
    plain.execute("DELETE FROM instances WHERE user_id = $1", &[&owners[0]]).await.unwrap();

    for owner in &owners {
        let count = "SELECT count(*) FROM instances WHERE user_id = $1 AND deleted_at IS NULL";
        let there: i64 = plain.query_one(count, &[owner]).await.unwrap().get(0);
        assert_eq!(usage::find(&db, *owner).await.unwrap().instances, there);
        assert_eq!(there, if *owner == owners[0] { 0 } else { 15 });
    }
}
