//! Policies in Rego: compiled, and asked for everything.

use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::PolicyError;
use super::view::Policy;
use crate::models::Permission;

/// What is asked.
const RULE: &str = "data.botberi.authorization.allow";

/// How long one answer may take. It takes some 20 µs; a machine that is busy elsewhere must not have a good policy refused.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How many steps of a policy are taken between two looks at the clock.
const STEPS_PER_LOOK: NonZeroU32 = NonZeroU32::MIN;

/// Compiles sources and data, each with its name, and asks for every role and permission.
pub(super) fn compile(
    sources: &[(String, String)],
    data: &[(String, String)],
) -> Result<Policy, PolicyError> {
    compile_within(sources, data, ANSWER_WITHIN)
}

fn compile_within(
    sources: &[(String, String)],
    data: &[(String, String)],
    limit: Duration,
) -> Result<Policy, PolicyError> {
    let mut engine = Engine::new();
    for (name, text) in sources {
        let added = engine.add_policy(name.clone(), text.clone());
        added.map_err(|error| PolicyError::Broken(name.clone(), told(&error)))?;
    }
    for (name, text) in data {
        let added = Value::from_json_str(text).and_then(|value| engine.add_data(value));
        added.map_err(|error| PolicyError::Broken(name.clone(), told(&error)))?;
    }
    engine.set_strict_builtin_errors(true);
    engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: STEPS_PER_LOOK });
    Policy::ask(|subject, role, permission| is_allowed(&mut engine, subject, role, permission))
}

fn is_allowed(
    engine: &mut Engine,
    subject: &str,
    role: &str,
    permission: Permission,
) -> Result<bool, PolicyError> {
    let input = serde_json::json!({"subject": subject, "role": role, "permission": permission});
    let asked = format!("{subject}.{role} {permission}");
    let input = Value::from_json_str(&input.to_string());
    engine.set_input(input.map_err(|error| PolicyError::NoAnswer(asked.clone(), told(&error)))?);
    let answer = engine.eval_rule(RULE.to_owned());
    match answer.map_err(|error| PolicyError::NoAnswer(asked.clone(), told(&error)))? {
        Value::Bool(answer) => Ok(answer),
        // An undefined rule without a default: nobody has allowed it.
        Value::Undefined => Ok(false),
        _ => Err(PolicyError::NoAnswer(asked, format!("{RULE} must be true or false"))),
    }
}

/// In one line, as everything that is logged.
fn told(error: &impl std::fmt::Display) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::models::{Role, TeamRole};

    fn with(source: &str) -> Result<Policy, PolicyError> {
        let source = format!("package botberi.authorization\n{source}");
        compile(&[("a.rego".to_owned(), source)], &[])
    }

    #[test]
    fn what_nobody_has_allowed_is_refused() {
        assert_eq!(with("default allow := false").unwrap(), Policy::default());
        assert_eq!(with("allow if input.role == \"nobody\"").unwrap(), Policy::default());
    }

    #[test]
    fn a_rule_is_asked_with_each_role_and_permission() {
        let policy = with("allow if { input.subject == \"team_roles\"; input.role == \"viewer\" }").unwrap();
        for role in Role::ALL {
            assert!(policy.of_role(*role).is_empty());
        }
        for permission in Permission::ALL {
            assert_eq!(policy.team_roles_with(*permission), [TeamRole::Viewer]);
        }
    }

    #[test]
    fn a_policy_that_cannot_be_compiled_or_gives_no_answer_is_refused() {
        for (source, why) in [
            ("allow if {", "expecting expression"),
            ("allow if fly(input)", "could not find function fly"),
            ("allow := 1", "must be true or false"),
            ("permit := true", "not a valid rule path"),
            ("allow if { true }\nallow := false if { true }", "a.rego"),
        ] {
            let error = with(source).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains('\n'), "{source}: {error}");
        }
    }

    #[test]
    fn a_policy_that_takes_too_long_is_refused() {
        let source = "package botberi.authorization\nallow if { some x in numbers.range(1, 100000); x < 0 }";
        let sources = [("a.rego".to_owned(), source.to_owned())];
        let error = compile_within(&sources, &[], Duration::from_millis(1)).unwrap_err().to_string();
        assert!(error.contains("time limit"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_breaks_more_than_itself(source in "\\PC{0,60}", data in "\\PC{0,40}") {
            let _refused_or_not = with(&source);
            let named = |text: String| vec![("x".to_owned(), text)];
            let _refused_or_not = compile(&named(source), &named(data));
        }
    }
}
