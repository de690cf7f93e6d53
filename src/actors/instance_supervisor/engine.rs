//! The port to whoever runs an instance's pipeline, and the choice among them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use thiserror::Error;

use super::agent_versions::AgentDefinition;
use super::pipeline::{BUILTIN, engine_of};
use crate::models::{Document, Instance};

/// What an instance needs in order to run, ready. Small, because every idle instance keeps one: what an execution needs
/// beside it, it reads in the rows of the instance, which have passed the checks.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What its agent says, shared by all instances of that version.
    #[expect(
        dead_code,
        reason = "executions run with it; until there are any it keeps the definition in memory"
    )]
    agent: Rc<AgentDefinition>,
    /// How long one execution may take, in seconds.
    #[expect(dead_code, reason = "the deadline of executions")]
    timeout_s: u32,
    fingerprint: u64,
}

impl Prepared {
    /// What was made of `instance` as its row was then.
    pub(super) fn new(instance: &Instance, agent: Rc<AgentDefinition>, timeout_s: u32) -> Self {
        Self { agent, timeout_s, fingerprint: fingerprint(instance) }
    }

    /// Whether it still is what `instance` needs.
    pub(super) fn suits(&self, instance: &Instance) -> bool {
        self.fingerprint == fingerprint(instance)
    }
}

/// Everything that a preparation depends on, in eight bytes; never stored, so it may differ between builds.
fn fingerprint(instance: &Instance) -> u64 {
    let mut hasher = DefaultHasher::new();
    instance.agent_id.hash(&mut hasher);
    instance.agent_version.hash(&mut hasher);
    instance.user_config.hash(&mut hasher);
    instance.pipeline_config.hash(&mut hasher);
    hasher.finish()
}

/// Why an instance was not prepared.
#[derive(Debug, Error)]
pub(super) enum PrepareError {
    /// It cannot run as it is configured. The text is the user's: it names the key and what would be right.
    #[error("{0}")]
    Refused(String),
    /// Something that is needed is away; the same preparation may do later.
    #[error("{0}")]
    Away(String),
}

/// Runs pipelines. Whatever it does outside of Postgres it does under the epoch of the instance that it was given.
pub(super) trait Engine {
    /// Checks the instance and prepares what its executions will need. Safe to repeat. Where it answers an error or is
    /// dropped half-way, [`Engine::tear_down`] follows before the instance is called stopped or its row is purged, by the
    /// owner of that time.
    fn prepare<'a>(&'a self, instance: &'a Instance) -> LocalBoxFuture<'a, Result<Prepared, PrepareError>>;

    /// Removes what [`Engine::prepare`] may have left outside of this process, on this replica or another. Safe to
    /// repeat; an error means that it has to be.
    fn tear_down<'a>(&'a self, instance: &'a Instance) -> LocalBoxFuture<'a, Result<(), PrepareError>>;
}

/// Reads a document of an instance. To be held for no longer than it is looked at: see [`Document`].
pub(super) fn read(key: &str, document: &Document) -> Result<Value, PrepareError> {
    document.read().map_err(|error| PrepareError::Refused(format!("{key} cannot be read: {error}")))
}

/// The engines of this release, by the name in `pipeline_config.engine`.
pub(super) struct Engines {
    builtin: Box<dyn Engine>,
}

impl Engines {
    /// With `builtin`, the only one there is yet.
    pub(super) fn new(builtin: impl Engine + 'static) -> Self {
        Self { builtin: Box::new(builtin) }
    }

    /// The engine of this instance, or why it has none.
    pub(super) fn of(&self, instance: &Instance) -> Result<&dyn Engine, PrepareError> {
        match engine_of(&read("pipeline_config", &instance.pipeline_config)?)? {
            BUILTIN => Ok(self.builtin.as_ref()),
            name @ ("n8n" | "external") => {
                Err(PrepareError::Refused(format!("engine `{name}` is not available in this release")))
            }
            name => Err(PrepareError::Refused(format!(
                "pipeline_config.engine: there is no engine `{}`",
                name.chars().take(50).collect::<String>()
            ))),
        }
    }
}
