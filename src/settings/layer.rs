//! One layer of the configuration, whatever it was written in, as a list of keys with values.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Table, Value};

use super::schema::{Kind, Schema};
use crate::faults::{Fault, Faults};

/// What every environment variable of the configuration starts with; levels are separated by two underscores.
pub(super) const ENVIRONMENT_PREFIX: &str = "BOTBERI__";

/// A known key with a value of its type, and who gave it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) origin: String,
}

/// The variable that sets `key`.
pub(super) fn variable_of(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

/// Reads a TOML file called `name`. What can be read beside its faults is returned all the same.
pub(super) fn from_file(name: &str, text: &str, schema: &Schema, faults: &mut Faults) -> Vec<Entry> {
    let (document, errors) = DeTable::parse_recoverable(text);

    // Only the message of a syntax error is told: the error itself quotes the line, which may hold a secret.
    // A line that confused the parser twice is told once.
    let at = |error: &toml::de::Error| error.span().map_or(1, |span| line_at(text, span.start));
    let broken: BTreeMap<usize, String> =
        errors.iter().rev().map(|error| (at(error), error.message().to_owned())).collect();
    for (line, message) in &broken {
        faults.push(Fault {
            origin: format!("{name}:{line}"),
            key: String::new(),
            problem: format!("is not TOML: {message}"),
        });
    }

    let mut reader = FileReader { name, text, broken, schema, faults, entries: Vec::new() };
    reader.section(document.into_inner(), "");
    reader.entries
}

struct FileReader<'a> {
    name: &'a str,
    text: &'a str,
    broken: BTreeMap<usize, String>,
    schema: &'a Schema,
    faults: &'a mut Faults,
    entries: Vec<Entry>,
}

impl FileReader<'_> {
    fn section(&mut self, table: DeTable<'_>, prefix: &str) {
        for (name, value) in table {
            let line = line_at(self.text, name.span().start);
            let name = name.into_inner();
            let key = if prefix.is_empty() { name.into_owned() } else { format!("{prefix}.{name}") };
            self.value(key, value, line);
        }
    }

    fn value(&mut self, key: String, value: Spanned<DeValue<'_>>, line: usize) {
        let origin = format!("{}:{line}", self.name);
        let known = self.schema.kind(&key);
        match value.get_ref() {
            DeValue::Table(section) if known.is_none() && !section.is_empty() => {
                if let DeValue::Table(section) = value.into_inner() {
                    self.section(section, &key);
                }
                return;
            }
            DeValue::Table(_) if self.schema.is_section(&key) => return,
            _ => {}
        }
        if self.broken.contains_key(&line) {
            return;
        }

        let found = type_name(value.get_ref());
        match (known, Value::deserialize(ValueDeserializer::from(value))) {
            (Some(kind), Ok(value)) if kind.accepts(&value) => {
                self.entries.push(Entry { key, value, origin })
            }
            (Some(kind), _) => {
                self.faults.push(Fault { origin, key, problem: format!("expected {kind}, found {found}") });
            }
            (None, _) => {
                let problem = unknown(self.schema, &key, str::to_owned);
                self.faults.push(Fault { origin, key, problem });
            }
        }
    }
}

/// Reads one environment variable; most are not ours.
pub(super) fn from_variable(
    name: &str,
    value: &OsStr,
    schema: &Schema,
    faults: &mut Faults,
) -> Option<Entry> {
    let mut refuse = |key: String, problem: String| {
        faults.push(Fault { origin: name.to_owned(), key, problem });
        None
    };

    let Some(path) = name.strip_prefix(ENVIRONMENT_PREFIX) else {
        // With too few underscores it would be ignored, and nobody would know why.
        let key =
            schema.keys().find(|key| name.starts_with("BOTBERI_") && same_words(&variable_of(key), name))?;
        return refuse(key.to_owned(), format!("is not read; did you mean {}?", variable_of(key)));
    };
    let key = path.to_lowercase().replace("__", ".");

    let Some(kind) = schema.kind(&key) else {
        let problem = unknown(schema, &key, variable_of);
        return refuse(key, problem);
    };
    let Some(text) = value.to_str() else {
        return refuse(key, format!("expected {kind}, found bytes that are not UTF-8"));
    };
    match parse(text, kind) {
        Some(value) => Some(Entry { key, value, origin: name.to_owned() }),
        None => refuse(key, format!("expected {}", in_a_variable(kind))),
    }
}

/// Takes a value that the command line gave as `flag`.
pub(super) fn from_flag(
    flag: &str,
    key: &str,
    value: &Value,
    schema: &Schema,
    faults: &mut Faults,
) -> Option<Entry> {
    let problem = match schema.kind(key) {
        Some(kind) if kind.accepts(value) => {
            return Some(Entry { key: key.to_owned(), value: value.clone(), origin: flag.to_owned() });
        }
        Some(kind) => format!("expected {kind}, found {}", value.type_str()),
        None => unknown(schema, key, str::to_owned),
    };
    faults.push(Fault { origin: flag.to_owned(), key: key.to_owned(), problem });
    None
}

/// Reads the text of a variable as a value of the type that the schema gives its key.
fn parse(text: &str, kind: Kind) -> Option<Value> {
    let trimmed = text.trim();
    match kind {
        Kind::Boolean => trimmed.parse().ok().map(Value::Boolean),
        Kind::Float => trimmed.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float),
        Kind::Integer => trimmed.parse().ok().map(Value::Integer),
        Kind::Text => Some(Value::String(text.to_owned())),
        Kind::TextList if trimmed.starts_with('[') => {
            let mut table: Table = format!("list = {trimmed}").parse().ok()?;
            let list = table.remove("list")?;
            (table.is_empty() && kind.accepts(&list)).then_some(list)
        }
        Kind::TextList => {
            let items = trimmed.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
    }
}

fn same_words(one: &str, other: &str) -> bool {
    let letters = |text: &str| text.replace('_', "");
    letters(one) == letters(other)
}

fn in_a_variable(kind: Kind) -> String {
    match kind {
        Kind::TextList => "a list: comma separated, or a TOML array of texts".to_owned(),
        _ => kind.to_string(),
    }
}

/// What is wrong with an unknown key; `spell` writes the known one as this layer would.
fn unknown(schema: &Schema, key: &str, spell: impl Fn(&str) -> String) -> String {
    if schema.is_section(key) {
        return "is a section: set one of its keys".to_owned();
    }
    match schema.nearest(key) {
        Some(nearest) => format!("unknown key; did you mean {}?", spell(nearest)),
        None => "unknown key; config/default.toml names all there are".to_owned(),
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Boolean(_) => "true or false",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::String(_) => "a text",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
        DeValue::Datetime(_) => "a date",
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}
