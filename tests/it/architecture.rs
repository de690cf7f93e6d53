//! The arrows of the architecture: who may name whom. Read from the source text, tests aside.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders, and what no file in them may name: modules of ours by their path, other crates by their name.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "models/",
        &["crate::actors", "crate::http", "crate::settings", "crate::app", "crate::cli", "crate::telemetry"],
    ),
    ("models/", &["crate::outbound", "crate::extraction", "crate::embeddings"]),
    (
        "outbound/",
        &["crate::actors", "crate::http", "crate::settings", "crate::app", "crate::cli", "crate::telemetry"],
    ),
    ("outbound/", &["crate::models::store", "actix", "actix_web", "lapin", "redis", "tokio_postgres"]),
    (
        "extraction/",
        &["crate::actors", "crate::http", "crate::settings", "crate::app", "crate::cli", "crate::telemetry"],
    ),
    ("extraction/", &["crate::models::store", "crate::outbound", "actix", "actix_web", "lapin", "redis"]),
    ("extraction/", &["tokio_postgres"]),
    (
        "embeddings/",
        &["crate::actors", "crate::http", "crate::settings", "crate::app", "crate::cli", "crate::telemetry"],
    ),
    ("embeddings/", &["crate::models::store", "actix", "actix_web", "lapin", "redis", "tokio_postgres"]),
    ("models/", &["actix", "actix_web", "lapin", "redis"]),
    ("actors/", &["crate::http", "crate::settings", "crate::app", "crate::cli", "crate::telemetry"]),
    ("actors/", &["actix_web", "reqwest"]),
    ("http/", &["crate::models::store", "crate::settings", "crate::app", "crate::cli", "crate::telemetry"]),
    ("http/", &["tokio_postgres", "deadpool_postgres", "lapin", "redis"]),
    ("faults.rs", &["crate"]),
    ("secret.rs", &["crate"]),
];

/// Every actor in the order in which data flows; one may name only those behind it. The consumers of queues stand behind
/// the actors that they read for, because they know none of them: an actor that wants events takes their messages.
const FLOW: &[&str] = &[
    "rate_limits",
    "denials",
    "user_registry",
    "accounts",
    "api_keys",
    "policies",
    "audit_trail",
    "catalog_editor",
    "instance_registry",
    "dead_letter_registry",
    "teams",
    "knowledge",
    "instances",
    "notify_listener",
    "replayer",
    "dead_letters",
    "retention",
    "audit_sealer",
    "user_relay",
    "team_projection",
    "event_publisher",
    "embedder",
    "kb_ingestor",
    "reaper",
    "instance_directory",
    "instance_supervisor",
    "instance_ledger",
    "replica",
    "ws_sessions",
    "revocations",
    "catalog",
    "event_consumers",
    "control",
    "courier",
    "broker",
    "bell",
    "redis_link",
    "probe",
    "system",
];

#[test]
fn nobody_names_what_is_above_them() {
    for source in sources() {
        for (folder, names) in FORBIDDEN.iter().filter(|(folder, _)| source.path.starts_with(folder)) {
            for name in *names {
                let offence = source.named.iter().find(|path| is_at_or_below(path, name));
                assert!(offence.is_none(), "{} names {offence:?}, which {folder} must not", source.path);
            }
        }
    }
}

#[test]
fn types_do_not_know_how_they_are_stored() {
    let is_type = |path: &str| path.starts_with("models/") && !path.starts_with("models/store/");
    for source in sources().into_iter().filter(|source| is_type(&source.path)) {
        let offence = source.named.iter().find(|path| is_at_or_below(path, "crate::models::store"));
        assert!(offence.is_none(), "{} names {offence:?}", source.path);
    }
}

#[test]
fn only_one_file_names_the_deprecated_crate() {
    for source in sources() {
        let names_it = source.named.iter().any(|path| is_at_or_below(path, "actix_web_actors"));
        assert!(!names_it || source.path.starts_with("http/ws_session"), "{} names it", source.path);
    }
}

#[test]
fn requests_to_addresses_of_users_go_out_in_one_place() {
    let clients = ["hyper", "hyper_util", "http_body_util", "reqwest", "tokio_rustls", "rustls_native_certs"];
    for source in sources().into_iter().filter(|source| !source.path.starts_with("outbound/")) {
        let offence =
            source.named.iter().find(|path| clients.iter().any(|client| is_at_or_below(path, client)));
        assert!(offence.is_none(), "{} names {offence:?}: use crate::outbound", source.path);
    }
}

#[test]
fn documents_are_parsed_in_one_place() {
    let parsers = ["chardetng", "html5gum", "pdf_extract", "pulldown_cmark", "quick_xml", "zip"];
    for source in sources().into_iter().filter(|source| !source.path.starts_with("extraction/")) {
        let offence =
            source.named.iter().find(|path| parsers.iter().any(|parser| is_at_or_below(path, parser)));
        assert!(offence.is_none(), "{} names {offence:?}: use crate::extraction::Extractor", source.path);
    }
}

#[test]
fn actors_name_only_those_further_down_the_flow() {
    let mut met = BTreeSet::new();
    for source in sources() {
        let Some(inside) = source.path.strip_prefix("actors/") else { continue };
        let actor = inside.split(['/', '.']).next().unwrap().to_owned();
        if actor == "mod" {
            continue;
        }
        let place = |name: &str| FLOW.iter().position(|known| *known == name);
        let own = place(&actor).unwrap_or_else(|| panic!("{actor} has no place in the flow"));
        for path in &source.named {
            let Some(rest) = path.strip_prefix("crate::actors::") else { continue };
            let other = rest.split("::").next().unwrap();
            let Some(there) = place(other) else { continue };
            assert!(there >= own, "{} names {path}, which is before it in the flow", source.path);
        }
        met.insert(actor);
    }
    assert_eq!(met.len(), FLOW.len(), "an actor of the list is not there: {met:?}");
}

#[test]
fn the_reader_of_imports_sees_what_is_named() {
    let text = "use super::system::{Handle, actor};\nuse crate::{faults, models::{self, store::{UserDb, pool}}};\n\
                // crate::http is only spoken of\nfn f() { super::super::settings::x(); actix_web::web(); }\n\
                #[cfg(test)]\nmod tests { use crate::cli; }";
    let named = named_in(text, &["actors".to_owned(), "bell".to_owned()]);
    for path in [
        "crate::actors::system::Handle",
        "crate::faults",
        "crate::models::store::UserDb",
        "crate::models::store::pool",
        "crate::settings::x",
        "actix_web::web",
    ] {
        assert!(named.iter().any(|name| name == path), "{path} is not in {named:?}");
    }
    assert!(
        !named.iter().any(|name| is_at_or_below(name, "crate::http") || is_at_or_below(name, "crate::cli"))
    );
}

/// One file of the program.
struct Source {
    /// Its path below `src/`.
    path: String,
    /// Every path that it names, from the root of a crate on.
    named: BTreeSet<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 100, "{} files were found: the test looks in the wrong place", files.len());
    let read = files.into_iter().map(|file| {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let named = named_in(&fs::read_to_string(&file).unwrap(), &module_of(&path));
        Source { path, named }
    });
    read.collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_name().is_some_and(|name| name != "tests.rs")
        {
            files.push(path);
        }
    }
}

/// `actors/bell/messages.rs` is `actors::bell::messages`, and `actors/bell/mod.rs` is `actors::bell`.
fn module_of(path: &str) -> Vec<String> {
    let mut words: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if words.last().is_some_and(|last| last == "mod") {
        words.pop();
    }
    words
}

fn is_at_or_below(path: &str, name: &str) -> bool {
    path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"))
}

/// Every path with at least two words, braces taken apart, `super` resolved from `module` on.
fn named_in(text: &str, module: &[String]) -> BTreeSet<String> {
    let code: Vec<&str> = text
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    let code = code.join(" ");
    let mut named = BTreeSet::new();
    let mut rest = code.as_str();
    while let Some(start) = rest.find(|letter: char| letter.is_alphabetic() || letter == '_') {
        rest = &rest[start..];
        let end = rest.find(|letter: char| !is_of_path(letter)).unwrap_or(rest.len());
        let (path, after) = rest.split_at(end);
        if path.contains("::") {
            for full in expand(path, after) {
                named.insert(resolve(&full, module));
            }
        }
        rest = after;
    }
    named
}

fn is_of_path(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == ':'
}

/// A path that ends before a brace stands for as many as are in it.
fn expand(path: &str, after: &str) -> Vec<String> {
    let Some(inside) = path.strip_suffix("::").and_then(|_| after.strip_prefix('{')) else {
        return vec![path.trim_end_matches(':').to_owned()];
    };
    let mut paths = Vec::new();
    let (mut depth, mut item) = (0, 0);
    for (place, letter) in inside.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let member = inside[item..place].trim();
                let end = member.find(|letter: char| !is_of_path(letter)).unwrap_or(member.len());
                let (head, tail) = member.split_at(end);
                paths.extend(expand(&format!("{path}{head}"), tail));
                item = place + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    paths
}

fn resolve(path: &str, module: &[String]) -> String {
    let mut above = module.len();
    let mut rest = path;
    let mut is_relative = false;
    while let Some(further) = rest.strip_prefix("super::") {
        is_relative = true;
        above = above.saturating_sub(1);
        rest = further;
    }
    if !is_relative {
        return path.to_owned();
    }
    let mut words = vec!["crate".to_owned()];
    words.extend(module[..above].iter().cloned());
    words.push(rest.to_owned());
    words.join("::")
}
