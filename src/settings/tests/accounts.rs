use super::*;
use crate::settings::layer::variable_of;

const SEED: &str = "c29tZWJvZHkgZWxzZSdzIDMyIGJ5dGVzIG9mIGtleSE=";

/// Sections of the development profile that hold no accounts.
const OPEN: [&str; 3] = ["http.", "quotas.", "rate_limits."];

/// A production environment with accounts of its own.
fn production() -> Vec<(&'static str, &'static str)> {
    vec![
        ("BOTBERI__POSTGRES__USER__URL", "postgres://service:s3cret@db/user_psql"),
        ("BOTBERI__POSTGRES__SHARED__URL", "postgres://service:s3cret@db/shared_psql"),
        ("BOTBERI__REDIS__URL", "redis://cache:6379/"),
        ("BOTBERI__RABBITMQ__URL", "amqp://service:s3cret@bus/%2f"),
        ("BOTBERI__AUTH__SIGNING_KEY", SEED),
    ]
}

#[test]
fn production_with_accounts_of_its_own_is_good() {
    Settings::load(&sources(Profile::Prod, &production()), Purpose::Serve).unwrap();
}

#[test]
fn production_names_every_key_that_is_not_set() {
    let lines = lines(Settings::load(&sources(Profile::Prod, &[]), Purpose::Serve));

    let keys = ["postgres.shared.url", "rabbitmq.url", "postgres.user.url", "redis.url", "auth.signing_key"];
    let expected = keys.map(|key| format!("{key}: must be set, in a file or as {}", variable_of(key)));
    assert_eq!(lines, expected);
}

#[test]
fn a_worker_alone_needs_no_accounts_and_a_migration_needs_only_the_owners() {
    let mut worker = sources(Profile::Prod, &production());
    worker.set("--roles", "service.roles", vec!["worker"]);
    worker.environment.retain(|(name, _)| {
        let name = name.to_string_lossy();
        name.contains("SHARED") || name.contains("RABBITMQ")
    });
    Settings::load(&worker, Purpose::Serve).unwrap();

    let owners = [
        ("BOTBERI__POSTGRES__USER__OWNER_URL", "postgres://owner:s3cret@db/user_psql"),
        ("BOTBERI__POSTGRES__SHARED__OWNER_URL", "postgres://owner:s3cret@db/shared_psql"),
    ];
    Settings::load(&sources(Profile::Prod, &owners), Purpose::Migrate).unwrap();
}

#[test]
fn the_development_accounts_are_refused_in_production_key_by_key() {
    let settings: Table = DEV.parse().unwrap();
    let mut schema_keys = Vec::new();
    let mut sources = sources(Profile::Prod, &production());
    for entry in layer::from_file("dev", DEV, &Schema::of(&settings), &mut Faults::default()) {
        let is_secret =
            entry.key != "telemetry.format" && !OPEN.iter().any(|section| entry.key.starts_with(section));
        if is_secret {
            sources.set("--test", &entry.key, entry.value);
            schema_keys.push(entry.key);
        }
    }
    let faults = Settings::load(&sources, Purpose::Serve).unwrap_err();

    let mut named: Vec<_> = faults.iter().map(|fault| fault.key.clone()).collect();
    named.sort();
    schema_keys.retain(|key| key != "redis.url");
    schema_keys.sort();
    assert_eq!(named, schema_keys);
    assert!(faults.iter().all(|fault| fault.problem.ends_with("refused outside the dev profile")));
}

#[test]
fn other_spellings_of_the_development_accounts_are_refused_too() {
    for (name, value) in [
        ("BOTBERI__POSTGRES__USER__URL", "postgres://bot%62eri:bot%62eri@db/x"),
        ("BOTBERI__POSTGRES__USER__URL", "host=db user=botberi password='botberi' dbname=x"),
        ("BOTBERI__POSTGRES__USER__URL", "postgres://db/x?user=botberi&password=botberi"),
        ("BOTBERI__POSTGRES__USER__URL", "postgres://postgres:s3cret@db/x"),
        ("BOTBERI__POSTGRES__USER__URL", "postgres://botberi:@db/x"),
        ("BOTBERI__RABBITMQ__URL", "amqp://bus/%2f"),
        ("BOTBERI__RABBITMQ__URL", "amqp://g%75est:s3cret@bus/%2f"),
        ("BOTBERI__RABBITMQ__URL", "amqp://service:guest@bus_1,bus_2:5673/%2f"),
    ] {
        let mut variables = production();
        variables.retain(|(other, _)| *other != name);
        variables.push((name, value));
        let lines = lines(Settings::load(&sources(Profile::Prod, &variables), Purpose::Serve));
        assert!(matches!(&lines[..], [line] if line.starts_with(name)), "{value}: {lines:?}");
    }
}
