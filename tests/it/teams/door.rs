//! What it costs to find out whose things somebody may hear of who opens a socket, and what they hear when it cannot be found out.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::world::{Person, World};
use crate::support::app::TestApp;
use crate::support::proxy::Cable;
use crate::support::socket::Socket;
use crate::support::wait::LOOK;

/// Sockets of each person.
const SOCKETS: usize = 10;

/// Whoever comes while a statement is under way shares the next: one, then all the others, and some more where they come slowly.
const STATEMENTS_MAX: usize = 6;

/// How long a socket may take to open while `user_psql` says nothing: half a second, on a machine that is busy.
const GREETED_WITHIN: Duration = Duration::from_secs(4);

async fn open_many(people: &[&Person]) -> Vec<(String, Socket)> {
    let all = people.iter().flat_map(|person| (0..SOCKETS).map(move |_| person));
    join_all(all.map(async |person| (person.id.clone(), person.caller.socket(None).await))).await
}

/// Members hear of a new thing of the team's; who is not in it hears of their own first.
async fn assert_hear(world: &World, sockets: Vec<(String, Socket)>) {
    let ours = world.ada.create_in(&world.team, world.agent).await;
    let hers = crate::support::client::id_of(&world.eve.caller.create(world.agent).await);
    for (user, mut socket) in sockets {
        let expected = if user == world.eve.id { &hers } else { &ours };
        let heard = loop {
            let event = socket.next_event().await;
            if let Some(instance) = event["data"]["instance_id"].as_str() {
                break instance.to_owned();
            }
        };
        assert_eq!(&heard, expected, "{user}");
    }
}

#[tokio::test]
async fn those_who_open_sockets_together_share_statements_and_each_hears_what_is_theirs() {
    let world = World::new().await;
    world.app.stage.until_told().await;
    let people = [&world.ada, &world.vic, &world.eve];
    let sockets = open_many(&people).await;
    assert_hear(&world, sockets).await;

    // Statements that wait for a lock can be counted.
    let locks = world.app.stage.databases.plain_user("postgres").await;
    locks.batch_execute("BEGIN; LOCK TABLE team_members IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let looks = world.app.stage.databases.plain_user("postgres").await;
    let opened = open_many(&people);
    tokio::pin!(opened);
    let mut statements = HashSet::new();
    let sockets = loop {
        tokio::select! {
            sockets = &mut opened => break sockets,
            () = tokio::time::sleep(LOOK) => {}
        }
        let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        statements.extend(looks.query(waiting, &[]).await.unwrap().iter().map(|row| row.get::<_, i32>(0)));
    };
    assert!(
        (1..=STATEMENTS_MAX).contains(&statements.len()),
        "{} for {} sockets",
        statements.len(),
        sockets.len()
    );
    locks.batch_execute("ROLLBACK").await.unwrap();
    assert_hear(&world, sockets).await;
}

#[tokio::test]
async fn a_socket_is_greeted_and_hears_of_the_team_while_user_psql_says_nothing() {
    let world = World::of(TestApp::on_cables(&[]).await).await;
    world.app.stage.until_told().await;
    let cables = world.app.replica.cables.as_ref().unwrap();
    cables.user_postgres.set(Cable::Silent);
    let open = async || {
        let began = Instant::now();
        let sockets = open_many(&[&world.ada, &world.vic, &world.eve]).await;
        assert!(began.elapsed() < GREETED_WITHIN, "{:?}", began.elapsed());
        sockets
    };
    // Nobody has noticed it yet.
    let sockets = open().await;
    assert_hear(&world, sockets).await;
    world.app.replica.until_impaired("/revocations").await;
    let sockets = open().await;
    assert_hear(&world, sockets).await;
    cables.mend();
    world.app.replica.until_well().await;
}
