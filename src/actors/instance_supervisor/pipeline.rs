//! Reads and checks `pipeline_config`: the part of an instance's configuration that says how it runs.
//!
//! | key | meaning |
//! | --- | --- |
//! | `engine` | who runs it: a name, `builtin` when absent |
//! | `steps` | a list of objects, each with a `name`; a step's other keys are its own |
//! | `timeout_s` | how long one execution may take, in whole seconds |
//! | `model` | which of the agent's models to use |
//! | `top_k`, `temperature` | how many passages to retrieve, how freely to answer; checked in a step, too, where they are numbers |
//!
//! Other keys are passed over: newer clients may send more than this release knows.

use serde_json::{Map, Value};

use super::engine::PrepareError;

/// More steps than any flow drawn by hand has, few enough to be checked in microseconds.
pub(super) const STEPS_MAX: usize = 64;
const STEP_NAME_CHARS_MAX: usize = 100;
const TIMEOUT_SECONDS_MAX: u64 = 86_400;
const TOP_K_MAX: u64 = 1_000;
const TEMPERATURE_MAX: f64 = 2.0;

/// How long an execution may take where `timeout_s` says nothing.
const TIMEOUT_SECONDS_DEFAULT: u32 = 300;

/// The engine of instances that name none.
pub(super) const BUILTIN: &str = "builtin";

/// A pipeline that has passed every check which needs nothing but its own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline<'a> {
    /// The model that was asked for.
    pub(super) model: Option<&'a str>,
    /// The names of its steps, in order.
    pub(super) steps: Vec<&'a str>,
    /// How long one execution may take, in seconds.
    pub(super) timeout_s: u32,
}

/// The engine that `pipeline_config` asks for.
pub(super) fn engine_of(pipeline_config: &Value) -> Result<&str, PrepareError> {
    match pipeline_config.get("engine") {
        None | Some(Value::Null) => Ok(BUILTIN),
        Some(Value::String(name)) => Ok(name),
        Some(_) => Err(refused("pipeline_config.engine must be a string")),
    }
}

impl<'a> Pipeline<'a> {
    /// Reads it, or says which key is wrong and what would be right.
    pub(super) fn read(pipeline_config: &'a Value) -> Result<Self, PrepareError> {
        let Value::Object(keys) = pipeline_config else {
            return Err(refused("pipeline_config must be an object"));
        };
        let model = match given(keys, "model") {
            None => None,
            Some(Value::String(model)) if !model.trim().is_empty() => Some(model.as_str()),
            Some(_) => return Err(refused("pipeline_config.model must be a string that is not empty")),
        };
        if given(keys, "top_k").is_some_and(|top_k| !is_top_k(top_k)) {
            return Err(top_k_refused("pipeline_config"));
        }
        if given(keys, "temperature").is_some_and(|temperature| !is_temperature(temperature)) {
            return Err(temperature_refused("pipeline_config"));
        }
        Ok(Self { model, steps: read_steps(keys)?, timeout_s: read_timeout(keys)? })
    }
}

fn read_timeout(keys: &Map<String, Value>) -> Result<u32, PrepareError> {
    let Some(timeout) = given(keys, "timeout_s") else { return Ok(TIMEOUT_SECONDS_DEFAULT) };
    timeout
        .as_u64()
        .filter(|seconds| (1..=TIMEOUT_SECONDS_MAX).contains(seconds))
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| {
            refused(format!(
                "pipeline_config.timeout_s must be a whole number from 1 to {TIMEOUT_SECONDS_MAX}"
            ))
        })
}

fn read_steps(keys: &Map<String, Value>) -> Result<Vec<&str>, PrepareError> {
    let steps = match given(keys, "steps") {
        None => return Ok(Vec::new()),
        Some(Value::Array(steps)) => steps,
        Some(_) => return Err(refused("pipeline_config.steps must be a list")),
    };
    if steps.len() > STEPS_MAX {
        return Err(refused(format!("pipeline_config.steps must not be more than {STEPS_MAX}")));
    }
    let mut names = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        names.push(read_step(index, step)?);
    }
    Ok(names)
}

fn read_step(index: usize, step: &Value) -> Result<&str, PrepareError> {
    let place = format!("pipeline_config.steps[{index}]");
    let Value::Object(keys) = step else { return Err(refused(format!("{place} must be an object"))) };
    let name = match keys.get("name") {
        Some(Value::String(name)) if !name.trim().is_empty() => name,
        _ => return Err(refused(format!("{place}.name must be a string that is not empty"))),
    };
    if name.chars().count() > STEP_NAME_CHARS_MAX {
        return Err(refused(format!(
            "{place}.name must not be longer than {STEP_NAME_CHARS_MAX} characters"
        )));
    }
    if keys.get("top_k").is_some_and(|top_k| top_k.is_number() && !is_top_k(top_k)) {
        return Err(top_k_refused(&place));
    }
    if keys.get("temperature").is_some_and(|value| value.is_number() && !is_temperature(value)) {
        return Err(temperature_refused(&place));
    }
    Ok(name)
}

/// A key that is there and not null.
fn given<'a>(keys: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    keys.get(key).filter(|value| !value.is_null())
}

fn is_top_k(value: &Value) -> bool {
    value.as_u64().is_some_and(|count| (1..=TOP_K_MAX).contains(&count))
}

fn is_temperature(value: &Value) -> bool {
    value.as_f64().is_some_and(|degree| (0.0..=TEMPERATURE_MAX).contains(&degree))
}

fn top_k_refused(place: &str) -> PrepareError {
    refused(format!("{place}.top_k must be a whole number from 1 to {TOP_K_MAX}"))
}

fn temperature_refused(place: &str) -> PrepareError {
    refused(format!("{place}.temperature must be a number from 0 to {TEMPERATURE_MAX}"))
}

fn refused(reason: impl Into<String>) -> PrepareError {
    PrepareError::Refused(reason.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reason(pipeline_config: &Value) -> String {
        Pipeline::read(pipeline_config).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_pipeline_is_a_pipeline() {
        let config = json!({});
        let pipeline = Pipeline::read(&config).unwrap();
        assert_eq!(pipeline, Pipeline { model: None, steps: vec![], timeout_s: TIMEOUT_SECONDS_DEFAULT });
        assert_eq!(engine_of(&config).unwrap(), BUILTIN);
    }

    #[test]
    fn what_is_known_is_read_and_what_is_not_is_passed_over() {
        let config = json!({
            "engine": "n8n", "model": "small", "timeout_s": 30, "colour": "blue",
            "steps": [{"name": "retrieve", "top_k": 5}, {"name": "answer", "temperature": 0.2, "top_k": "own"}],
        });
        let pipeline = Pipeline::read(&config).unwrap();
        assert_eq!(
            pipeline,
            Pipeline { model: Some("small"), steps: vec!["retrieve", "answer"], timeout_s: 30 }
        );
        assert_eq!(engine_of(&config).unwrap(), "n8n");
    }

    #[test]
    fn every_refusal_names_its_key() {
        let many: Vec<Value> = (0..=STEPS_MAX).map(|number| json!({"name": number.to_string()})).collect();
        let wrong = [
            ("pipeline_config must", json!([])),
            ("pipeline_config.model ", json!({"model": 1})),
            ("pipeline_config.model ", json!({"model": " "})),
            ("pipeline_config.timeout_s ", json!({"timeout_s": 0})),
            ("pipeline_config.timeout_s ", json!({"timeout_s": 86_401})),
            ("pipeline_config.timeout_s ", json!({"timeout_s": 1.5})),
            ("pipeline_config.timeout_s ", json!({"timeout_s": "30"})),
            ("pipeline_config.top_k ", json!({"top_k": 0})),
            ("pipeline_config.top_k ", json!({"top_k": "5"})),
            ("pipeline_config.temperature ", json!({"temperature": 2.1})),
            ("pipeline_config.temperature ", json!({"temperature": -0.1})),
            ("pipeline_config.steps must", json!({"steps": {"name": "a"}})),
            ("pipeline_config.steps must", json!({"steps": many})),
            ("pipeline_config.steps[1] must", json!({"steps": [{"name": "a"}, "b"]})),
            ("pipeline_config.steps[0].name ", json!({"steps": [{}]})),
            ("pipeline_config.steps[0].name ", json!({"steps": [{"name": ""}]})),
            ("pipeline_config.steps[0].name ", json!({"steps": [{"name": "a".repeat(101)}]})),
            ("pipeline_config.steps[0].top_k ", json!({"steps": [{"name": "a", "top_k": -1}]})),
            ("pipeline_config.steps[0].temperature ", json!({"steps": [{"name": "a", "temperature": 9}]})),
        ];
        for (start, config) in wrong {
            let reason = reason(&config);
            assert!(reason.starts_with(start), "{config}: {reason}");
        }
        let engine = engine_of(&json!({"engine": 7})).map(str::to_owned).unwrap_err().to_string();
        assert!(engine.starts_with("pipeline_config.engine "), "{engine}");
    }
}
