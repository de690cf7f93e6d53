//! Messages that cannot be read, and messages that cost whoever reads them their life.

use std::sync::{Arc, Mutex};

use actix::{Actor, Context, Handler};
use botberi::actors::broker::{RabbitmqSettings, topology};
use botberi::actors::event_consumers::{Bound, ConsumerSettings, Deliver, NotTaken, consumer};
use botberi::actors::system::{AskLimits, ChildSpec, Handle, Lifeline, Node, Strategy, Supervisor, actor};
use botberi::models::EventId;
use botberi::secret::Secret;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::id_of;
use crate::support::queue::TestQueue;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const LETTERS: &str = "/api/v1/dead-letters";

#[tokio::test]
async fn a_poison_message_ends_among_the_dead_letters_and_holds_up_nothing_behind_it() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;

    let event = |kind: &str, version: i32| {
        let id = "01900000-0000-7000-8000-000000000000";
        json!({"event_id": id, "event_type": kind, "schema_version": version, "position": 1}).to_string()
    };
    let poisons = [
        ("no JSON at all".to_owned(), "the body is not an event"),
        ("{}".to_owned(), "the body is not an event"),
        (event("instance.updated", 99), "schema version 99 is not known"),
        (
            event("instance.deleted", 1),
            "the body says `instance.deleted` under the routing key `instance.updated`",
        ),
    ];
    for (poison, _) in &poisons {
        assert!(app.stage.bus.publish("events.topic", "instance.updated", poison).await);
    }
    let id = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&id, "running").await;

    let sql = app.stage.sql().await;
    let query = "SELECT reason, convert_from(body, 'UTF8') FROM dead_letters
                 WHERE queue = 'agents_worker.instance' AND routing_key = 'instance.updated' ORDER BY created_at";
    let letters = eventually("all of them are kept", async || {
        let letters = sql.query(query, &[]).await.unwrap();
        (letters.len() == poisons.len()).then_some(letters)
    });
    for (letter, (poison, expected)) in letters.await.iter().zip(&poisons) {
        let (reason, body): (String, String) = (letter.get(0), letter.get(1));
        assert_eq!(body, *poison);
        assert!(reason.starts_with(expected), "{reason}");
    }
    eventually("nothing waits in the queue", async || {
        let queues = app.stage.bus.list("queues").await;
        let hints = queues.into_iter().find(|queue| queue["name"] == "agents_worker.instance").unwrap();
        (hints["messages"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_that_cuts_its_consumers_off_dies_alone_and_goes_back_to_its_own_queue_alone() {
    // Without workers: the test reads their queue.
    let roles = ["user", "admin", "broker"].map(toml::Value::from).to_vec();
    let app = TestApp::with(&[("service.roles", roles.into())]).await;
    let admin = app.admin().await;
    let probe = TestQueue::declare(&app.stage.bus.url(), "agents_worker.instance", "probe.*").await;
    let other = TestQueue::declare(&app.stage.bus.url(), "agents_worker.other", "other.*").await;
    let mut headers = FieldTable::default();
    headers.insert("position".into(), AMQPValue::LongLongInt(7));
    // Copies to other queues are made once, when it is published first.
    headers
        .insert("CC".into(), AMQPValue::FieldArray(vec![AMQPValue::LongString("other.copy".into())].into()));
    let properties = AMQPProperties::default()
        .with_message_id("poison-1".into())
        .with_type("probe.poison".into())
        .with_content_type("application/json".into())
        .with_headers(headers);
    let body = br#"{"position": 1000000, "word": "boo"}"#;
    probe.publish("events.topic", "probe.poison", body, properties).await;
    probe.publish("events.topic", "probe.healthy", b"behind it", AMQPProperties::default()).await;
    assert_eq!(other.take().await.data, body, "the copy of the first time");

    probe.cut_off(21).await;
    assert_eq!(probe.take().await.data, b"behind it", "it holds nothing up");
    let of_probe = format!("{LETTERS}?queue=agents_worker.instance&state=open");
    let letter =
        eventually("it is kept", async || admin.get(&of_probe).await.expect(200)["items"].get(0).cloned())
            .await;
    assert_eq!(letter["reason"], "delivered 21 times without an acknowledgement: limit 20");
    assert_eq!((&letter["routing_key"], &letter["message_id"]), (&json!("probe.poison"), &json!("poison-1")));
    assert_eq!((&letter["deaths"], &letter["is_redrivable"]), (&json!(1), &json!(true)));

    let path = format!("{LETTERS}/{}", letter["id"].as_str().unwrap());
    admin.post(&format!("{path}/replay"), json!({})).await.expect(202);
    let again = probe.take().await;
    assert_eq!((again.data.as_slice(), again.exchange.as_str()), (body.as_slice(), ""));
    assert_eq!(again.properties.message_id().as_ref().unwrap().as_str(), "poison-1");
    assert_eq!(again.properties.kind().as_ref().unwrap().as_str(), "probe.poison");
    assert_eq!(again.properties.delivery_mode(), &Some(2));
    let headers = again.properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers["position"], AMQPValue::LongLongInt(7));
    assert_eq!(headers["x-redriven"], AMQPValue::LongInt(1));
    assert_eq!(headers["x-redriven-key"], AMQPValue::LongString("probe.poison".into()));
    assert!(!headers.contains_key("x-death") && !headers.contains_key("CC"), "{headers:?}");
    let handled = eventually("it is handled", async || {
        let letter = admin.get(&path).await.expect(200);
        (letter["state"] == "handled").then_some(letter)
    })
    .await;
    assert_eq!((&handled["outcome"], &handled["redrives"]), (&json!("redriven"), &json!(1)));
    assert_eq!(handled["body"], json!({"position": 1_000_000, "word": "boo"}));
    let steps: Vec<&str> =
        handled["history"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["died", "replay_wished", "redriven"]);
    assert!(handled["history"][1]["by"].is_string() && handled["history"][1]["request_id"].is_string());
    assert!(other.next().await.is_none(), "another queue got it");
    let heard = app.stage.tap.heard().iter().filter(|heard| heard.key == "probe.poison").count();
    assert_eq!(heard, 1, "it went by way of events.topic");
}

#[tokio::test]
async fn a_redriven_message_is_read_as_what_it_was_and_opens_its_letter_anew_if_it_dies_again() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    assert!(app.stage.bus.publish("events.topic", "instance.updated", "no event").await);
    let open = format!("{LETTERS}?state=open&queue=agents_worker.instance&routing_key=instance.updated");
    let letter =
        eventually("it is kept", async || admin.get(&open).await.expect(200)["items"].get(0).cloned()).await;
    let path = format!("{LETTERS}/{}", letter["id"].as_str().unwrap());
    admin.post(&format!("{path}/replay"), json!({})).await.expect(202);
    let again = eventually("it has died again", async || {
        let letter = admin.get(&path).await.expect(200);
        (letter["deaths"] == 2 && letter["state"] == "open").then_some(letter)
    })
    .await;
    assert_eq!((&again["routing_key"], &again["redrives"]), (&json!("instance.updated"), &json!(1)));
    assert_eq!(again["reason"], letter["reason"], "by its queue's name it says something else");

    // One that can be read now: what made it a letter was mended meanwhile.
    let id = EventId::new();
    let body = json!({"event_id": id, "event_type": "instance.updated", "schema_version": 1, "position": 1});
    let sql = app.stage.sql().await;
    let set = "UPDATE dead_letters SET body = convert_to($1, 'UTF8') WHERE id::text = $2";
    sql.execute(set, &[&body.to_string(), &letter["id"].as_str().unwrap()]).await.unwrap();
    admin.post(&format!("{path}/replay"), json!({})).await.expect(202);
    eventually("it is handled", async || {
        (admin.get(&path).await.expect(200)["state"] == "handled").then_some(())
    })
    .await;
    eventually("the worker has taken it", async || {
        let queues = app.stage.bus.list("queues").await;
        let hints = queues.into_iter().find(|queue| queue["name"] == "agents_worker.instance").unwrap();
        (hints["messages"] == 0).then_some(())
    })
    .await;
    assert_eq!(admin.get(&path).await.expect(200)["deaths"], 2, "it was not read as what it was");
}

/// Dies over one event, and remembers the others.
struct Brittle {
    poison: EventId,
    read: Arc<Mutex<Vec<EventId>>>,
}

impl Actor for Brittle {
    type Context = Context<Self>;
}

impl Handler<Bound> for Brittle {
    type Result = Result<(), NotTaken>;

    fn handle(&mut self, _bound: Bound, _context: &mut Self::Context) -> Self::Result {
        Ok(())
    }
}

impl Handler<Deliver> for Brittle {
    type Result = Result<(), NotTaken>;

    fn handle(&mut self, Deliver { events }: Deliver, _context: &mut Self::Context) -> Self::Result {
        assert!(events.iter().all(|event| event.event_id != self.poison), "this one is too much");
        self.read.lock().unwrap().extend(events.iter().map(|event| event.event_id));
        Ok(())
    }
}

#[actix::test]
async fn an_event_over_which_its_reader_dies_again_and_again_is_given_up_alone() {
    let stage = Stage::set().await;
    let queue = TestQueue::declare(&stage.bus.url(), "probe", "probe.*").await;
    assert!(topology::declare(&queue.channel, &[topology::instance_hints()]).await.is_ok());
    let ids: Vec<EventId> = (0..5).map(|_| EventId::new()).collect();
    for id in &ids {
        let body =
            json!({"event_id": id, "event_type": "instance.updated", "schema_version": 1, "position": 1});
        assert!(stage.bus.publish("events.topic", "instance.updated", &body.to_string()).await);
    }
    let (poison, read) = (ids[2], Arc::new(Mutex::new(Vec::new())));
    let handle = Handle::new("brittle", AskLimits::default());
    let rabbitmq = RabbitmqSettings {
        url: Secret::new(stage.bus.url()),
        heartbeat_seconds: 10,
        connect_timeout_ms: 5_000,
        confirm_timeout_ms: 5_000,
        backoff_ms_min: 20,
        backoff_ms_max: 200,
    };
    let tree = Node::root();
    let root = Supervisor::new(Strategy::OneForOne)
        .with(actor(ChildSpec::permanent("brittle"), &handle, {
            let read = read.clone();
            move |lifeline: Lifeline| {
                lifeline.ready();
                Brittle { poison, read: read.clone() }
            }
        }))
        .with(consumer(
            ChildSpec::permanent("reader"),
            ConsumerSettings { rabbitmq, prefetch: 32 },
            topology::instance_hints(),
            handle,
            stage.databases.shared.clone(),
        ))
        .start(tree);
    let sql = stage.sql().await;
    let letter = eventually("it is given up", async || {
        sql.query_opt("SELECT convert_from(body, 'UTF8'), reason FROM dead_letters", &[]).await.unwrap()
    })
    .await;
    assert!(letter.get::<_, String>(0).contains(&poison.to_string()));
    assert_eq!(letter.get::<_, String>(1), "brittle died 3 times over it");
    let others: Vec<EventId> = ids.into_iter().filter(|id| *id != poison).collect();
    eventually("the others are read", async || (*read.lock().unwrap() == others).then_some(())).await;
    root.stop().await;
}
