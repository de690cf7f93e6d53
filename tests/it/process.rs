//! The program as a process: killed, and asked to end, in the middle of its work.

use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use crate::support::client::{Caller, id_of};
use crate::support::follower::Follower;
use crate::support::load::Load;
use crate::support::program::Program;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

#[tokio::test]
async fn a_kill_in_the_middle_of_a_load_loses_nothing_that_was_acknowledged() {
    let stage = Stage::set().await;
    let mut program = Program::serve(&stage, &[]).await;
    let ada = Caller::stranger(&program.user_api).sign_up("ada").await;
    let me = id_of(&ada.get("/api/v1/users/me").await.expect(200));
    let load = Load::of(&ada, ada.an_agent().await, 4);
    let mut follower = Follower::of(&ada).await;

    for _ in 0..3 {
        load.until_more(40).await;
        program.kill();
        program = Program::serve(&stage, &[]).await;
        let ada = ada.at(&program.user_api);
        load.move_to(&ada);
        follower.move_to(&ada);
    }
    load.until_more(40).await;
    let ids = load.stop().await;

    stage.until_all(&ids, "running").await;
    stage.until_told().await;
    follower.assert_whole(&stage.sql().await, &me).await;
}

#[tokio::test]
async fn what_a_killed_process_kept_running_is_kept_by_the_survivor() {
    let stage = Stage::set().await;
    let (killed, survivor) = (Program::serve(&stage, &[]).await, Program::serve(&stage, &[]).await);
    let ada = Caller::stranger(&survivor.user_api).sign_up("ada").await;
    let agent = ada.an_agent().await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(id_of(&ada.create(agent).await));
    }
    stage.until_all(&ids, "running").await;
    let before = stage.until_told().await;
    let sql = stage.sql().await;
    let owners = "SELECT count(DISTINCT owner_replica) FROM instances WHERE id::text = ANY ($1)";
    let count = async || sql.query_one(owners, &[&ids]).await.unwrap().get::<_, i64>(0);
    assert_eq!(count().await, 2, "both take their share");

    killed.kill();
    eventually("one owns them all", async || (count().await == 1).then_some(())).await;
    stage.until_all(&ids, "running").await;
    // Nothing has changed for their user, so there is nothing to tell.
    assert_eq!(stage.until_told().await, before);
}

#[tokio::test]
async fn asked_to_end_it_sends_its_sockets_elsewhere_and_ends_in_order() {
    let stage = Stage::set().await;
    // Sockets that nobody reads for a while must not be taken for dead.
    let program = Program::serve(&stage, &[("websocket.heartbeat_seconds", 60.into())]).await;
    let survivor = Program::serve(&stage, &[]).await;
    let ada = Caller::stranger(&program.user_api).sign_up("ada").await;
    let agent = ada.an_agent().await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(ada.socket(None).await);
    }
    let load = Load::of(&ada, agent, 2);
    load.until_more(20).await;

    let asked = Instant::now();
    program.terminate();
    load.move_to(&ada.at(&survivor.user_api));
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, 1012);
    }
    let status = spawn_blocking(move || program.ended_within(Duration::from_secs(5))).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_millis(2_500), "it took {:?}", asked.elapsed());

    load.until_more(20).await;
    let ids = load.stop().await;
    stage.until_all(&ids, "running").await;
    stage.until_told().await;
    survivor.terminate();
    let status = spawn_blocking(move || survivor.ended_within(Duration::from_secs(5))).await.unwrap();
    assert_eq!(status.code(), Some(0));
}
