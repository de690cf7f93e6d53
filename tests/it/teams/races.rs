//! Many who want opposite things of one team at once.

use futures_util::future::join_all;
use uuid::Uuid;

use super::world::{Person, TEAMS, World, members};

#[tokio::test]
async fn of_many_owners_who_leave_or_step_down_at_once_one_stays() {
    let World { app, ada, dan, vic, eve, team, .. } = World::new().await;
    for round in 0..12 {
        let team = if round == 0 { team.clone() } else { ada.team(&format!("Round {round}")).await };
        for other in [&dan, &vic, &eve] {
            ada.put(&team, other, "owner").await.expect(200);
        }
        let owners = [&ada, &dan, &vic, &eve];
        let going = owners.iter().enumerate().map(|(place, owner)| {
            let team = &team;
            async move {
                if (place + round) % 2 == 0 {
                    owner.put(team, owner, "viewer").await
                } else {
                    owner.remove(team, owner).await
                }
            }
        });
        let answers = join_all(going).await;
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status >= 400).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!(refused[0].problem(409), "last_owner");
        let sql = app.stage.databases.plain_user("botberi").await;
        let owners = "SELECT count(*) FROM team_members WHERE team_id::text = $1 AND role = 'owner'";
        assert_eq!(sql.query_one(owners, &[&team]).await.unwrap().get::<_, i64>(0), 1);
    }
}

#[tokio::test]
async fn nothing_is_made_in_a_team_that_goes_and_a_team_that_has_something_stays() {
    let World { app, ada, dan, agent, .. } = World::new().await;
    let (mut deleted, mut kept) = (0, 0);
    for round in 0..25 {
        let team = ada.team(&format!("Round {round}")).await;
        ada.put(&team, &dan, "developer").await.expect(200);
        let path = format!("{TEAMS}/{team}");
        let creations = join_all((0..4).map(|_| dan.try_create_in(&team, agent)));
        let deletions = join_all((0..2).map(|_| ada.caller.delete(&path)));
        let (creations, deletions) = futures_util::join!(creations, deletions);

        let made = creations.iter().filter(|made| made.status == 201).count();
        for made in creations.iter().filter(|made| made.status != 201) {
            let code = made.body["code"].as_str().unwrap();
            assert!(["team_closing", "team_not_found"].contains(&code), "{}", made.body);
        }
        let is_gone = ada.caller.get(&path).await.status == 404;
        if is_gone {
            assert_eq!(made, 0, "something was made in a team that is gone");
            deleted += 1;
        } else {
            assert!(deletions.iter().all(|deletion| deletion.problem(409) == "team_in_use"), "{deletions:?}");
            dan.create_in(&team, agent).await;
            kept += 1;
        }
    }
    let sql = app.stage.sql().await;
    let orphans = "SELECT count(*) FROM instances i JOIN teams t ON t.id = i.team_id
                   WHERE i.deleted_at IS NULL AND t.deleted_at IS NOT NULL";
    assert_eq!(sql.query_one(orphans, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert!(deleted + kept == 25);
}

#[tokio::test]
async fn whoever_is_removed_while_they_make_things_makes_none_after_the_answer() {
    let World { app, ada, dan, team, agent, .. } = World::new().await;
    for _round in 0..10 {
        ada.put(&team, &dan, "developer").await.expect(200);
        let making = async {
            let mut made = Vec::new();
            loop {
                let answer = dan.try_create_in(&team, agent).await;
                if answer.status != 201 {
                    assert_eq!(answer.problem(404), "team_not_found");
                    return made;
                }
                made.push(answer.body["id"].as_str().unwrap().to_owned());
            }
        };
        let removing = async {
            ada.remove(&team, &dan).await.expect(204);
            // All that was made is there by now, and nothing comes later.
            let sql = app.stage.sql().await;
            let there = "SELECT count(*) FROM instances WHERE team_id::text = $1";
            sql.query_one(there, &[&team]).await.unwrap().get::<_, i64>(0)
        };
        let (_made, after_removal) = futures_util::join!(making, removing);
        let sql = app.stage.sql().await;
        let there = "SELECT count(*) FROM instances WHERE team_id::text = $1";
        assert_eq!(sql.query_one(there, &[&team]).await.unwrap().get::<_, i64>(0), after_removal);
    }
}

#[tokio::test]
async fn members_who_come_and_go_by_many_hands_end_as_the_truth_says() {
    let World { app, ada, dan, vic, eve, team, .. } = World::new().await;
    ada.put(&team, &dan, "owner").await.expect(200);
    let hands: Vec<Person> = vec![ada.clone(), dan.clone()];
    let work = (0..40).map(|number| {
        let (hand, subject) = (&hands[number % 2], if number % 3 == 0 { &vic } else { &eve });
        let team = &team;
        async move {
            if number % 4 == 0 {
                hand.remove(team, subject).await
            } else {
                hand.put(team, subject, if number % 2 == 0 { "viewer" } else { "developer" }).await
            }
        }
    });
    for answer in join_all(work).await {
        assert!([200, 204, 404].contains(&answer.status), "{}", answer.body);
    }
    let truth = members(&ada.caller.get(&format!("{TEAMS}/{team}")).await.expect(200));
    let sql = app.stage.sql().await;
    let projected = "SELECT m.user_id, m.role FROM team_members m WHERE m.team_id::text = $1";
    let rows = sql.query(projected, &[&team]).await.unwrap();
    assert_eq!(rows.len(), truth.len());
    for row in rows {
        let id = row.get::<_, Uuid>(0).to_string();
        let known = [&ada, &dan, &vic, &eve].into_iter().zip(["ada", "dan", "vic", "eve"]);
        let (_, name) = known.into_iter().find(|(person, _)| person.id == id).unwrap();
        assert!(truth.contains(&(name.to_owned(), row.get(1))), "{name} in {truth:?}");
    }
}
