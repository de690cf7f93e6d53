//! `botberi agents import`, over real databases.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{Outcome, run, run_with_input};
use crate::api::import::leads;
use crate::support::database::TestDatabases;
use crate::support::folder::Folder;

const PRICES: &str = "
name: Dynamic Pricing Engine
category: hospitality_tourism
description: Sets prices of rooms
version: 1.0.0
model: claude-3-5-sonnet-20241022
temperature: 0.7
max_tokens: 4096
system_prompt: |
  You know all about prices.
capabilities:
  - demand_forecasting
  - price_optimization
  - competitor_monitoring
";

fn write(folder: &Folder, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = folder.path.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn both_examples(folder: &Folder) {
    write(folder, "definitions/leads.json", leads().to_string());
    write(folder, "definitions/hospitality_tourism/prices.yaml", PRICES);
    write(folder, "definitions/README.md", "not a definition");
    write(folder, "definitions/.hidden.json", "{");
}

async fn import(databases: &TestDatabases, arguments: &[&str]) -> Outcome {
    let url = databases.shared_url("botberi");
    let arguments: Vec<&str> =
        ["--profile", "dev", "agents", "import"].iter().chain(arguments).copied().collect();
    run(&arguments, &[("BOTBERI__POSTGRES__SHARED__URL", &url)])
}

fn check(path: &Path) -> Outcome {
    run(&["agents", "import", "--check", &path.display().to_string()], &[])
}

async fn agents(sql: &Client) -> Vec<(String, String, i32)> {
    let rows =
        sql.query("SELECT activation_code, status, version FROM agents ORDER BY 1", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn a_folder_of_both_kinds_is_imported_and_the_second_time_nothing_changes() {
    let (databases, folder) = (TestDatabases::create().await, Folder::new("import"));
    both_examples(&folder);
    let path = folder.path.join("definitions").display().to_string();

    let first = import(&databases, &[&path]).await;
    let expected = "\
created    hospitality_tourism_dynamic_pricing_engine (agent 1, version 1, draft)
created    sales_leadgen_agent_001 (agent 2, version 1, draft)
2 created, 0 updated, 0 unchanged
users do not see drafts: import with --publish, or publish them in the admin API
";
    assert_eq!((first.stdout.as_str(), first.stderr.as_str(), first.code), (expected, "", 0));

    let second = import(&databases, &["--publish", &path]).await;
    assert!(second.stdout.ends_with("0 created, 2 updated, 0 unchanged\n"), "{second:?}");
    let third = import(&databases, &["--publish", &path, &path]).await;
    assert!(third.stdout.ends_with("0 created, 0 updated, 2 unchanged\n"), "{third:?}");

    let sql = databases.plain("postgres").await;
    let published = |code: &str, version| (code.to_owned(), "published".to_owned(), version);
    let [prices, leads_code] = ["hospitality_tourism_dynamic_pricing_engine", "sales_leadgen_agent_001"];
    assert_eq!(agents(&sql).await, [published(prices, 1), published(leads_code, 1)]);

    let mut changed = leads();
    changed["max_tokens"] = json!(8192);
    write(&folder, "definitions/leads.json", changed.to_string());
    let fourth = import(&databases, &[&path]).await;
    assert!(
        fourth.stdout.contains("updated    sales_leadgen_agent_001 (agent 2, version 2, published)"),
        "{fourth:?}"
    );
    assert_eq!(agents(&sql).await, [published(prices, 1), published(leads_code, 2)]);
}

#[tokio::test]
async fn one_fault_anywhere_and_nothing_is_written_while_all_faults_are_named() {
    let (databases, folder) = (TestDatabases::create().await, Folder::new("faults"));
    both_examples(&folder);
    let mut broken = leads();
    broken["id"] = json!("another");
    broken["temperature"] = json!(3);
    broken["colour"] = json!("red");
    write(&folder, "definitions/sub/broken.json", json!([leads(), broken]).to_string());
    let path = folder.path.join("definitions").display().to_string();

    let outcome = import(&databases, &["--publish", &path]).await;
    let expected = format!(
        "\
error: {path}/sub/broken.json: [0].id: must be its own: sales_leadgen_agent_001 is that of {path}/leads.json, too
error: {path}/sub/broken.json: [1].temperature: must be a number from 0 to 2
error: {path}/sub/broken.json: [1].colour: is not a known field
"
    );
    assert_eq!((outcome.stdout.as_str(), outcome.stderr, outcome.code), ("", expected, 1));
    assert_eq!(agents(&databases.plain("postgres").await).await, []);
}

#[tokio::test]
async fn standard_input_is_read_as_what_it_looks_like() {
    let databases = TestDatabases::create().await;
    let url = databases.shared_url("botberi");
    let variables = [("BOTBERI__POSTGRES__SHARED__URL", url.as_str())];
    for text in [leads().to_string(), PRICES.to_owned()] {
        let arguments = ["--profile", "dev", "agents", "import", "-"];
        let outcome = run_with_input(&arguments, &variables, text.as_bytes());
        assert!(outcome.stdout.contains("1 created, 0 updated, 0 unchanged"), "{outcome:?}");
    }
}

#[test]
fn ten_broken_definitions_are_each_told_what_is_wrong() {
    let folder = Folder::new("ten");
    let with = |field: &str, value: Value| {
        let mut definition = leads();
        definition[field] = value;
        definition.to_string()
    };
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..20 {
        let inner = vec![format!("*a{}", level - 1); 10].join(",");
        bomb += &format!("a{level}: &a{level} [{inner}]\n");
    }
    let without_prompt = PRICES.replace("system_prompt: |\n  You know all about prices.\n", "");
    let twins = json!([leads(), leads()]).to_string();
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("1.json", with("temperature", json!(2.5)).into(), "temperature: must be a number from 0 to 2"),
        ("2.yaml", without_prompt.into(), "system_prompt: is required"),
        ("3.json", with("owner", json!("x")).into(), "owner: is not a known field"),
        ("4.json", twins.into(), "[1].id: must be its own: sales_leadgen_agent_001 is that of"),
        ("5.yaml", format!("{PRICES}name: Twice\n").into(), "is not YAML that can be read: "),
        ("6.json", b"{\"id\": \"caf\xe9\"}".to_vec(), "is not UTF-8"),
        ("7.yaml", bomb.into(), "is not YAML that can be read: "),
        (
            "8.yaml",
            format!("a: {}{}", "[".repeat(500), "]".repeat(500)).into(),
            "is not YAML that can be read: ",
        ),
        ("9.yaml", format!("# {}\n{PRICES}", "x".repeat(2 << 20)).into(), "must have 1048576 bytes at most"),
        ("10.json", with("version", json!("one")).into(), "version: must be a semantic version"),
        ("11.json", with("url", json!("file:///etc/passwd")).into(), "url: must be an http or https address"),
        ("12.json", with("capabilities", json!(["a", "a"])).into(), "capabilities[1]: is there twice: a"),
        ("13.json", b"{\"id\": ".to_vec(), "is not JSON that can be read: EOF"),
        ("14.yaml", b"just a text".to_vec(), "must be a definition, or a list of them"),
    ];
    let mut all = Vec::new();
    for (name, text, fault) in &cases {
        let path = write(&folder, name, text);
        let outcome = check(Path::new(&path));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{name}");
        assert!(outcome.stderr.starts_with(&format!("error: {path}: {fault}")), "{name}: {}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{name}: {}", outcome.stderr);
        all.push(name);
    }
    let outcome = check(&folder.path);
    for name in all {
        assert!(outcome.stderr.contains(&format!("/{name}: ")), "{name} is missing in {}", outcome.stderr);
    }
}

#[tokio::test]
async fn the_largest_import_is_written_at_once_and_one_more_is_refused() {
    let (databases, folder) = (TestDatabases::create().await, Folder::new("largest"));
    let definitions = |count: usize| {
        let of = |number: usize| {
            let mut definition = leads();
            definition["id"] = json!(format!("agent_{number}"));
            definition
        };
        Value::Array((0..count).map(of).collect()).to_string()
    };
    let path = write(&folder, "many.json", definitions(1_000));
    for told in ["1000 created, 0 updated, 0 unchanged\n", "0 created, 0 updated, 1000 unchanged\n"] {
        let outcome = import(&databases, &[&path]).await;
        assert!(outcome.stdout.contains(told) && outcome.code == 0, "{}", outcome.stderr);
    }
    write(&folder, "many.json", definitions(1_001));
    let outcome = import(&databases, &[&path]).await;
    let told = "error: there must be 1000 definitions at most, not 1001\n";
    assert_eq!((outcome.stderr.as_str(), outcome.code), (told, 1));
}

#[test]
fn links_in_a_circle_end_and_what_is_met_twice_is_read_once() {
    let folder = Folder::new("links");
    both_examples(&folder);
    let root = folder.path.join("definitions");
    symlink(&root, root.join("round")).unwrap();
    symlink(root.join("leads.json"), root.join("again.json")).unwrap();
    symlink("/nowhere", root.join("gone.txt")).unwrap();
    symlink("/dev/zero", root.join("endless.txt")).unwrap();
    let outcome = check(&root);
    let read = "2 definitions keep all rules\n";
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str(), outcome.code), (read, "", 0));

    symlink("/dev/zero", root.join("endless.json")).unwrap();
    symlink("/nowhere", root.join("gone.json")).unwrap();
    let outcome = check(&root);
    let faults: Vec<&str> =
        outcome.stderr.lines().map(|line| line.rsplit("definitions/").next().unwrap()).collect();
    let expected =
        ["endless.json: is not a file", "gone.json: cannot be read: No such file or directory (os error 2)"];
    assert_eq!((faults, outcome.code), (expected.to_vec(), 1));
}

#[test]
fn what_is_not_there_or_no_definition_is_said() {
    let folder = Folder::new("nothing");
    let text = write(&folder, "notes.txt", "x");
    for (path, fault) in [
        ("/nowhere.json", "/nowhere.json: cannot be read: No such file or directory (os error 2)"),
        (&text, "must be named .json, .yaml or .yml"),
        (folder.path.to_str().unwrap(), "no definition was found: .json, .yaml and .yml files are read"),
    ] {
        let outcome = check(Path::new(path));
        assert!(outcome.stderr.contains(fault) && outcome.code == 1, "{outcome:?}");
    }
    assert_eq!(run(&["agents", "import"], &[]).code, 2);
    assert_eq!(run(&["agents", "import", "--check", "--publish", "x"], &[]).code, 2);
    let outcome = run_with_input(&["agents", "import", "-"], &[], leads().to_string().as_bytes());
    let expected =
        "error: postgres.shared.url: must be set, in a file or as BOTBERI__POSTGRES__SHARED__URL\n";
    assert_eq!((outcome.stderr.as_str(), outcome.code), (expected, 1));
}
