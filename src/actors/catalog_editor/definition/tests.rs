//! Good definitions, and broken ones of every kind.

use serde_json::{Value, json};

use super::*;

const LEADS: &str = r#"{
    "id": "sales_leadgen_agent_001", "name": "Lead Generation Agent",
    "description": "Finds leads and says which of them are worth a call", "category": "sales", "version": "1.0.0",
    "url": "http://lead-scoring-agent:5002", "capabilities": ["lead_scoring", "prospect_research"],
    "system_prompt": "You know all about leads.", "model": "claude-3-5-sonnet-20241022",
    "temperature": 0.7, "max_tokens": 4096
}"#;

const PRICES: &str = "
name: Dynamic Pricing Engine
category: hospitality_tourism
description: Sets prices of rooms by what is asked for
version: 1.0.0
model: claude-3-5-sonnet-20241022
temperature: 0.7
max_tokens: 4096
system_prompt: |
  You know all about prices.
  You give reasons.
capabilities:
  - demand_forecasting
  - price_optimization
  - competitor_monitoring
";

fn document(text: &str) -> Value {
    parse(DefinitionFormat::of_text(text.as_bytes()), text.as_bytes()).unwrap()
}

fn read(text: &str) -> Result<Vec<Definition>, Vec<String>> {
    read_all(vec![document(text)])
}

fn read_all(documents: Vec<Value>) -> Result<Vec<Definition>, Vec<String>> {
    let mut reading = Reading::default();
    for document in documents {
        reading.add("", document);
    }
    reading.finish().map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// The faults of the first example with one field changed; a null takes the field away.
fn faults_with(field: &str, value: Value) -> Vec<String> {
    let mut definition = document(LEADS);
    let fields = definition.as_object_mut().unwrap();
    if value.is_null() {
        fields.remove(field)
    } else {
        fields.insert(field.to_owned(), value)
    };
    read_all(vec![definition]).err().unwrap_or_default()
}

fn malformed(format: DefinitionFormat, text: impl AsRef<[u8]>) -> String {
    parse(format, text.as_ref()).unwrap_err().to_string()
}

#[test]
fn a_json_definition_becomes_an_agent_that_keeps_its_other_fields() {
    let [definition] = read(LEADS).unwrap().try_into().unwrap();
    assert_eq!(definition.title, "Lead Generation Agent");
    assert_eq!(definition.activation_code, "sales_leadgen_agent_001");
    assert_eq!(definition.rate, None);
    let expected = json!({
        "description": "Finds leads and says which of them are worth a call", "category": "sales", "version": "1.0.0",
        "url": "http://lead-scoring-agent:5002", "capabilities": ["lead_scoring", "prospect_research"],
        "system_prompt": "You know all about leads.", "model": "claude-3-5-sonnet-20241022",
        "temperature": 0.7, "max_tokens": 4096,
    });
    assert_eq!(definition.content, expected);
}

#[test]
fn a_yaml_definition_without_an_id_is_known_by_its_category_and_name() {
    let [definition] = read(PRICES).unwrap().try_into().unwrap();
    assert_eq!(definition.activation_code, "hospitality_tourism_dynamic_pricing_engine");
    assert_eq!(definition.content["system_prompt"], "You know all about prices.\nYou give reasons.");
    assert_eq!(definition.content["capabilities"][2], "competitor_monitoring");
    assert_eq!(definition.content.get("url"), None);

    assert_eq!(rules::derived_id("food", " Crème  brûlée-Chef #1 ").unwrap(), "food_creme_brulee_chef_1");
    assert_eq!(rules::derived_id("food", "Шеф"), None);
    let unnamed = PRICES.replace("Dynamic Pricing Engine", "Шеф");
    assert_eq!(read(&unnamed).unwrap_err(), ["id: is required: none can be made of this category and name"]);
}

#[test]
fn both_ways_of_writing_give_the_same_agent() {
    let as_yaml = document(PRICES);
    let as_json = parse(DefinitionFormat::Json, as_yaml.to_string().as_bytes()).unwrap();
    assert_eq!(read_all(vec![as_yaml]), read_all(vec![as_json]));
    let whole = LEADS.replace("0.7", "1");
    let float = LEADS.replace("0.7", "1.0");
    assert_eq!(read(&whole), read(&float), "a temperature is one number however it is written");
}

#[test]
fn every_field_has_its_rule() {
    for (field, value, fault) in [
        ("id", json!("two words"), "id: must have 1 to 200 letters, digits or `_`, `-`, `.`, `:`"),
        ("id", json!("42"), "id: must not be a number"),
        ("name", json!(null), "name: is required"),
        ("name", json!(7), "name: must be a text"),
        ("name", json!("  "), "name: must have 1 to 200 characters"),
        ("description", json!("a\0b"), "description: must not contain control characters"),
        (
            "category",
            json!("Sales"),
            "category: must have 1 to 64 lower-case letters, digits or `_`, a letter first",
        ),
        ("version", json!(1.0), "version: must be a semantic version as a text, such as \"1.0.0\""),
        ("version", json!("1.0"), "version: must be a semantic version as a text, such as \"1.0.0\""),
        ("url", json!("ftp://x/"), "url: must be an http or https address of 2048 bytes at most"),
        ("url", json!("http://"), "url: must be an http or https address of 2048 bytes at most"),
        ("url", json!("https://a:b@c/"), "url: must not hold a user name or a password"),
        (
            "capabilities",
            json!([]),
            "capabilities: must be a list of 1 to 64 names, such as [\"lead_scoring\"]",
        ),
        (
            "capabilities",
            json!("chat"),
            "capabilities: must be a list of 1 to 64 names, such as [\"lead_scoring\"]",
        ),
        ("capabilities", json!(["chat", "chat"]), "capabilities[1]: is there twice: chat"),
        ("capabilities", json!([1]), "capabilities[0]: must be a text"),
        ("system_prompt", json!("x".repeat(50_001)), "system_prompt: must have 1 to 50000 characters"),
        ("model", json!("a\nb"), "model: must not contain control characters"),
        ("temperature", json!(2.1), "temperature: must be a number from 0 to 2"),
        ("temperature", json!("0.7"), "temperature: must be a number from 0 to 2"),
        ("max_tokens", json!(0), "max_tokens: must be a whole number from 1 to 10000000"),
        ("max_tokens", json!(1.5), "max_tokens: must be a whole number from 1 to 10000000"),
        ("rate", json!("3"), "rate: must be a whole number from -2147483648 to 2147483647"),
        ("temprature", json!(1), "temprature: is not a known field"),
    ] {
        assert_eq!(faults_with(field, value), [fault]);
    }
    for (field, value) in [
        ("temperature", json!(0)),
        ("temperature", json!(2)),
        ("temperature", json!(null)),
        ("max_tokens", json!(null)),
        ("url", json!(null)),
        ("version", json!("2.0.0-rc.1+build.5")),
        ("rate", json!(-1)),
    ] {
        assert_eq!(faults_with(field, value), [""; 0], "{field}");
    }
}

#[test]
fn all_faults_of_all_definitions_are_told_with_their_place() {
    let mut broken = document(LEADS);
    broken["temperature"] = json!(9);
    broken["colour"] = json!("red");
    let (second, mut third) = (document(PRICES), document(PRICES));
    third["name"] = json!("Another");
    third["capabilities"] = json!(["ok", "Not ok"]);
    let told = read_all(vec![json!([broken, 5, second, third])]).unwrap_err();
    let fields: Vec<&str> = told.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(fields, ["[0].temperature", "[0].colour", "[1]", "[3].capabilities[1]"]);
}

#[test]
fn an_id_is_used_once_in_an_import_whether_it_is_written_or_made() {
    let twins = format!("[{LEADS}, {LEADS}]");
    assert_eq!(
        read(&twins).unwrap_err(),
        ["[1].id: must be its own: sales_leadgen_agent_001 is that of [0], too"]
    );

    let mut named = document(LEADS);
    named["id"] = json!("hospitality_tourism_dynamic_pricing_engine");
    let mut reading = Reading::default();
    reading.add("a.json", named);
    reading.add("b.yaml", document(PRICES));
    let faults = reading.finish().unwrap_err();
    let told = "b.yaml: id: must be its own: hospitality_tourism_dynamic_pricing_engine (made of category and name) is \
                that of a.json, too";
    assert_eq!(faults[0].to_string(), told);
}

#[test]
fn what_is_no_definition_is_told_as_such() {
    for text in ["7", "null", "\"x\"", "--- text"] {
        let document = parse(DefinitionFormat::Yaml, text.as_bytes()).unwrap();
        assert_eq!(read_all(vec![document]).unwrap_err(), ["must be a definition, or a list of them"]);
    }
    assert_eq!(read("[]").unwrap_err(), ["must have at least one definition"]);
    let many = json!(vec![json!({}); DEFINITIONS_MAX + 1]);
    assert_eq!(read_all(vec![many]).unwrap_err(), ["there must be 1000 definitions at most, not 1001"]);
    // One at a time they are as many, and those beyond are not looked at: they would have faults of their own.
    let mut reading = Reading::default();
    for index in 0..DEFINITIONS_MAX {
        let mut one = document(LEADS);
        one["id"] = json!(format!("agent_{index}"));
        reading.add("early.json", one);
    }
    reading.add("late.json", json!({}));
    let faults = reading.finish().unwrap_err();
    assert_eq!((faults.len(), faults[0].message.ends_with("not 1001")), (1, true));
}

#[test]
fn faults_are_many_but_not_without_end() {
    let told = read_all(vec![json!(vec![json!({"x".repeat(500): 1}); DEFINITIONS_MAX])]).unwrap_err();
    assert_eq!(told.len(), 1_001);
    assert_eq!(told[1_000], "there are more than 1000 faults");
    assert!(told.iter().all(|fault| fault.len() < 200));
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let twice = r#"{"a": {"id": 1, "id": 2}}"#;
    assert!(malformed(DefinitionFormat::Json, twice).contains("\"id\" is there twice"), "{twice}");
    let why = malformed(DefinitionFormat::Yaml, "id: 1\nname: x\nid: 2\n");
    assert!(why.contains("duplicate") && why.contains("line 3"), "{why}");
    assert!(parse(DefinitionFormat::Yaml, b"a: 1\n? a\n: 2\n").is_err());
}

#[test]
fn a_text_that_is_not_what_it_says_is_refused_with_its_place() {
    assert_eq!(malformed(DefinitionFormat::Yaml, b"name: \xff\xfe"), "is not UTF-8");
    assert_eq!(malformed(DefinitionFormat::Json, b"\"\xc3\""), "is not UTF-8");
    assert!(malformed(DefinitionFormat::Json, "{\"a\": }").contains("line 1 column 7"));
    for broken in [
        "a: [1, 2",
        "a:\n\t- b",
        "a: &x",
        "a: *unknown",
        "- a\nb: c",
        "{} {}",
        "a: 1\n---\nb: 2",
        "a: .nan",
        "1: x\n? [a]\n: y",
    ] {
        let parsed = parse(DefinitionFormat::Yaml, broken.as_bytes());
        let harmless = parsed.as_ref().is_ok_and(|value| read_all(vec![value.clone()]).is_err());
        assert!(parsed.is_err() || harmless, "{broken:?}: {parsed:?}");
    }
    let with_mark = format!("\u{feff}{LEADS}");
    assert!(parse(DefinitionFormat::Json, with_mark.as_bytes()).is_ok());
    assert_eq!(document("answer: no")["answer"], "no");
}

#[test]
fn bombs_do_not_go_off() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..30 {
        let inner = vec![format!("*a{}", level - 1); 10].join(",");
        bomb += &format!("a{level}: &a{level} [{inner}]\n");
    }
    let merge = "a: &a {x: 1}\nb:\n  <<: *a\n";
    let text = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 900].join(","));
    let began = std::time::Instant::now();
    for (name, text) in [
        ("aliases of aliases", bomb),
        ("merge keys", merge.to_owned()),
        ("a long text many times", text),
        ("deep flow", format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000))),
        ("deep blocks", (0..1_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("deep lists", "- ".repeat(10_000)),
        ("an alias of itself", "a: &a [*a]".to_owned()),
        ("many values", format!("[{}]", "1,".repeat(200_000))),
    ] {
        let why = malformed(DefinitionFormat::Yaml, &text);
        assert!(why.len() < 400, "{name}: {why}");
    }
    assert!(malformed(DefinitionFormat::Json, "[".repeat(10_000)).contains("recursion"));
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn a_file_says_by_its_name_how_it_is_written() {
    for (name, format) in [
        ("a.json", Some(DefinitionFormat::Json)),
        ("b/a.YAML", Some(DefinitionFormat::Yaml)),
        ("a.yml", Some(DefinitionFormat::Yaml)),
        ("json", None),
        ("a.txt", None),
        (".json", None),
    ] {
        assert_eq!(DefinitionFormat::of_path(std::path::Path::new(name)), format, "{name}");
    }
}
