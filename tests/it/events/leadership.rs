//! Two replicas, one publisher.

use tokio_postgres::Client;

use crate::support::client::{Caller, id_of};
use crate::support::load::Load;
use crate::support::proxy::Cable;
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

struct Pair {
    first: Replica,
    second: Replica,
    stage: Stage,
    ada: Caller,
    agent: i64,
}

impl Pair {
    /// The first leads, for it was there first.
    async fn start() -> Self {
        let stage = Stage::set().await;
        let first = Replica::start(&stage, true, &[]).await;
        let ada = Caller::stranger(&first.user_api).sign_up("ada").await;
        let agent = ada.an_agent().await;
        stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;
        let second = Replica::start(&stage, true, &[]).await;
        Self { first, second, stage, ada, agent }
    }
}

async fn epoch(sql: &Client) -> i64 {
    sql.query_one("SELECT epoch FROM publisher_state", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn when_the_leader_leaves_the_standby_goes_on_where_it_stood() {
    let Pair { first, second, stage, ada, agent } = Pair::start().await;
    let sql = stage.sql().await;
    assert_eq!(epoch(&sql).await, 1);
    let leaders = "SELECT count(*)::bigint FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
                       AND (l.classid::bigint << 32 | l.objid::bigint) = publisher_leader_key()";
    assert_eq!(sql.query_one(leaders, &[]).await.unwrap().get::<_, i64>(0), 1);

    let load = Load::of(&ada.at(&second.user_api), agent, 4);
    load.until_more(20).await;
    first.stop();
    load.until_more(20).await;
    let ids = load.stop().await;

    stage.until_all(&ids, "running").await;
    stage.until_told().await;
    assert_eq!(epoch(&sql).await, 2);
}

#[tokio::test]
async fn a_leader_that_falls_silent_is_deposed_and_its_late_writes_change_nothing() {
    let Pair { first, second, stage, ada, agent } = Pair::start().await;
    let sql = stage.sql().await;
    let ada = ada.at(&second.user_api);
    // All that it says to Postgres is held back, as if it stood still; its session and its lock stay.
    let cable = &first.cables.as_ref().unwrap().shared_postgres;
    cable.set(Cable::Silent);

    let load = Load::of(&ada, agent, 2);
    eventually("the standby leads", async || (epoch(&sql).await == 2).then_some(())).await;
    load.until_more(20).await;
    // Now everything arrives that the old leader has said meanwhile.
    cable.set(Cable::Sound);
    load.until_more(20).await;
    let ids = load.stop().await;

    stage.until_all(&ids, "running").await;
    stage.until_told().await;
    assert_eq!(epoch(&sql).await, 2);
    first.until_well().await;
}
