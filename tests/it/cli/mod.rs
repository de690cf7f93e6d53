//! The program as its user meets it: exit codes, and what is written where.

mod administrators;
mod imports;

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// What a command wrote, and its exit code.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

/// Runs a command that reads nothing.
pub(crate) fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    run_with_input(arguments, variables, b"")
}

/// Runs a command on standard input.
pub(crate) fn run_with_input(arguments: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botberi"));
    command.args(arguments).env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read it has ended by now.
    let _nobody_reads = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

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

#[test]
fn config_show_names_every_key_with_its_origin_and_hides_secrets() {
    let variables = [
        ("BOTBERI__HTTP__USER__PORT", "9000"),
        ("BOTBERI__REDIS__URL", "redis://:hunter2@127.0.0.1:6600/"),
        ("BOTBERI__HTTP__ADMIN__PORT", "9001"),
    ];
    let outcome = run(&["config", "show", "--profile", "dev"], &variables);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    let text = &outcome.stdout;
    for line in [
        "http.user.port = 9000  # BOTBERI__HTTP__USER__PORT\n",
        "redis.url = \"***\"  # BOTBERI__REDIS__URL\n",
        "postgres.user.url = \"***\"  # config/dev.toml:",
        "auth.signing_key = \"***\"  # config/dev.toml:",
        "telemetry.format = \"human\"  # config/dev.toml:",
        "service.bind_address = \"127.0.0.1\"  # default\n",
        "websocket.allowed_origins = []  # default\n",
        "telemetry.filter = \"info\"  # default\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    for secret in ["hunter2", "botberi:botberi", "guest:guest", "Ym90YmVyaS"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
    let shown: toml::Table = text.parse().unwrap();
    let defaults: toml::Table = include_str!("../../../config/default.toml").parse().unwrap();
    assert_eq!(keys(&shown), keys(&defaults));

    let unset = run(&["config", "show"], &[]);
    assert!(unset.stdout.contains("redis.url = \"\"  # default\n"), "{unset:?}");
    let broken = run(&["config", "show"], &[("BOTBERI__HTTP__ADMIN__PORT", "eighty")]);
    let told = "error: BOTBERI__HTTP__ADMIN__PORT: http.admin.port: expected a whole number\n";
    assert_eq!((broken.stderr.as_str(), broken.code), (told, 1));
}

fn keys(table: &toml::Table) -> std::collections::BTreeSet<String> {
    let mut found = std::collections::BTreeSet::new();
    for (name, value) in table {
        match value.as_table() {
            Some(section) => found.extend(keys(section).iter().map(|key| format!("{name}.{key}"))),
            None => drop(found.insert(name.clone())),
        }
    }
    found
}

#[test]
fn every_shell_gets_completions_that_know_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let outcome = run(&["completions", shell], &[]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        assert!(outcome.stdout.contains("import") && outcome.stdout.contains("promote"), "{shell}");
    }
    assert_eq!(run(&["completions", "cmd"], &[]).code, 2);
}

#[test]
fn every_command_explains_itself_with_an_example() {
    for command in [
        vec!["serve"],
        vec!["migrate"],
        vec!["config", "check"],
        vec!["config", "show"],
        vec!["agents", "import"],
        vec!["admin", "create"],
        vec!["completions"],
        vec!["dev"],
    ] {
        let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let outcome = run(&arguments, &[]);
        let example = format!("  botberi {}", command.join(" "));
        assert!(outcome.code == 0 && outcome.stdout.contains(&example), "{}", outcome.stdout);
    }
}
