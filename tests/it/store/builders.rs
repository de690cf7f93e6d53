//! Rows that many tests begin with.

use botberi::models::agent::{Agent, AgentDraft};
use botberi::models::event::StoredEvent;
use botberi::models::ids::{InstanceId, KnowledgeBaseId, ReplicaId, UserId};
use botberi::models::instance::{Instance, NewInstance};
use botberi::models::store::instances::InsertOutcome;
use botberi::models::store::{Session, SharedSide, agents, instances, publisher, replicas};
use botberi::models::{TeamId, TeamRole, TeamRoles};
use serde_json::{Value, json};
use tokio_postgres::Client;

/// Long enough for no test to meet it.
pub(crate) const LEASE_MS: i32 = 600_000;

pub(crate) async fn published_agent(db: &impl Session<SharedSide>) -> Agent {
    let draft = AgentDraft {
        title: "Echo".to_owned(),
        content: json!({"capabilities": ["echo", "repeat"], "system_prompt": "a-secret-prompt"}),
        activation_code: format!("code-that-nobody-sees-{}", uuid::Uuid::now_v7()),
        rate: 3,
    };
    let agent = agents::insert(db, &draft, &botberi::models::Origin::default()).await.unwrap();
    agents::publish(db, agent.id, None, &botberi::models::Origin::default()).await.unwrap().unwrap()
}

pub(crate) fn wish(agent: &Agent, user_id: UserId) -> NewInstance {
    NewInstance {
        id: InstanceId::new(),
        knowledge_base_id: KnowledgeBaseId::new(),
        agent_id: agent.id,
        user_id,
        team_id: None,
        team_roles: TeamRoles::default(),
        title: "Parrot".to_owned(),
        user_config: json!({"tone": "dry"}),
        pipeline_config: json!({"steps": [1, 2]}),
        origin: botberi::models::Origin::default(),
    }
}

/// A team with one member, as `shared_psql` knows of it.
pub(crate) async fn team_of(plain: &Client, user_id: UserId, role: TeamRole) -> TeamId {
    let team = TeamId::new();
    plain
        .execute("INSERT INTO teams (id, revision, is_closed) VALUES ($1, 1, false)", &[&team])
        .await
        .unwrap();
    let join = "INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, $3)";
    plain.execute(join, &[&team, &user_id, &role]).await.unwrap();
    team
}

pub(crate) fn created(outcome: InsertOutcome) -> Instance {
    match outcome {
        InsertOutcome::Created(instance) => *instance,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn an_instance(db: &impl Session<SharedSide>) -> Instance {
    let agent = published_agent(db).await;
    created(instances::insert(db, &wish(&agent, UserId::new()), i64::MAX).await.unwrap())
}

pub(crate) async fn living_replica(db: &impl Session<SharedSide>) -> ReplicaId {
    let replica = ReplicaId::new();
    replicas::register(db, replica, &["worker".to_owned()], LEASE_MS).await.unwrap();
    replica
}

/// One that has beaten for so long that it may call others dead.
pub(crate) async fn steady_replica(databases: &crate::support::database::TestDatabases) -> ReplicaId {
    let replica = living_replica(&databases.shared().await).await;
    let plain = databases.plain("postgres").await;
    let steady = "UPDATE replicas SET steady_since = steady_since - interval '1 hour' WHERE id = $1";
    assert_eq!(plain.execute(steady, &[&replica]).await.unwrap(), 1);
    replica
}

/// Ends a replica's lease, as silence would.
pub(crate) async fn kill(plain: &Client, replica: ReplicaId) {
    let changed = plain
        .execute("UPDATE replicas SET beat_at = beat_at - interval '1 hour' WHERE id = $1", &[&replica])
        .await
        .unwrap();
    assert_eq!(changed, 1);
}

/// Places everything that waits, as the publisher would, and gives it.
pub(crate) async fn placed(databases: &crate::support::database::TestDatabases) -> Vec<StoredEvent> {
    let leader = databases.own().await;
    let leadership = publisher::lead(&leader, ReplicaId::new()).await.unwrap();
    publisher::place(&leader, leadership.epoch, 0, 100_000).await.unwrap()
}

pub(crate) fn fields(event: &StoredEvent) -> Value {
    serde_json::from_str(event.body.get()).unwrap()
}

/// The names of an object's fields, sorted.
pub(crate) fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
