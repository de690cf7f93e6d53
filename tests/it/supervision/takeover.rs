//! A replica that the others cannot hear any more.

use crate::support::client::{Caller, id_of};
use crate::support::proxy::Cable;
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

#[tokio::test]
async fn a_replica_that_falls_silent_loses_its_instances_and_its_late_writes_change_nothing() {
    let stage = Stage::set().await;
    let brief = [("worker.lease_ms", 1_000.into()), ("worker.beat_ms", 200.into())];
    let silent = Replica::start(&stage, true, &brief).await;
    let ada = Caller::stranger(&silent.user_api).sign_up("ada").await;
    let agent = ada.an_agent().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(id_of(&ada.create(agent).await));
    }
    stage.until_all(&ids, "running").await;
    stage.until_told().await;
    let survivor = Replica::start(&stage, false, &brief).await;
    let sql = stage.sql().await;

    let cable = &silent.cables.as_ref().unwrap().shared_postgres;
    cable.set(Cable::Silent);
    // What it is told to do in its silence, it will try to write when it is heard again.
    let stopping = ids.iter().take(5);
    for id in stopping.clone() {
        let wish = "UPDATE instances SET desired_state = 'stopped' WHERE id::text = $1";
        assert_eq!(sql.execute(wish, &[id]).await.unwrap(), 1);
    }
    let epochs = "SELECT count(*) FROM instances WHERE id::text = ANY ($1) AND owner_epoch >= 2";
    eventually("all are taken over", async || {
        let taken: i64 = sql.query_one(epochs, &[&ids]).await.unwrap().get(0);
        (taken == 20).then_some(())
    })
    .await;
    cable.set(Cable::Sound);
    silent.until_well().await;

    stage.until_all(&ids[..5], "stopped").await;
    stage.until_all(&ids[5..], "running").await;
    stage.until_told().await;
    for id in stopping {
        let statuses = stage.tap.statuses_of(id);
        let stops = statuses.iter().filter(|status| *status == "stopped").count();
        assert_eq!(stops, 1, "{statuses:?}");
    }
    // New work goes on, whoever takes it.
    let id = id_of(&ada.at(&survivor.user_api).create(agent).await);
    stage.tap.until_status(&id, "running").await;
}
