//! The event bus.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use botberi::actors::broker::topology;
use botberi::models::RoutingKey;
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::wait::eventually;

#[tokio::test]
async fn rabbitmq_holds_the_exchanges_queues_and_bindings_of_the_contract() {
    let app = TestApp::start().await;
    let bus = &app.stage.bus;
    let expected = BTreeSet::from([
        ("agents_worker.control.<replica>".to_owned(), "agents.direct".to_owned(), "<replica>".to_owned()),
        ("agents_worker.instance".to_owned(), "events.topic".to_owned(), "instance.*".to_owned()),
        ("events.dead_letters".to_owned(), "events.dlx".to_owned(), "#".to_owned()),
        ("user_backend.catalog.<replica>".to_owned(), "events.topic".to_owned(), "agent.*".to_owned()),
        ("user_backend.kb_ingest".to_owned(), "events.topic".to_owned(), "knowledge_base.entry.*".to_owned()),
        ("user_backend.ws_updates.<replica>".to_owned(), "events.topic".to_owned(), "#".to_owned()),
    ]);
    let declared = topology::durable_queues();
    for queue in &declared {
        for key in &queue.keys {
            let binding = (queue.name.clone(), queue.exchange.to_owned(), key.clone());
            assert!(expected.contains(&binding), "{binding:?}");
        }
    }
    // The consumers declare their queues as they connect.
    eventually("every binding of the contract, and no other", async || {
        let bindings = bus.list("bindings").await;
        let of_ours =
            bindings.iter().filter(|binding| binding["source"] != "" && binding["destination"] != "tap");
        let there: BTreeSet<_> = of_ours.map(binding).collect();
        (there == expected).then_some(())
    })
    .await;

    let exchanges = bus.list("exchanges").await;
    let kind = |name: &str| {
        let exchange = exchanges.iter().find(|exchange| exchange["name"] == name).unwrap();
        assert_eq!(exchange["durable"], true, "{name}");
        exchange["type"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        [kind("events.topic"), kind("agents.direct"), kind("events.dlx")],
        ["topic", "direct", "topic"]
    );

    for queue in bus.list("queues").await {
        let name = without_replica(queue["name"].as_str().unwrap());
        let arguments = &queue["arguments"];
        match name.as_str() {
            "tap" => {}
            "agents_worker.instance" | "user_backend.kb_ingest" => {
                assert_eq!((&queue["durable"], &arguments["x-queue-type"]), (&true.into(), &"quorum".into()));
                assert_eq!(arguments["x-delivery-limit"], 20);
                assert_eq!(arguments["x-dead-letter-exchange"], "events.dlx");
                assert_eq!(arguments["x-dead-letter-strategy"], "at-least-once");
                assert_eq!(arguments["x-overflow"], "reject-publish");
            }
            "events.dead_letters" => assert_eq!(arguments["x-queue-type"], "quorum"),
            own => {
                assert!(own.ends_with("<replica>"), "{own}");
                assert_eq!(
                    (&queue["exclusive"], &queue["auto_delete"]),
                    (&true.into(), &true.into()),
                    "{own}"
                );
                assert!(arguments["x-max-length"].is_i64(), "{own}");
            }
        }
    }
}

#[test]
fn every_key_of_an_event_is_in_the_catalogue() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture/event_bus.md");
    let page = fs::read_to_string(page).unwrap();
    let names: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    for key in RoutingKey::ALL {
        let is_named = names.iter().any(|name| stands_for(name, key.as_str()));
        assert!(is_named, "docs/architecture/event_bus.md does not tell of {key}");
    }
}

/// The page writes `a.b` for itself, `a.b|c` for two keys and `a.*` for all of their kind.
fn stands_for(name: &str, key: &str) -> bool {
    let (Some((kind, facts)), Some((kind_of_key, fact))) = (name.rsplit_once('.'), key.rsplit_once('.'))
    else {
        return false;
    };
    kind == kind_of_key && facts.split('|').any(|known| known == fact || (known == "*" && kind != "instance"))
}

fn binding(binding: &Value) -> (String, String, String) {
    let text = |field: &str| binding[field].as_str().unwrap().to_owned();
    let key = text("routing_key");
    let key = if uuid::Uuid::parse_str(&key).is_ok() { "<replica>".to_owned() } else { key };
    (without_replica(&text("destination")), text("source"), key)
}

/// Queues of one replica end with its id.
fn without_replica(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((rest, last)) if uuid::Uuid::parse_str(last).is_ok() => format!("{rest}.<replica>"),
        _ => name.to_owned(),
    }
}
