use proptest::prelude::*;

use super::*;
use crate::settings::layer::variable_of;
use crate::settings::schema::Kind;

#[test]
fn an_unknown_profile_and_an_unreadable_file_are_faults() {
    let variables = [("BOTBERI_PROFILE", "staging"), ("BOTBERI_CONFIG", "/nowhere/botberi.toml")];
    let mut sources = sources(Profile::Dev, &variables);
    sources.profile = None;
    let lines = lines(Settings::load(&sources, Purpose::Serve));

    assert!(lines.contains(&"BOTBERI_PROFILE: expected dev or prod".to_owned()), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.starts_with("/nowhere/botberi.toml: cannot be read: ")),
        "{lines:?}"
    );
}

#[test]
fn a_variable_of_the_wrong_type_says_what_was_expected() {
    let lines = lines(dev(&[
        ("BOTBERI__HTTP__USER__PORT", "eighty"),
        ("BOTBERI__METRICS__ENABLED", "maybe"),
        ("BOTBERI__SERVICE__ROLES", "[1, 2]"),
        ("BOTBERI__HTTP__ADMIN__PORT", ""),
        ("BOTBERI__HTTP__BROKER__PORT", "70000"),
        ("BOTBERI__WORKER__LEASE_MS", "-1"),
        ("BOTBERI__TELEMETRY__FORMAT", "xml"),
        ("BOTBERI__HTTP__USER", "8010"),
    ]));

    let expected = [
        "BOTBERI__HTTP__ADMIN__PORT: http.admin.port: expected a whole number",
        "BOTBERI__HTTP__USER: http.user: is a section: set one of its keys",
        "BOTBERI__HTTP__USER__PORT: http.user.port: expected a whole number",
        "BOTBERI__METRICS__ENABLED: metrics.enabled: expected true or false",
        "BOTBERI__SERVICE__ROLES: service.roles: expected a list: comma separated, or a TOML array of texts",
        "BOTBERI__HTTP__BROKER__PORT: http.broker.port: must be from 0 to 65535",
        "BOTBERI__TELEMETRY__FORMAT: telemetry.format: expected `human` or `json`",
        "BOTBERI__WORKER__LEASE_MS: worker.lease_ms: must not be negative",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn an_unknown_variable_is_a_fault_that_names_the_nearest_key() {
    let lines = lines(dev(&[("BOTBERI__HTTP__USER__PROT", "1"), ("BOTBERI__ZEBRAS__AT__LARGE", "1")]));

    let expected = [
        "BOTBERI__HTTP__USER__PROT: http.user.prot: unknown key; did you mean BOTBERI__HTTP__USER__PORT?",
        "BOTBERI__ZEBRAS__AT__LARGE: zebras.at.large: unknown key; config/default.toml names all there are",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_variable_with_too_few_underscores_is_a_fault_and_those_of_others_are_none() {
    let lines = lines(dev(&[
        ("BOTBERI_HTTP_USER_PORT", "1"),
        ("BOTBERI_HTTP__ADMIN__PORT", "1"),
        ("BOTBERI_ADMIN_PASSWORD", "s3cret"),
        ("HTTP_USER_PORT", "1"),
    ]));

    let expected = [
        "BOTBERI_HTTP_USER_PORT: http.user.port: is not read; did you mean BOTBERI__HTTP__USER__PORT?",
        "BOTBERI_HTTP__ADMIN__PORT: http.admin.port: is not read; did you mean BOTBERI__HTTP__ADMIN__PORT?",
    ];
    assert_eq!(lines, expected);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_a_fault() {
    use std::os::unix::ffi::OsStringExt;

    let mut sources = sources(Profile::Dev, &[]);
    let value = OsString::from_vec(vec![b'a', 0xff]);
    sources.environment.push(("BOTBERI__REDIS__URL".into(), value));
    let lines = lines(Settings::load(&sources, Purpose::Serve));

    assert_eq!(lines, ["BOTBERI__REDIS__URL: redis.url: expected a text, found bytes that are not UTF-8"]);
}

#[test]
fn a_file_tells_all_its_faults_with_their_lines_and_without_its_values() {
    let text = "[http.user]\nport = 'hunter2'\nprot = 'hunter2'\n[auth]\nsigning_key = 'hunter2\n[redis]\nurl = 5\n\
                [worker]\nlease_ms = { hunter2 = 1 }\n[metrics]\nenabled = 2026-11-20\n";
    let file = OperatorsFile::with(text);
    let sources = Sources { file: Some(file.0.clone()), ..sources(Profile::Dev, &[]) };
    let faults = Settings::load(&sources, Purpose::Serve).unwrap_err();

    let name = file.0.display();
    let told = faults.to_string();
    for start in [
        format!("{name}:2: http.user.port: expected a whole number, found a text"),
        format!("{name}:3: http.user.prot: unknown key; did you mean http.user.port?"),
        format!("{name}:5: is not TOML: "),
        format!("{name}:7: redis.url: expected a text, found a whole number"),
        format!("{name}:9: worker.lease_ms: expected a whole number, found a section"),
        format!("{name}:11: metrics.enabled: expected true or false, found a date"),
    ] {
        assert!(told.lines().any(|line| line.starts_with(&start)), "{start} is not in\n{told}");
    }
    assert!(!told.contains("'hunter2"), "{told}");
    assert_eq!(told.lines().count(), 6, "{told}");
}

#[test]
fn every_broken_line_of_a_file_is_told_once() {
    let file = OperatorsFile::with("[http.user]\nport = \nport = 1 2\n[redis]\nurl = 'a' 'b'\n");
    let sources = Sources { file: Some(file.0.clone()), ..sources(Profile::Dev, &[]) };
    let faults = Settings::load(&sources, Purpose::Serve).unwrap_err();

    for line in [2, 3, 5] {
        let origin = format!("{}:{line}", file.0.display());
        assert_eq!(faults.iter().filter(|fault| fault.origin == origin).count(), 1, "line {line}: {faults}");
    }
}

#[test]
fn a_key_that_a_layer_got_wrong_is_not_accused_of_being_unset_as_well() {
    let file = OperatorsFile::with("[auth]\nsigning_key = 5\n");
    let sources = Sources { file: Some(file.0.clone()), ..sources(Profile::Prod, &[]) };
    let faults = Settings::load(&sources, Purpose::Serve).unwrap_err();

    let told: Vec<_> = faults.iter().filter(|fault| fault.key == "auth.signing_key").collect();
    assert!(matches!(told[..], [fault] if fault.problem.starts_with("expected a text")), "{faults}");
}

#[test]
fn a_section_that_is_not_one_is_a_fault() {
    let file = OperatorsFile::with("http = 5\nwebsockets = {}\n[redis]\n");
    let sources = Sources { file: Some(file.0.clone()), ..sources(Profile::Dev, &[]) };
    let lines = lines(Settings::load(&sources, Purpose::Serve));

    let name = file.0.display();
    let expected = [
        format!("{name}:1: http: is a section: set one of its keys"),
        format!("{name}:2: websockets: unknown key; config/default.toml names all there are"),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn values_out_of_range_name_the_layer_that_gave_them() {
    let lines = lines(dev(&[
        ("BOTBERI__POSTGRES__SHARED__POOL_SIZE_MAX", "0"),
        ("BOTBERI__POSTGRES__USER__URL", "postgres://a:hunter2@h:no/x"),
        ("BOTBERI__POSTGRES__SHARED__URL", "postgres://h/hunter2"),
        ("BOTBERI__RABBITMQ__URL", "https://a:hunter2@h/"),
        ("BOTBERI__REDIS__URL", "hunter2"),
        ("BOTBERI__AUTH__SIGNING_KEY", "hunter2"),
        ("BOTBERI__WORKER__LEASE_MS", "3000"),
        ("BOTBERI__HTTP__ADMIN__PORT", "8010"),
        ("BOTBERI__TELEMETRY__FILTER", "botberi=loudest"),
    ]));

    let told = lines.join("\n");
    for start in [
        "BOTBERI__POSTGRES__SHARED__POOL_SIZE_MAX: postgres.shared.pool_size_max: must be from 1 to 1000, is 0",
        "BOTBERI__POSTGRES__USER__URL: postgres.user.url: must be a connection string",
        "BOTBERI__POSTGRES__SHARED__URL: postgres.shared.url: must be a connection string",
        "BOTBERI__RABBITMQ__URL: rabbitmq.url: must be an address",
        "BOTBERI__REDIS__URL: redis.url: must be an address",
        "BOTBERI__AUTH__SIGNING_KEY: auth.signing_key: must be 32 bytes in base64",
        "worker.beat_ms: must be at most a quarter of worker.lease_ms (3000), is 2000",
        "BOTBERI__HTTP__ADMIN__PORT: http.admin.port: is the port of http.user, too: 8010",
        "BOTBERI__TELEMETRY__FILTER: telemetry.filter: must be comma separated directives",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start} is not in\n{told}");
    }
    assert_eq!(lines.len(), 9, "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

/// A value of the wrong type for a key, as TOML; in a variable every text is a good text.
fn wrong(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "5",
        Kind::Boolean | Kind::Float | Kind::Integer => "'hunter2'",
        Kind::TextList => "[1]",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_fault_is_named_whatever_other_faults_there_are(
        picks in proptest::collection::btree_map(0_usize..500, (any::<bool>(), any::<bool>()), 1..12)
    ) {
        let schema = schema();
        let keys: Vec<&str> = schema.keys().collect();
        let mut text = String::new();
        let mut line = 0;
        let mut variables = Vec::new();
        let mut expected = BTreeSet::new();
        for (pick, (in_file, misspelt)) in picks {
            let key = keys[pick % keys.len()];
            let kind = schema.kind(key).unwrap();
            let misspelt = misspelt || (!in_file && kind == Kind::Text);
            let written = if misspelt { format!("{key}x{pick}") } else { key.to_owned() };
            if in_file {
                if text.lines().any(|other| other.starts_with(&format!("{written} "))) {
                    continue;
                }
                line += 1;
                text += &format!("{written} = {}\n", wrong(kind));
                expected.insert((format!(":{line}"), written));
            } else {
                let name = variable_of(&written);
                variables.push((name.clone(), wrong(kind)));
                expected.insert((name, written));
            }
        }
        let file = OperatorsFile::with(&text);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let sources = Sources { file: Some(file.0.clone()), ..sources(Profile::Dev, &variables) };

        let faults = Settings::load(&sources, Purpose::Serve).unwrap_err();
        for (origin, key) in &expected {
            let named = |fault: &Fault| fault.key == *key && fault.origin.ends_with(origin.as_str());
            prop_assert!(faults.iter().any(named), "{origin} {key} is not in\n{faults}");
        }
        prop_assert!(faults.iter().all(|fault| expected.iter().any(|(_, key)| fault.key == *key)), "{faults}");
        prop_assert!(!faults.to_string().contains("hunter2"));
    }
}
