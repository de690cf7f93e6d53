//! More events at once than any queue holds.

use super::Scene;
use super::watch::Watch;
use crate::support::client::id_of;
use crate::support::follower::Follower;
use crate::support::load::Load;

/// Changes of each instance. With the instances of the load it is thousands of events in a few statements: more than a
/// window of the publisher, a batch of positions, a prefetch or a letterbox holds.
const ROUNDS: usize = 40;
const INSTANCES: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_larger_than_every_queue_reaches_everybody_whole_and_bounded() {
    let settings = [("websocket.session_queue_max", 256.into()), ("event_publisher.window_max", 128.into())];
    let scene = Scene::set(&settings).await;
    let me = id_of(&scene.ada.get("/api/v1/users/me").await.expect(200));
    let load = Load::of(&scene.ada, scene.agent, 8);
    load.until_more(INSTANCES).await;
    let ids = load.stop().await;
    scene.stage.until_all(&ids, "running").await;
    let mut follower = Follower::of(&scene.ada).await;
    let watch = Watch::of(&scene.program);

    let sql = scene.stage.sql().await;
    for round in 0..ROUNDS {
        let changed = sql
            .execute(
                "UPDATE instances SET title = $2 WHERE user_id::text = $1",
                &[&me, &format!("Round {round}")],
            )
            .await
            .unwrap();
        assert!(changed >= INSTANCES as u64, "{changed} were changed");
    }
    scene.stage.until_told().await;
    follower.assert_whole(&sql, &me).await;
    watch.assert_grew_by_less_than(150);
    scene.until_well().await;
}
