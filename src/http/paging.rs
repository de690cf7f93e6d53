//! `?limit=` and `?cursor=`, the same for every list.

use serde_json::Value;
use utoipa::IntoParams;

use super::fields::{Fault, Fields, ReadFields, text};
use crate::models::{AgentId, Cursor, PageLimit};

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items the page may have.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 50)]
    pub limit: PageLimit,
    /// Where the page begins: a `next_cursor` of this very list. Without it, at the beginning of the list.
    #[param(value_type = Option<String>, nullable = false)]
    pub cursor: Option<Cursor>,
}

impl Paging {
    /// Takes both parameters; `is_ours` tells whether a cursor is of the kind that this list gives out.
    pub fn take(fields: &mut Fields, is_ours: fn(Cursor) -> bool) -> Option<Self> {
        let limit = fields.optional("limit", page_limit);
        let cursor = fields.optional("cursor", |value| cursor(value, is_ours));
        Some(Self { limit: limit?.unwrap_or_default(), cursor: cursor?.flatten() })
    }

    /// The same for a list whose rows have numbers.
    pub fn take_numbers(fields: &mut Fields) -> Option<Self> {
        Self::take(fields, |cursor| cursor.number().is_ok())
    }

    /// The number where the page before this one ended, in a list whose rows have numbers of 32 bits.
    pub fn before_number(&self) -> Option<i32> {
        let number = self.cursor?.number().ok()?;
        // Numbers that no row can have stand before or behind all of them.
        Some(i32::try_from(number).unwrap_or(if number < 0 { 0 } else { i32::MAX }))
    }

    /// The agent where the page before this one ended.
    pub fn before_agent(&self) -> Option<AgentId> {
        self.before_number().map(AgentId)
    }
}

fn page_limit(value: Value) -> Result<PageLimit, Fault> {
    let limit = text(value)?.parse().ok().and_then(PageLimit::new);
    limit.ok_or_else(|| format!("must be a whole number from 1 to {}", PageLimit::MAX))
}

/// An empty one is none: a form that sends all of its fields begins at the beginning.
fn cursor(value: Value, is_ours: fn(Cursor) -> bool) -> Result<Option<Cursor>, Fault> {
    let text = text(value)?;
    if text.is_empty() {
        return Ok(None);
    }
    let cursor = Cursor::decode(&text).ok().filter(|cursor| is_ours(*cursor));
    cursor.map(Some).ok_or_else(|| "must be a `next_cursor` of this list".to_owned())
}

/// The parameters of a list that has no others and whose rows have numbers.
pub struct NumberPage(pub Paging);

impl ReadFields for NumberPage {
    fn read(fields: &mut Fields) -> Option<Self> {
        Paging::take_numbers(fields).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Paging, Vec<String>> {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let page = Fields::read_query::<NumberPage>(pairs).map(|page| page.0);
        page.map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn a_page_has_defaults() {
        assert_eq!(read(&[("cursor", "")]), read(&[]));
        assert_eq!(read(&[]), Ok(Paging { limit: PageLimit::DEFAULT, cursor: None }));
    }

    #[test]
    fn limits_and_cursors_that_make_no_sense_are_named_together() {
        for limit in ["0", "101", "-1", "x", "", "1.0", "99999999999"] {
            assert_eq!(
                read(&[("limit", limit), ("cursor", "?")]),
                Err(vec!["limit".into(), "cursor".into()])
            );
        }
    }

    #[test]
    fn a_cursor_of_another_kind_of_list_is_refused() {
        let foreign = Cursor::Uuid(Uuid::nil()).encode();
        assert_eq!(read(&[("cursor", &foreign)]), Err(vec!["cursor".into()]));
        let ours = Cursor::Number(7);
        assert_eq!(read(&[("cursor", &ours.encode())]).unwrap().cursor, Some(ours));
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        assert_eq!(read(&[("limt", "5")]), Err(vec!["limt".into()]));
    }

    proptest! {
        #[test]
        fn any_parameters_are_a_page_within_its_bounds_or_named_faults(
            limit in "[0-9+-]{0,4}|.{0,12}", cursor in "[A-Za-z0-9_-]{11}|.{0,30}", other in prop::option::of(".{0,8}")
        ) {
            let mut query = vec![("limit", limit.as_str()), ("cursor", cursor.as_str())];
            query.extend(other.as_deref().map(|name| (name, "1")));
            match read(&query) {
                Ok(page) => {
                    prop_assert!((1..=100).contains(&page.limit.items()));
                    prop_assert!(page.before_number().is_none_or(|number| number >= 0 || page.cursor.is_some()));
                    prop_assert_eq!(page.cursor.map_or(String::new(), Cursor::encode), cursor);
                }
                Err(fields) => {
                    let ours = |field: &String| field == "limit" || field == "cursor" || Some(field) == other.as_ref();
                    prop_assert!(!fields.is_empty() && fields.iter().all(ours), "{:?}", fields);
                }
            }
        }
    }
}
