//! What the database and the code both know, they know alike.

use botberi::models::TeamRole;
use botberi::models::agent::AgentStatus;
use botberi::models::instance::{DesiredState, InstanceStatus};
use botberi::models::knowledge::{EntryDataType, EntrySource, EntryStatus, LanguageHint};
use botberi::models::store::keys;
use botberi::models::user::Role;
use botberi::models::work::{ExecutionStatus, WorkflowStatus};

use crate::support::database::TestDatabases;

#[tokio::test]
async fn the_table_of_lawful_moves_is_the_same_in_sql_and_in_rust() {
    let databases = TestDatabases::create().await;
    let plain = databases.plain("botberi").await;
    for from in InstanceStatus::ALL {
        for to in InstanceStatus::ALL {
            let row = plain.query_one("SELECT instance_move_is_legal($1, $2)", &[from, to]).await.unwrap();
            assert_eq!(row.get::<_, bool>(0), from.can_move_to(*to), "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn the_table_of_an_entrys_lawful_moves_is_the_same_in_sql_and_in_rust() {
    let databases = TestDatabases::create().await;
    let plain = databases.plain("botberi").await;
    for from in EntryStatus::ALL {
        for to in EntryStatus::ALL {
            let legal = "SELECT knowledge_base_entry_move_is_legal($1, $2)";
            let row = plain.query_one(legal, &[from, to]).await.unwrap();
            assert_eq!(row.get::<_, bool>(0), from.next().contains(to), "{from} to {to}");
        }
    }
}

#[tokio::test]
async fn what_needs_work_is_the_same_in_sql_and_in_rust() {
    let databases = TestDatabases::create().await;
    let plain = databases.plain("botberi").await;
    for desired in DesiredState::ALL {
        for status in InstanceStatus::ALL {
            let row =
                plain.query_one("SELECT instance_needs_work($1, $2)", &[desired, status]).await.unwrap();
            assert_eq!(row.get::<_, bool>(0), status.needs_work(*desired), "{status}, wanted {desired}");
        }
    }
}

#[tokio::test]
async fn the_words_of_every_check_are_those_of_the_enum() {
    let databases = TestDatabases::create().await;
    let shared = databases.plain("postgres").await;
    let user = databases.plain_user("postgres").await;
    let words = |all: &[&'static str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();

    for (client, constraint, expected) in [
        (
            &shared,
            "instances_status_check",
            words(&InstanceStatus::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "instances_desired_state_check",
            words(&DesiredState::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "agents_status_check",
            words(&AgentStatus::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "knowledge_base_entries_data_type_check",
            words(&EntryDataType::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "knowledge_base_entries_lang_hint_check",
            words(&LanguageHint::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "knowledge_base_entries_source_check",
            words(&EntrySource::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "knowledge_base_chunks_lang_check",
            words(&LanguageHint::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "knowledge_base_entries_status_check",
            words(&EntryStatus::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "workflows_status_check",
            words(&WorkflowStatus::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "agent_executions_status_check",
            words(&ExecutionStatus::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &user,
            "team_members_role_check",
            words(&TeamRole::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (
            &shared,
            "team_members_role_check",
            words(&TeamRole::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>()),
        ),
        (&user, "users_role_check", words(&Role::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>())),
    ] {
        let row = client
            .query_one(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1",
                &[&constraint],
            )
            .await
            .unwrap();
        let definition: String = row.get(0);
        let found: Vec<String> = definition.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
        assert_eq!(found, expected, "{constraint}: {definition}");
    }
}

#[tokio::test]
async fn the_advisory_lock_keys_are_the_same_in_sql_and_in_rust() {
    let databases = TestDatabases::create().await;
    let plain = databases.plain("botberi").await;
    let row = plain
        .query_one("SELECT publisher_leader_key(), publisher_awake_key(), retention_key()", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), keys::PUBLISHER_LEADER_KEY);
    assert_eq!(row.get::<_, i64>(1), keys::PUBLISHER_AWAKE_KEY);
    assert_eq!(row.get::<_, i64>(2), keys::RETENTION_KEY);
    let user = databases.plain_user("botberi").await;
    let row = user.query_one("SELECT retention_key(), user_relay_key()", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), keys::RETENTION_KEY);
    assert_eq!(row.get::<_, i64>(1), keys::USER_RELAY_KEY);
}

#[tokio::test]
async fn ids_made_in_sql_are_of_version_seven_and_rise_with_time() {
    let databases = TestDatabases::create().await;
    let plain = databases.plain("botberi").await;
    let before = uuid::Uuid::now_v7();
    let id: uuid::Uuid = plain.query_one("SELECT uuid_v7()", &[]).await.unwrap().get(0);
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
    let millis = |id: &uuid::Uuid| {
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        seconds * 1000 + u64::from(nanos) / 1_000_000
    };
    assert!(millis(&id).abs_diff(millis(&before)) < 5_000);
}
