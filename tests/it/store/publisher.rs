//! Places: without gaps, in order, and from one leader only.

use std::collections::HashMap;

use botberi::models::ids::{ReplicaId, UserId};
use botberi::models::store::dead_letters::{self, NewDeadLetter};
use botberi::models::store::outbox::Audience;
use botberi::models::store::{StoreError, instances, outbox, publisher, redrives};
use botberi::models::{DeadLetterFilter, Origin, PageLimit};
use serde_json::json;

use super::builders::{an_instance, created, published_agent, wish};
use crate::support::database::TestDatabases;

#[tokio::test]
async fn places_are_given_without_gaps_in_the_order_of_making() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    for _ in 0..5 {
        let _instance = an_instance(&db).await;
    }
    let leader = databases.own().await;
    assert!(publisher::try_leadership(&leader).await.unwrap());
    let lead = publisher::lead(&leader, ReplicaId::new()).await.unwrap();
    assert_eq!((lead.epoch, lead.last_position, lead.published_position), (1, 0, 0));

    let mut positions = Vec::new();
    loop {
        let batch = publisher::place(&leader, lead.epoch, 0, 7).await.unwrap();
        if batch.is_empty() {
            break;
        }
        positions.extend(batch.iter().map(|event| event.position));
    }
    assert_eq!(positions, (1..=20).collect::<Vec<i64>>());
    assert_eq!(outbox::watermark(&db).await.unwrap(), 20);
    let plain = databases.plain("postgres").await;
    let out_of_order = "SELECT count(*) FROM (
        SELECT position, row_number() OVER (ORDER BY id) AS rank FROM event_outbox) AS o WHERE position <> rank";
    assert_eq!(plain.query_one(out_of_order, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn for_one_instance_places_follow_revisions_while_many_write_and_one_places() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = published_agent(&db).await;
    let owner = UserId::new();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(created(instances::insert(&db, &wish(&agent, owner), i64::MAX).await.unwrap()).id);
    }
    let writers = (0..4).map(|_| {
        let (databases, ids) = (&databases, &ids);
        async move {
            let plain = databases.plain("botberi").await;
            for round in 0..25 {
                let id = ids[round % ids.len()];
                plain
                    .execute("UPDATE instances SET title = uuid_v7()::text WHERE id = $1", &[&id])
                    .await
                    .unwrap();
            }
        }
    });
    let leader = databases.own().await;
    let lead = publisher::lead(&leader, ReplicaId::new()).await.unwrap();
    let mut seen = Vec::new();
    let placing = async {
        while seen.len() < 2 + 8 + 100 {
            seen.extend(publisher::place(&leader, lead.epoch, 0, 16).await.unwrap());
        }
    };
    let _done = futures_util::future::join(futures_util::future::join_all(writers), placing).await;

    let mut last_revision: HashMap<String, i64> = HashMap::new();
    for (index, event) in seen.iter().enumerate() {
        assert_eq!(event.position, i64::try_from(index).unwrap() + 1);
        if let Some(revision) = event.revision {
            let last = last_revision.insert(event.aggregate_id.clone(), revision).unwrap_or_default();
            assert_eq!(revision, last + 1, "{}", event.aggregate_id);
        }
    }
}

#[tokio::test]
async fn what_is_not_committed_has_no_place_and_holds_nobody_up() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let mut slow = databases.shared().await;
    let leader = databases.own().await;
    let lead = publisher::lead(&leader, ReplicaId::new()).await.unwrap();

    let open = slow.transaction().await.unwrap();
    let late = an_instance(&open).await;
    let early = an_instance(&db).await;
    let first = publisher::place(&leader, lead.epoch, 0, 100).await.unwrap();
    assert_eq!(first.iter().filter(|event| event.aggregate_id == early.id.to_string()).count(), 1);
    assert!(!first.iter().any(|event| event.aggregate_id == late.id.to_string()));
    open.commit().await.unwrap();
    let second = publisher::place(&leader, lead.epoch, 0, 100).await.unwrap();
    assert_eq!(second[0].position, first.last().unwrap().position + 1);
    assert!(second.iter().any(|event| event.aggregate_id == late.id.to_string()));
}

#[tokio::test]
async fn a_leader_that_was_replaced_changes_nothing() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let old = databases.own().await;
    let new = databases.own().await;
    let before = publisher::lead(&old, ReplicaId::new()).await.unwrap();
    let me = ReplicaId::new();
    let after = publisher::lead(&new, me).await.unwrap();
    let _instance = an_instance(&db).await;

    assert!(matches!(publisher::place(&old, before.epoch, 0, 10).await, Err(StoreError::StaleEpoch)));
    assert!(matches!(publisher::advance(&old, before.epoch, 0).await, Err(StoreError::StaleEpoch)));
    assert_eq!(outbox::watermark(&db).await.unwrap(), 0);
    assert_eq!(publisher::place(&new, after.epoch, 0, 10).await.unwrap().len(), 4);
    let state = publisher::state(&db).await.unwrap();
    assert_eq!((state.epoch, state.replica_id, state.last_position), (after.epoch, Some(me), 4));
}

#[tokio::test]
async fn the_cursor_moves_forward_only_and_never_past_what_was_placed() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let leader = databases.own().await;
    let lead = publisher::lead(&leader, ReplicaId::new()).await.unwrap();
    let _instance = an_instance(&db).await;
    let waiting = outbox::pending_stats(&db).await.unwrap();
    assert_eq!((waiting.unplaced, waiting.unpublished, waiting.published_total), (4, 0, 0));
    assert!(publisher::place(&leader, lead.epoch, 0, 10).await.unwrap().len() == 4);
    assert!(matches!(publisher::advance(&leader, lead.epoch, 5).await, Err(StoreError::Invalid { .. })));

    publisher::advance(&leader, lead.epoch, 3).await.unwrap();
    publisher::advance(&leader, lead.epoch, 2).await.unwrap();
    assert!(publisher::place(&leader, lead.epoch, 1, 10).await.unwrap().is_empty());
    let waiting = outbox::pending_stats(&db).await.unwrap();
    assert_eq!((waiting.unplaced, waiting.unpublished, waiting.published_total), (0, 1, 3));
    assert!(publisher::place(&leader, lead.epoch, 4, 0).await.unwrap().is_empty());
    let done = outbox::pending_stats(&db).await.unwrap();
    assert_eq!((done.unpublished, done.oldest_age_ms), (0, 0));
}

#[tokio::test]
async fn one_leads_at_a_time_and_a_silent_leader_is_deposed() {
    let databases = TestDatabases::create().await;
    let standby = databases.own().await;
    let leader = databases.own().await;
    assert!(publisher::try_leadership(&leader).await.unwrap());
    let _lead = publisher::lead(&leader, ReplicaId::new()).await.unwrap();
    assert!(!publisher::try_leadership(&standby).await.unwrap());
    assert!(!publisher::depose(&standby, 60_000).await.unwrap(), "it beats");

    let mut has_lead = false;
    for _ in 0..1_000 {
        // Zero: whoever did nothing for no time at all is silent.
        let _ended = publisher::depose(&standby, 0).await.unwrap();
        has_lead = publisher::try_leadership(&standby).await.unwrap();
        if has_lead {
            break;
        }
    }
    assert!(has_lead);
    assert!(publisher::place(&leader, 1, 0, 1).await.is_err(), "its connection is gone");
}

#[tokio::test]
async fn readers_get_their_own_events_in_order_and_within_bounds() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    assert_eq!(outbox::first_position(&db).await.unwrap(), None);
    let (mine, other) = (an_instance(&db).await, an_instance(&db).await);
    let placed = super::builders::placed(&databases).await;
    let expected: Vec<_> = placed
        .iter()
        .filter(|event| event.user_id == Some(mine.user_id))
        .map(|event| event.position)
        .collect();
    assert_eq!(expected.len(), 2);

    let upto = outbox::watermark(&db).await.unwrap();
    let mine_alone = Audience { user_id: mine.user_id, hears_own: true, teams: &[] };
    let own = outbox::for_audience(&db, mine_alone, 0, upto, 10).await.unwrap();
    assert_eq!(own.iter().map(|event| event.position).collect::<Vec<_>>(), expected);
    assert!(own.iter().all(|event| event.user_id != Some(other.user_id)));
    let rest = outbox::for_audience(&db, mine_alone, expected[0], upto, 10).await.unwrap();
    assert_eq!(rest.iter().map(|event| event.position).collect::<Vec<_>>(), expected[1..]);
    assert!(outbox::for_audience(&db, mine_alone, 0, expected[0] - 1, 10).await.unwrap().is_empty());

    let range = outbox::range(&db, 2, 5, 2).await.unwrap();
    assert_eq!(range.iter().map(|event| event.position).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(outbox::first_position(&db).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_dead_letter_is_kept_once_and_opened_anew_by_another_death() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let letter = NewDeadLetter {
        queue: "agents_worker.instance".to_owned(),
        message_id: "whatever it said".to_owned(),
        routing_key: "instance.created".to_owned(),
        reason: "not JSON".to_owned(),
        headers: json!({"x": 1}),
        envelope: Vec::new(),
        body: vec![0xff, 0x00],
        body_bytes: 2,
        obstacle: None,
        death: "first".to_owned(),
        died_at: None,
    };
    assert!(dead_letters::keep(&db, &letter).await.unwrap());
    assert!(!dead_letters::keep(&db, &letter).await.unwrap());
    let elsewhere = NewDeadLetter { queue: "other".to_owned(), ..letter.clone() };
    assert!(dead_letters::keep(&db, &elsewhere).await.unwrap());

    let plain = databases.plain("postgres").await;
    let handled = "UPDATE dead_letters SET handled_at = now(), outcome = 'discarded'";
    plain.execute(handled, &[]).await.unwrap();
    assert!(!dead_letters::keep(&db, &letter).await.unwrap(), "the death that was handled");
    let again = NewDeadLetter { death: "second".to_owned(), reason: "still".to_owned(), ..letter };
    assert!(dead_letters::keep(&db, &again).await.unwrap());
    let open =
        "SELECT deaths, reason, jsonb_array_length(history) FROM dead_letters WHERE handled_at IS NULL";
    let row = plain.query_one(open, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (2, "still", 2));
}

#[tokio::test]
async fn a_death_that_is_told_after_a_redrive_is_news_even_if_it_looks_like_the_last_one() {
    let databases = TestDatabases::create().await;
    let mut db = databases.shared().await;
    let letter = NewDeadLetter {
        queue: "q".to_owned(),
        message_id: "m".to_owned(),
        routing_key: "k".to_owned(),
        reason: "r".to_owned(),
        headers: json!({}),
        envelope: b"{}".to_vec(),
        body: Vec::new(),
        body_bytes: 0,
        obstacle: None,
        death: "the first redrive's".to_owned(),
        died_at: None,
    };
    assert!(dead_letters::keep(&db, &letter).await.unwrap());
    let limit = PageLimit::default();
    let page = dead_letters::list(&db, &DeadLetterFilter::default(), None, None, limit).await.unwrap();
    let id = page.items[0].id;
    assert!(
        dead_letters::wish(&db, id, UserId::new(), &Origin::read(Some("request".to_owned()), None))
            .await
            .unwrap()
    );
    assert!(!dead_letters::wish(&db, id, UserId::new(), &Origin::default()).await.unwrap());

    let transaction = db.transaction().await.unwrap();
    assert_eq!(redrives::take_wished(&transaction).await.unwrap().unwrap().id, id);
    let other = databases.shared().await;
    assert!(
        !dead_letters::discard(&other, id, UserId::new(), &Origin::default()).await.unwrap(),
        "it is being sent"
    );
    redrives::mark_redriven(&transaction, id).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(redrives::count_open(&other).await.unwrap(), 0);

    // Sent twice after a kill: the first copy has died before the second was marked.
    assert!(dead_letters::keep(&other, &letter).await.unwrap());
    assert!(!dead_letters::keep(&other, &letter).await.unwrap());
    assert_eq!(redrives::count_open(&other).await.unwrap(), 1);
}
