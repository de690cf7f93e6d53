//! The configuration as it comes out of its layers, to be shown to people.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::layer::Entry;
use super::schema::Schema;
use super::{Settings, Sources, merge, parse_defaults, profile, read_layers};
use crate::faults::Faults;

/// Who sets what no layer has set.
const DEFAULT: &str = "default";

/// What is put in the place of a text to see whether it can be seen afterwards.
const PROBE: &str = "can-this-be-seen";

/// A key with its value, in a form that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The whole key, as in `http.user.port`.
    pub key: String,
    /// The value as TOML writes it. A secret that is set reads `"***"`.
    pub value: String,
    /// Who set it: a file with its line, a variable, a flag, or `default`.
    pub origin: String,
}

/// Every key in alphabetic order.
///
/// # Errors
/// Every fault of every layer. Whether the outcome makes sense is not looked at.
pub fn effective(sources: &Sources) -> Result<Vec<Effective>, Faults> {
    let mut faults = Faults::default();
    let profile = profile(sources, &mut faults);
    let Some(defaults) = parse_defaults(&mut faults) else { return Err(faults) };
    let entries = read_layers(sources, profile, &defaults, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let merged = merge(&defaults, &entries);
    let origins: BTreeMap<&str, &str> =
        entries.iter().map(|entry| (entry.key.as_str(), entry.origin.as_str())).collect();
    let schema = Schema::of(&defaults);
    let shown = schema.keys().filter_map(|key| {
        let value = find(&merged, key)?;
        let is_set = value.as_str().is_none_or(|text| !text.is_empty());
        let value =
            if is_set && is_secret(&defaults, key) { "\"***\"".to_owned() } else { value.to_string() };
        let origin = origins.get(key).copied().unwrap_or(DEFAULT).to_owned();
        Some(Effective { key: key.to_owned(), value, origin })
    });
    Ok(shown.collect())
}

fn find<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let (section, name) = key.rsplit_once('.')?;
    let section = section.split('.').try_fold(table, |table, word| table.get(word)?.as_table())?;
    section.get(name)
}

/// Whether the settings hide what they are given for this key. The types are asked and no list, so that a new secret is
/// hidden without anybody thinking of it. A type that does not take any text, such as an address, is no secret.
fn is_secret(defaults: &Table, key: &str) -> bool {
    let entry = Entry { key: key.to_owned(), value: PROBE.into(), origin: String::new() };
    let probed = merge(defaults, &[entry]).try_into::<Settings>();
    probed.is_ok_and(|settings| !format!("{settings:?}").contains(PROBE))
}
