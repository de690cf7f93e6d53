//! How requests about instances are read.

use serde_json::json;

use super::*;
use crate::models::Cursor;

fn faulty<T: ReadFields>(body: Value) -> Vec<String> {
    let faults = Fields::read_body::<T>(body).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.field).collect()
}

#[test]
fn a_wish_has_empty_configurations_unless_it_brings_some() {
    let wish: Wish =
        Fields::read_body(json!({"agent_id": 7, "title": " Mine ", "user_config": null})).unwrap();
    let owner = UserId::new();
    let wish = wish.of(owner);
    assert_eq!((wish.agent_id, wish.user_id, wish.title.as_str()), (AgentId(7), owner, "Mine"));
    assert_eq!((wish.user_config, wish.pipeline_config), (json!({}), json!({})));
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
fn a_cursor_goes_on_from_where_it_was_given_whatever_the_first_page_came_after() {
    let read = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fields::read_query::<Span>(pairs).map(|span| span.after)
    };
    let cursor = Cursor::Number(9).encode();
    assert_eq!(read(&[]), Ok(0));
    assert_eq!(read(&[("after", "5")]), Ok(5));
    assert_eq!(read(&[("after", "5"), ("cursor", &cursor)]), Ok(9));
    assert!(read(&[("after", "x")]).is_err());
}

#[test]
fn a_status_that_is_none_is_named() {
    let pairs = vec![("status".to_owned(), "dead".to_owned()), ("agent_id".to_owned(), "x".to_owned())];
    let faults = Fields::read_query::<Selection>(pairs).err().unwrap();
    assert_eq!(faults.len(), 2);
}
