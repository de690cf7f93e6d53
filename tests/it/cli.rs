//! The program as its user meets it: exit codes, and what is written where.

use std::process::{Command, Output};

fn botberi(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botberi"));
    command.args(arguments).env_clear().envs(variables.iter().copied());
    command.output().unwrap()
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_usage_error_ends_with_code_2() {
    assert_eq!(botberi(&["serve", "--roles", "usr"], &[]).status.code(), Some(2));
    assert_eq!(botberi(&["--profile", "staging", "config", "check"], &[]).status.code(), Some(2));
    assert_eq!(botberi(&[], &[]).status.code(), Some(2));
}

#[test]
fn openapi_prints_the_document_of_a_listener_whatever_is_configured() {
    for listener in ["user", "admin", "broker"] {
        let output = botberi(&["openapi", listener], &[("BOTBERI__NONSENSE", "1")]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr_of(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["title"], format!("Botberi {listener} API"));
        assert!(output.stdout.ends_with(b"}\n"));
    }
    assert_eq!(botberi(&["openapi"], &[]).stdout, botberi(&["openapi", "user"], &[]).stdout);
    assert_eq!(botberi(&["openapi", "worker"], &[]).status.code(), Some(2));
}

#[test]
fn config_check_accepts_the_development_profile() {
    for output in [
        botberi(&["config", "check", "--profile", "dev"], &[]),
        botberi(&["config", "check"], &[("BOTBERI_PROFILE", "dev")]),
    ] {
        assert_eq!(String::from_utf8_lossy(&output.stdout), "the configuration is good (profile dev)\n");
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn every_fault_is_one_line_on_stderr_and_the_exit_code_is_1() {
    let variables = [("BOTBERI__HTTP__USER__PROT", "1"), ("BOTBERI__HTTP__ADMIN__PORT", "eighty")];
    let output = botberi(&["serve", "--profile", "dev"], &variables);

    let expected = "\
error: BOTBERI__HTTP__ADMIN__PORT: http.admin.port: expected a whole number
error: BOTBERI__HTTP__USER__PROT: http.user.prot: unknown key; did you mean BOTBERI__HTTP__USER__PORT?
";
    assert_eq!(stderr_of(&output), expected);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

#[test]
fn serve_refuses_the_development_accounts_outside_the_dev_profile() {
    let variables = [
        ("BOTBERI__POSTGRES__SHARED__URL", "postgres://botberi:botberi@127.0.0.1:5440/shared_psql"),
        ("BOTBERI__RABBITMQ__URL", "amqp://guest:guest@127.0.0.1:5672/%2f"),
    ];
    let output = botberi(&["serve", "--roles", "worker"], &variables);

    let stderr = stderr_of(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(stderr.lines().all(|line| line.ends_with("refused outside the dev profile")), "{stderr}");
    assert!(!stderr.contains("guest:guest"), "{stderr}");
}
