//! How requests about instances are read.

use serde_json::json;

use super::*;
use crate::models::UserId;

fn faulty<T: ReadFields>(body: Value) -> Vec<String> {
    let faults = Fields::read_body::<T>(body).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.field).collect()
}

#[test]
fn a_wish_has_empty_configurations_unless_it_brings_some() {
    let wish: Wish =
        Fields::read_body(json!({"agent_id": 7, "title": " Mine ", "user_config": null})).unwrap();
    let owner = UserId::new();
    let wish = wish.of(Reach::from(owner), Origin::default()).unwrap();
    assert_eq!((wish.agent_id, wish.user_id, wish.title.as_str()), (AgentId(7), owner, "Mine"));
    assert_eq!((wish.user_config, wish.pipeline_config), (json!({}), json!({})));
}

#[test]
fn what_a_teams_key_wishes_is_that_teams_and_no_others() {
    let (team, owner) = (TeamId::new(), UserId::new());
    let reach = Reach { team_only: Some(team), ..Reach::from(owner) };
    let wish = |team_id: Option<TeamId>| {
        let body = json!({"agent_id": 7, "title": "Ours", "team_id": team_id});
        Fields::read_body::<Wish>(body).unwrap().of(reach, Origin::default())
    };
    assert_eq!(wish(None).unwrap().team_id, Some(team));
    assert_eq!(wish(Some(team)).unwrap().team_id, Some(team));
    assert_eq!(wish(Some(TeamId::new())).unwrap_err().code(), ErrorCode::TeamNotFound);
}

#[test]
fn a_wish_is_told_all_of_its_faults() {
    let body = json!({"agent_id": "7", "title": "", "user_config": [], "user_id": "x"});
    assert_eq!(faulty::<Wish>(body), ["agent_id", "title", "user_config", "user_id"]);
}

#[test]
fn a_change_may_leave_out_everything_and_null_is_no_value() {
    assert_eq!(faulty::<Change>(json!({})), [""; 0]);
    let nothing = json!({"title": null, "user_config": null, "status": "running"});
    assert_eq!(faulty::<Change>(nothing), ["title", "user_config", "status"]);
}

#[test]
fn a_status_that_is_none_is_named() {
    let pairs = vec![("status".to_owned(), "dead".to_owned()), ("agent_id".to_owned(), "x".to_owned())];
    let faults = Fields::read_query::<Selection>(pairs).err().unwrap();
    assert_eq!(faults.len(), 2);
}
