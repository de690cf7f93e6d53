//! The platform on a RabbitMQ of three nodes, which are killed and frozen under load.
#![expect(clippy::print_stderr, reason = "what was measured is for reading")]

use std::time::{Duration, Instant};

use botberi::cli::dev::{Server, Servers, ServersSpec};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::support::app::TestApp;
use crate::support::folder::Folder;
use crate::support::follower::Follower;
use crate::support::load::Load;
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const PUBLISHER: &str = "/broker/event_publisher";
const HINTS: &str = "agents_worker.instance";

/// How long it takes until what is written is told again after the loss of one node: the others choose who leads.
const AFTER_A_NODE: Duration = Duration::from_secs(20);

/// By the name of a node, which RabbitMQ tells.
fn server(node: &str) -> Server {
    match node {
        "botberi@localhost" => Server::RabbitMq(1),
        "botberi_2@localhost" => Server::RabbitMq(2),
        "botberi_3@localhost" => Server::RabbitMq(3),
        _ => panic!("no node of ours: {node}"),
    }
}

/// Servers are started and stopped on threads that may block.
async fn with<T: Send + 'static>(
    servers: Servers,
    work: impl FnOnce(&mut Servers) -> T + Send + 'static,
) -> (Servers, T) {
    let worked = spawn_blocking(move || {
        let mut servers = servers;
        let answer = work(&mut servers);
        (servers, answer)
    });
    worked.await.unwrap()
}

async fn kill(servers: Servers, server: Server) -> Servers {
    with(servers, move |servers| servers.kill_one(server).unwrap()).await.0
}

async fn start(servers: Servers, server: Server) -> Servers {
    with(servers, move |servers| servers.start_one(server).unwrap()).await.0
}

/// The names of the queue's members that are in a certain state.
fn names(queue: &Value, of: &str) -> Vec<String> {
    let names = queue[of].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<String> = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn until_all_members_are_online(stage: &Stage) {
    eventually("all three members of the queue are there", async || {
        (names(&stage.bus.queue(HINTS).await, "online").len() == 3).then_some(())
    })
    .await;
}

/// Waits until all that is committed by now has been told, and new things come to the socket, too. Answers with how long that
/// took.
async fn until_it_goes_on(app: &TestApp, load: &Load, follower: &Follower) -> Duration {
    let began = Instant::now();
    let sql = app.stage.sql().await;
    let last: i64 = sql.query_one("SELECT last_position FROM publisher_state", &[]).await.unwrap().get(0);
    app.stage.tap.until_position(last).await;
    load.until_more(20).await;
    follower.until_more(20).await;
    began.elapsed()
}

#[tokio::test]
async fn a_cluster_that_loses_its_nodes_under_load_loses_no_event_and_heals() {
    let folder = Folder::new("cluster");
    let spec = ServersSpec { rabbitmq_nodes: 3, ..folder.spec() };
    let servers = spawn_blocking(move || Servers::start(spec, &mut |_| {}).unwrap()).await.unwrap();
    let stage = Stage::set_on_own(servers.endpoints()).await;
    let app = TestApp { replica: Replica::start(&stage, false, &[]).await, stage };
    let ada = app.sign_up("ada").await;
    let me = ada.user_id().await;
    // One user: three nodes, two databases and the platform share this machine, and what is tested is not how much it bears.
    let (load, mut follower) = (Load::of(&ada, ada.an_agent().await, 1), Follower::of(&ada).await);
    load.until_more(40).await;
    let queue = app.stage.bus.queue(HINTS).await;
    assert_eq!(names(&queue, "members").len(), 3, "{queue}");

    // The node that leads the queue: another member takes its place.
    let leader = server(queue["leader"].as_str().unwrap());
    let servers = kill(servers, leader).await;
    let without_its_leader = until_it_goes_on(&app, &load, &follower).await;
    assert!(without_its_leader < AFTER_A_NODE, "{without_its_leader:?}");
    app.replica.until_well().await;
    let servers = start(servers, leader).await;
    until_all_members_are_online(&app.stage).await;

    // The node that the publisher speaks to: it goes to another one, and sends again what was not confirmed.
    let spoken_to = server(&app.stage.bus.node_of_connection("botberi event_publisher").await);
    let servers = kill(servers, spoken_to).await;
    let without_its_node = until_it_goes_on(&app, &load, &follower).await;
    assert!(without_its_node < AFTER_A_NODE, "{without_its_node:?}");
    app.replica.until_well().await;

    // A second one away: a single node confirms nothing. Writes go on, and it shows.
    let second = [1, 2, 3].map(Server::RabbitMq).into_iter().find(|other| *other != spoken_to).unwrap();
    let servers = kill(servers, second).await;
    app.replica.until_impaired(PUBLISHER).await;
    load.until_more(40).await;
    assert_eq!(app.stranger().get("/readyz").await.problem(503), "dependency_unavailable");
    let servers = start(servers, spoken_to).await;
    let began = Instant::now();
    app.replica.until_well().await;
    let well_again = began.elapsed();
    let servers = start(servers, second).await;
    until_all_members_are_online(&app.stage).await;

    // A node that is there and says nothing.
    let frozen = server(&app.stage.bus.node_of_connection("botberi event_publisher").await);
    servers.freeze(frozen).unwrap();
    let beside_a_frozen_one = until_it_goes_on(&app, &load, &follower).await;
    servers.thaw(frozen).unwrap();
    app.replica.until_well().await;
    eprintln!(
        "told again {without_its_leader:?} after the death of the leader, {without_its_node:?} after that of the publisher's node, \
         {beside_a_frozen_one:?} after it was frozen; well {well_again:?} after the second of three nodes was back"
    );

    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    follower.assert_whole(&app.stage.sql().await, &me).await;
    until_all_members_are_online(&app.stage).await;
    drop(app);
    spawn_blocking(move || servers.stop().unwrap()).await.unwrap();
}
