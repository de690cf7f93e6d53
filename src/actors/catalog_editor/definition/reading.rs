//! From documents to definitions, with everything that is wrong with them.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::{Map, Value, json};

use super::rules::{self, Fault};
use super::{Definition, NotReadable};

/// How many definitions one import may bring: they are written in one transaction.
pub const DEFINITIONS_MAX: usize = 1_000;

/// How many faults are told. Nobody mends more at a time, and a hostile text could have millions.
const FAULTS_MAX: usize = 1_000;

/// How much of an unknown field's name is repeated.
const NAME_CHARS_MAX: usize = 100;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionFault {
    /// The file that it is in; empty when there is none.
    pub origin: String,
    /// The path of the field, as in `[3].temperature`; empty when it is about the document as a whole.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

impl fmt::Display for DefinitionFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.origin, &self.field] {
            if !part.is_empty() {
                write!(formatter, "{part}: ")?;
            }
        }
        formatter.write_str(&self.message)
    }
}

/// An import that is being read.
#[derive(Debug, Default)]
pub struct Reading {
    definitions: Vec<Definition>,
    faults: Vec<DefinitionFault>,
    more_faults: bool,
    /// Where each id was met first.
    places: HashMap<String, String>,
    found: usize,
}

impl Reading {
    /// Reads a document: one definition, or a list of them. `origin` names the file, if it is one.
    pub fn add(&mut self, origin: &str, document: Value) {
        match document {
            Value::Object(fields) => {
                self.found += 1;
                if self.found > DEFINITIONS_MAX {
                    return;
                }
                self.definition(origin, "", fields);
            }
            Value::Array(items) if items.is_empty() => {
                self.fault(origin, "", "must have at least one definition");
            }
            Value::Array(items) => {
                self.found += items.len();
                if self.found > DEFINITIONS_MAX {
                    return;
                }
                for (index, item) in items.into_iter().enumerate() {
                    let place = format!("[{index}]");
                    match item {
                        Value::Object(fields) => self.definition(origin, &place, fields),
                        _ => self.fault(origin, &place, "must be a definition, an object with fields"),
                    }
                }
            }
            _ => self.fault(origin, "", "must be a definition, or a list of them"),
        }
    }

    /// Notes a text that could not be read.
    pub fn not_readable(&mut self, origin: &str, why: &NotReadable) {
        self.fault(origin, "", why.to_string());
    }

    /// Notes a fault of what was to be read.
    pub fn fault(&mut self, origin: &str, field: &str, message: impl Into<String>) {
        if self.faults.len() >= FAULTS_MAX {
            self.more_faults = true;
            return;
        }
        let fault =
            DefinitionFault { origin: origin.to_owned(), field: field.to_owned(), message: message.into() };
        self.faults.push(fault);
    }

    /// All definitions, in the order in which they were met.
    ///
    /// # Errors
    /// Every fault, if there is any.
    pub fn finish(mut self) -> Result<Vec<Definition>, Vec<DefinitionFault>> {
        if self.found > DEFINITIONS_MAX {
            let message = format!("there must be {DEFINITIONS_MAX} definitions at most, not {}", self.found);
            self.faults.insert(0, DefinitionFault { origin: String::new(), field: String::new(), message });
        }
        if self.faults.is_empty() {
            return Ok(self.definitions);
        }
        if self.more_faults {
            let message = format!("there are more than {FAULTS_MAX} faults");
            self.faults.push(DefinitionFault { origin: String::new(), field: String::new(), message });
        }
        Err(self.faults)
    }

    fn definition(&mut self, origin: &str, place: &str, fields: Map<String, Value>) {
        let mut taking = Taking { reading: self, origin, place, fields, content: Map::new() };
        let read = taking.definition();
        let unknown: Vec<String> = taking.fields.keys().take(FAULTS_MAX + 1).cloned().collect();
        for name in unknown {
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            taking.fault(&name, "is not a known field");
        }
        self.definitions.extend(read);
    }
}

/// One definition while its fields are taken.
struct Taking<'a> {
    reading: &'a mut Reading,
    origin: &'a str,
    place: &'a str,
    fields: Map<String, Value>,
    content: Map<String, Value>,
}

impl Taking<'_> {
    /// `None` only if a fault was noted; all fields are taken before that is said.
    fn definition(&mut self) -> Option<Definition> {
        let id = self.optional("id", rules::id);
        let title = self.required("name", rules::name);
        let description = self.required("description", rules::description);
        let category = self.required("category", rules::snake_case);
        let version = self.required("version", rules::version);
        let address = self.optional("url", rules::address);
        self.capabilities();
        let system_prompt = self.required("system_prompt", rules::system_prompt);
        let model = self.required("model", rules::model);
        let temperature = self.optional("temperature", rules::temperature);
        let max_tokens = self.optional("max_tokens", rules::max_tokens);
        let rate = self.optional("rate", rules::rate);

        self.keep("description", description);
        self.keep("category", category.clone());
        self.keep("version", version);
        self.keep("url", address.flatten());
        self.keep("system_prompt", system_prompt);
        self.keep("model", model);
        self.keep("temperature", temperature.flatten());
        self.keep("max_tokens", max_tokens.flatten());

        let activation_code = self.code(id?, category.as_deref(), title.as_deref())?;
        let content = Value::Object(std::mem::take(&mut self.content));
        Some(Definition { title: title?, activation_code, rate: rate?, content })
    }

    /// The code that the agent is known by: the definition's id, or one made of its category and name.
    fn code(&mut self, id: Option<String>, category: Option<&str>, title: Option<&str>) -> Option<String> {
        let is_derived = id.is_none();
        let code = match id {
            Some(id) => id,
            None => {
                let derived = rules::derived_id(category?, title?);
                if derived.is_none() {
                    self.fault("id", "is required: none can be made of this category and name");
                }
                derived?
            }
        };
        let here = [self.origin, self.place].into_iter().filter(|part| !part.is_empty());
        let here = here.collect::<Vec<&str>>().join(" ");
        if let Some(there) = self.reading.places.get(&code) {
            let there = if there.is_empty() { "another definition" } else { there };
            let made = if is_derived { " (made of category and name)" } else { "" };
            let message = format!("must be its own: {code}{made} is that of {there}, too");
            self.fault("id", message);
            return None;
        }
        self.reading.places.insert(code.clone(), here);
        Some(code)
    }

    fn capabilities(&mut self) {
        let Some(value) = self.fields.remove("capabilities") else {
            self.fault("capabilities", "is required");
            return;
        };
        let items = match rules::capabilities(&value) {
            Ok(items) => items,
            Err(fault) => return self.fault("capabilities", fault),
        };
        let (mut before, mut list) = (HashSet::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            match rules::capability(item, &mut before) {
                Ok(capability) => list.push(capability),
                Err(fault) => self.fault(&format!("capabilities[{index}]"), fault),
            }
        }
        self.content.insert("capabilities".to_owned(), Value::Array(list));
    }

    fn keep(&mut self, name: &str, value: Option<impl serde::Serialize>) {
        if let Some(value) = value {
            self.content.insert(name.to_owned(), json!(value));
        }
    }

    fn required<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Result<T, Fault>) -> Option<T> {
        let taken = self.optional(name, read)?;
        if taken.is_none() {
            self.fault(name, "is required");
        }
        taken
    }

    /// `None` when there was a fault, `Some(None)` when there was no such field.
    fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        let Some(value) = self.fields.remove(name) else { return Some(None) };
        match read(&value) {
            Ok(value) => Some(Some(value)),
            Err(fault) => {
                self.fault(name, fault);
                None
            }
        }
    }

    fn fault(&mut self, name: &str, message: impl Into<String>) {
        let separator = if self.place.is_empty() { "" } else { "." };
        let field = format!("{}{separator}{name}", self.place);
        self.reading.fault(self.origin, &field, message);
    }
}
