mod accounts;
mod faults;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use toml::Table;

use super::*;

/// A file that is gone when the test is over.
struct OperatorsFile(PathBuf);

impl OperatorsFile {
    fn with(text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("botberi-settings-{}-{}.toml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for OperatorsFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn schema() -> Schema {
    Schema::of(&DEFAULTS.parse().unwrap())
}

fn sources(profile: Profile, variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Sources { profile: Some(profile), environment: environment.collect(), ..Sources::default() }
}

fn dev(variables: &[(&str, &str)]) -> Result<Settings, Faults> {
    Settings::load(&sources(Profile::Dev, variables), Purpose::Serve)
}

/// The lines of the faults of a configuration that must have some.
fn lines(outcome: Result<Settings, Faults>) -> Vec<String> {
    outcome.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn every_default_deserialises_and_has_a_type_that_the_schema_knows() {
    fn leaves(table: &Table, prefix: &str, found: &mut BTreeSet<String>) {
        for (name, value) in table {
            match value {
                Value::Table(section) => leaves(section, &format!("{prefix}{name}."), found),
                _ => drop(found.insert(format!("{prefix}{name}"))),
            }
        }
    }
    let defaults: Table = DEFAULTS.parse().unwrap();
    let mut found = BTreeSet::new();
    leaves(&defaults, "", &mut found);

    assert_eq!(found, schema().keys().map(str::to_owned).collect());
    defaults.try_into::<Settings>().unwrap();
}

#[test]
fn every_default_is_explained_by_a_comment_above_it() {
    let mut above = "";
    for line in DEFAULTS.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(above.starts_with("# ") && above.ends_with('.'), "not explained: {line}");
        }
        above = line;
    }
}

#[test]
fn the_profile_files_hold_known_keys_and_good_values_only() {
    for (name, text) in [("dev", DEV), ("prod", PROD)] {
        let mut faults = Faults::default();
        let entries = layer::from_file(name, text, &schema(), &mut faults);

        let defaults: Table = DEFAULTS.parse().unwrap();
        assert!(entries.iter().all(|entry| fits(&defaults, entry, &mut faults)));
        assert!(faults.is_empty(), "{faults}");
        assert!(!entries.is_empty());
    }
}

#[test]
fn the_development_profile_is_good_as_it_is() {
    let settings = dev(&[]).unwrap();

    assert_eq!(settings.profile, Profile::Dev);
    assert_eq!(settings.http.user.port, 8010);
    assert_eq!(settings.rabbitmq.url.expose(), "amqp://guest:guest@127.0.0.1:5672/%2f");
    assert!(settings.auth.signing_seed().is_some());
    Settings::load(&sources(Profile::Dev, &[]), Purpose::Migrate).unwrap();
}

#[test]
fn a_stronger_layer_wins_over_a_weaker_one() {
    let file =
        OperatorsFile::with("[telemetry]\nfilter = 'warn'\n[http.user]\nport = 1\n[http.admin]\nport = 2\n");
    let variables = [("BOTBERI__HTTP__USER__PORT", "3"), ("BOTBERI__HTTP__ADMIN__PORT", "4")];
    let mut sources = sources(Profile::Dev, &variables);
    sources.file = Some(file.0.clone());
    sources.set("--port", "http.admin.port", 5);
    let settings = Settings::load(&sources, Purpose::Serve).unwrap();

    assert_eq!(settings.http.broker.port, 8030, "the default");
    assert_eq!(settings.telemetry.format, crate::telemetry::LogFormat::Human, "the profile over the default");
    assert_eq!(settings.telemetry.filter, "warn", "the file over the default");
    assert_eq!(settings.http.user.port, 3, "the environment over the file");
    assert_eq!(settings.http.admin.port, 5, "the flag over the environment");
}

#[test]
fn the_profile_and_the_file_may_be_named_by_the_environment_and_flags_win() {
    let file = OperatorsFile::with("[http.user]\nport = 1\n");
    let path = file.0.to_str().unwrap();
    let mut sources = sources(Profile::Dev, &[("BOTBERI_PROFILE", "dev"), ("BOTBERI_CONFIG", path)]);
    sources.profile = None;
    assert_eq!(Settings::load(&sources, Purpose::Serve).unwrap().http.user.port, 1);

    sources.profile = Some(Profile::Prod);
    assert!(Settings::load(&sources, Purpose::Serve).is_err(), "prod lacks accounts");
}

#[test]
fn a_variable_is_read_by_the_type_of_its_key() {
    let settings = dev(&[
        ("BOTBERI__SERVICE__ROLES", "user, worker"),
        ("BOTBERI__SERVICE__BIND_ADDRESS", "::1"),
        ("BOTBERI__HTTP__WORKERS", " 3 "),
        ("BOTBERI__METRICS__ENABLED", "false"),
        ("BOTBERI__TELEMETRY__FILTER", "warn,botberi=debug"),
    ])
    .unwrap();

    assert_eq!(settings.service.roles, BTreeSet::from([Role::User, Role::Worker]));
    assert!(settings.service.bind_address.is_ipv6());
    assert_eq!(settings.http.workers, 3);
    assert!(!settings.metrics.enabled);
    assert_eq!(settings.telemetry.filter, "warn,botberi=debug");
    let settings = dev(&[("BOTBERI__SERVICE__ROLES", "[\"admin\"]")]).unwrap();
    assert_eq!(settings.service.roles, BTreeSet::from([Role::Admin]));
}

#[test]
fn no_secret_is_seen_when_settings_are_debugged() {
    let settings = dev(&[("BOTBERI__REDIS__URL", "redis://:hunter2@cache/")]).unwrap();
    let seen = format!("{settings:?}");

    assert!(!seen.contains("hunter2") && !seen.contains("guest") && !seen.contains("botberi:"), "{seen}");
}
