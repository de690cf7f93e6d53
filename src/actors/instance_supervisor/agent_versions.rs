//! What an agent's version asks of its instances, read once: versions are immutable.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use serde_json::Value;
use tokio::sync::Mutex;

use super::engine::PrepareError;
use crate::models::AgentId;
use crate::models::store::{SharedDb, agents};

/// How many versions are kept. Fewer than are in use reads some again and again; each takes about as much memory as the
/// lists in its document.
const VERSIONS_MAX: usize = 512;

/// The part of an agent's document that decides whether an instance can run. The document is the administrators' own:
/// what is not of the expected kind is passed over, as if it were not there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AgentDefinition {
    /// `models`: the models to choose from; `None` leaves the choice free.
    pub(super) models: Option<Vec<String>>,
    /// `model`: the one that is used where the instance names none.
    pub(super) model: Option<String>,
    /// `required_config`: the keys that `user_config` must have.
    pub(super) required_config: Vec<String>,
}

impl AgentDefinition {
    pub(super) fn read(content: &Value) -> Self {
        Self {
            models: content.get("models").and_then(Value::as_array).map(|models| strings(models)),
            model: content.get("model").and_then(Value::as_str).map(str::to_owned),
            required_config: content
                .get("required_config")
                .and_then(Value::as_array)
                .map(|keys| strings(keys))
                .unwrap_or_default(),
        }
    }
}

fn strings(values: &[Value]) -> Vec<String> {
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

type Version = (AgentId, i32);

/// Versions that were read before. The oldest goes when it is full.
#[derive(Default)]
struct Known {
    versions: HashMap<Version, Rc<AgentDefinition>>,
    by_age: VecDeque<Version>,
}

impl Known {
    fn keep(&mut self, version: Version, definition: Rc<AgentDefinition>) {
        if self.by_age.len() >= VERSIONS_MAX
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.versions.remove(&oldest);
        }
        if self.versions.insert(version, definition).is_none() {
            self.by_age.push_back(version);
        }
    }
}

/// Reads versions from Postgres and remembers them.
pub(super) struct AgentVersions {
    shared_db: SharedDb,
    /// Held while one is read, so that a burst of instances of one agent reads it once.
    known: Mutex<Known>,
}

impl AgentVersions {
    pub(super) fn new(shared_db: SharedDb) -> Self {
        Self { shared_db, known: Mutex::default() }
    }

    /// The definition of this version.
    pub(super) async fn find(
        &self,
        agent: AgentId,
        version: i32,
    ) -> Result<Rc<AgentDefinition>, PrepareError> {
        let mut known = self.known.lock().await;
        if let Some(definition) = known.versions.get(&(agent, version)) {
            return Ok(definition.clone());
        }
        let found = match self.shared_db.connection().await {
            Ok(connection) => agents::find_version(&connection, agent, version).await,
            Err(error) => Err(error),
        };
        let found =
            found.map_err(|error| PrepareError::Away(format!("its agent cannot be read now: {error}")))?;
        let Some(found) = found else {
            return Err(PrepareError::Refused(format!("version {version} of agent {agent} does not exist")));
        };
        let definition = Rc::new(AgentDefinition::read(&found.content));
        known.keep((agent, version), definition.clone());
        Ok(definition)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_of_another_kind_asks_for_nothing() {
        for content in [json!({}), json!([]), json!({"models": "none", "required_config": 7, "model": {}})] {
            assert_eq!(AgentDefinition::read(&content), AgentDefinition::default());
        }
    }

    #[test]
    fn the_oldest_version_makes_room() {
        let mut known = Known::default();
        for version in 0..=VERSIONS_MAX {
            let version = i32::try_from(version).unwrap();
            known.keep((AgentId(1), version), Rc::default());
        }
        assert_eq!(known.versions.len(), VERSIONS_MAX);
        assert!(!known.versions.contains_key(&(AgentId(1), 0)));
    }
}
