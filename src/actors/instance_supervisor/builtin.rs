//! The engine that comes with the platform: it runs pipelines inside of this process, so that a prepared instance has
//! nothing outside of it.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::agent_versions::{AgentDefinition, AgentVersions};
use super::engine::{Engine, PrepareError, Prepared, read};
use super::pipeline::Pipeline;
use crate::models::Instance;

/// Checks an instance's configuration against what its agent's version asks for.
pub(super) struct Builtin {
    agent_versions: AgentVersions,
}

impl Builtin {
    pub(super) fn new(agent_versions: AgentVersions) -> Self {
        Self { agent_versions }
    }
}

impl Engine for Builtin {
    fn prepare<'a>(&'a self, instance: &'a Instance) -> LocalBoxFuture<'a, Result<Prepared, PrepareError>> {
        async move {
            let (model, timeout_s) = {
                let document = read("pipeline_config", &instance.pipeline_config)?;
                let pipeline = Pipeline::read(&document)?;
                (pipeline.model.map(str::to_owned), pipeline.timeout_s)
            };
            let agent = self.agent_versions.find(instance.agent_id, instance.agent_version).await?;
            check(&agent, model.as_deref(), &read("user_config", &instance.user_config)?)?;
            Ok(Prepared::new(instance, agent, timeout_s))
        }
        .boxed_local()
    }

    fn tear_down<'a>(&'a self, _instance: &'a Instance) -> LocalBoxFuture<'a, Result<(), PrepareError>> {
        std::future::ready(Ok(())).boxed_local()
    }
}

fn check(agent: &AgentDefinition, model: Option<&str>, user_config: &Value) -> Result<(), PrepareError> {
    if let (Some(wanted), Some(models)) = (model, &agent.models)
        && !models.iter().any(|model| model == wanted)
    {
        return Err(PrepareError::Refused(format!(
            "pipeline_config.model must be one of the agent's models: {}",
            models.join(", ")
        )));
    }
    for key in &agent.required_config {
        if user_config.get(key).is_none_or(Value::is_null) {
            return Err(PrepareError::Refused(format!("user_config.{key} is required by the agent")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(content: &Value, user_config: &Value, pipeline_config: &Value) -> Result<(), String> {
        let pipeline = Pipeline::read(pipeline_config).map_err(|error| error.to_string())?;
        check(&AgentDefinition::read(content), pipeline.model, user_config).map_err(|error| error.to_string())
    }

    #[test]
    fn an_ordinary_instance_is_prepared() {
        let content = json!({
            "capabilities": ["chat", "search"], "locale": "en", "model": "none", "description": "an agent",
        });
        let user_config = json!({"language": "en", "channels": ["web", "mail"], "greeting": "hello", "n": 1});
        let pipeline_config = json!({
            "steps": [{"name": "retrieve", "top_k": 5}, {"name": "answer", "temperature": 0.2}],
            "timeout_s": 30,
        });
        assert_eq!(outcome(&content, &user_config, &pipeline_config), Ok(()));
    }

    #[test]
    fn a_model_that_the_agent_does_not_offer_is_refused() {
        let content = json!({"models": ["small", "large"]});
        assert_eq!(outcome(&content, &json!({}), &json!({"model": "large"})), Ok(()));
        assert_eq!(outcome(&content, &json!({}), &json!({})), Ok(()));
        assert_eq!(
            outcome(&content, &json!({}), &json!({"model": "huge"})),
            Err("pipeline_config.model must be one of the agent's models: small, large".to_owned())
        );
    }

    #[test]
    fn a_key_that_the_agent_requires_must_be_there() {
        let content = json!({"required_config": ["language"]});
        assert_eq!(outcome(&content, &json!({"language": "es"}), &json!({})), Ok(()));
        for user_config in [json!({}), json!({"language": null})] {
            assert_eq!(
                outcome(&content, &user_config, &json!({})),
                Err("user_config.language is required by the agent".to_owned())
            );
        }
    }
}
