//! Servers that are stopped and started for real: these are the test's own.

use botberi::cli::dev::{Durability, Servers, ServersSpec};
use tokio::task::spawn_blocking;

use crate::support::app::TestApp;
use crate::support::folder::Folder;
use crate::support::follower::Follower;
use crate::support::load::Load;
use crate::support::replica::Replica;
use crate::support::stage::Stage;

async fn start(spec: &ServersSpec) -> Servers {
    let spec = spec.clone();
    spawn_blocking(move || Servers::start(spec, &mut |_| {}).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_restart_of_every_server_in_the_middle_of_a_load_loses_nothing() {
    let folder = Folder::new("restart");
    // As in development: what was confirmed is on the disk.
    let spec = ServersSpec { durability: Durability::Safe, ..folder.spec() };
    let servers = start(&spec).await;
    let stage = Stage::set_on_own(servers.endpoints()).await;
    let app = TestApp { replica: Replica::start(&stage, false, &[]).await, stage };
    let ada = app.sign_up("ada").await;
    let me = ada.user_id().await;
    let (load, mut follower) = (Load::of(&ada, ada.an_agent().await, 4), Follower::of(&ada).await);
    load.until_more(40).await;

    spawn_blocking(move || servers.stop().unwrap()).await.unwrap();
    assert_eq!(app.stranger().get("/healthz").await.status, 200);
    app.replica.until_impaired("/broker/event_publisher").await;
    assert_eq!(app.stranger().get("/readyz").await.problem(503), "dependency_unavailable");
    let servers = start(&spec).await;

    load.until_more(40).await;
    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    app.replica.until_well().await;
    follower.assert_whole(&app.stage.sql().await, &me).await;
    drop(app);
    spawn_blocking(move || servers.stop().unwrap()).await.unwrap();
}
