//! Entries: added once, changed, read anew and taken out.

use reqwest::Method;
use serde_json::{Value, json};

use super::library::{Library, platform};
use crate::support::client::{answer, id_of};

#[actix::test]
async fn a_text_is_told_live_from_queued_to_ready_and_is_then_found_and_cited() {
    let app = platform(&[]).await;
    let ada = app.sign_up("ada").await;
    let library = Library::of(&ada).await;
    let mut socket = ada.socket(None).await;
    let text = "# Shipping\n\nOrders above 500 euros are sent free of charge.\n\n# Returns\n\nGoods come back within 30 days.";
    let wish = json!({"content": text, "lang_hint": "en", "source_url": "https://shop.example/terms", "title": "Terms"});

    let added = library.add(wish).await;
    let location = added.headers["location"].to_str().unwrap().to_owned();
    let entry = added.expect(201);
    assert_eq!(
        (&entry["status"], &entry["source"], &entry["revision"]),
        (&json!("queued"), &json!("text"), &json!(1))
    );
    assert!(location.ends_with(&id_of(&entry)), "{location}");

    let mut seen = Vec::new();
    while seen.last().map(String::as_str) != Some("ready") {
        let event = socket.next_event().await;
        if event["data"]["entry_id"] == entry["id"] {
            assert!(event["data"].get("content").is_none(), "{event}");
            seen.push(event["data"]["status"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(seen, ["queued", "processing", "ready"]);

    let whole = library.entry(&id_of(&entry)).await;
    assert_eq!(
        (&whole["content"], &whole["format"], &whole["status_reason"]),
        (&json!(text), &json!("markdown"), &Value::Null)
    );
    assert!(whole["chunks"].as_i64().unwrap() >= 2, "{whole}");

    let hits = library.search("is shipping free?").await;
    let best = &hits[0];
    assert!(best["text"].as_str().unwrap().contains("free of charge"), "{best}");
    let citation = &best["citation"];
    assert_eq!((&citation["title"], &citation["headings"]), (&json!("Terms"), &json!(["Shipping"])));
    assert_eq!(citation["source_url"], "https://shop.example/terms");
    let read: Vec<char> =
        whole["text"].as_str().unwrap_or_else(|| whole["content"].as_str().unwrap()).chars().collect();
    let place = |name: &str| usize::try_from(citation[name].as_i64().unwrap()).unwrap();
    assert_eq!(read[place("start")..place("end")].iter().collect::<String>(), best["text"].as_str().unwrap());
    let parts = best["snippet"].as_array().unwrap();
    let shown: String = parts.iter().map(|part| part["text"].as_str().unwrap()).collect();
    assert_eq!(shown, best["text"].as_str().unwrap());
    assert!(parts.iter().any(|part| part["is_match"] == true && part["text"] == "free"), "{parts:?}");
}

#[actix::test]
async fn the_same_thing_is_kept_once_and_a_key_adds_one_entry() {
    let app = platform(&[]).await;
    let ada = app.sign_up("ada").await;
    let library = Library::of(&ada).await;
    let wish = json!({"content": "Kept once."});
    let first = id_of(&library.add(wish.clone()).await.expect(201));

    let twin = library.add(wish.clone()).await;
    assert_eq!(twin.problem(409), "entry_exists");
    assert_eq!(twin.body["entry_id"], first);
    let other = Library::of(&ada).await;
    other.add(wish.clone()).await.expect(201);

    let keyed = async |content: &str| {
        let request = ada.request(Method::POST, &library.path("/entries")).header("Idempotency-Key", "one");
        answer(request.json(&json!({"content": content}))).await
    };
    let made = keyed("Under a key.").await.expect(201);
    let again = keyed("Under a key.").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.expect(201)["id"], made["id"]);
    assert_eq!(keyed("Another.").await.problem(422), "idempotency_key_reused");
    assert_eq!(library.state().await["entries"]["failed"], 0);
}

#[actix::test]
async fn a_change_is_conditional_and_what_was_found_stays_until_the_new_is_there() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let id = library.text("The answer is forty-two.", "en").await;
    let path = library.path(&format!("/entries/{id}"));
    let shown = library.owner.get(&path).await;
    let tag = shown.headers["etag"].to_str().unwrap().to_owned();

    let change = async |tag: &str, body: Value| {
        answer(library.owner.request(Method::PATCH, &path).header("If-Match", tag).json(&body)).await
    };
    assert_eq!(change("\"stale\"", json!({"title": "No"})).await.problem(412), "precondition_failed");
    let changed = change(&tag, json!({"title": "Deep thought", "content": "The question is not known."}))
        .await
        .expect(200);
    assert_eq!((&changed["status"], &changed["title"]), (&json!("queued"), &json!("Deep thought")));

    let ready = library.until(&id, "ready").await;
    assert_eq!(ready["content"], "The question is not known.");
    assert_eq!(library.finds("question").await, [id.as_str()]);
    assert!(library.finds("forty").await.is_empty());

    let same = library.owner.patch(&path, json!({"content": "The question is not known."})).await.expect(200);
    assert_eq!(
        (&same["status"], &same["revision"]),
        (&json!("ready"), &ready["revision"]),
        "nothing has changed"
    );
    let retitled = library.owner.patch(&path, json!({"title": null})).await.expect(200);
    assert_eq!((&retitled["status"], &retitled["title"]), (&json!("ready"), &Value::Null));

    library.owner.delete(&path).await.expect(204);
    assert!(library.finds("question").await.is_empty());
    assert_eq!(library.owner.get(&path).await.problem(404), "entry_not_found");
}

#[actix::test]
async fn entries_are_listed_newest_first_and_narrowed() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let english = library.text("An English text.", "en").await;
    let spanish = library.text("Un texto español.", "es").await;
    let list = async |query: &str| -> Vec<String> {
        let page = library.owner.get(&library.path(&format!("/entries{query}"))).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.iter().all(|entry| entry.get("content").is_none()));
        items.iter().map(id_of).collect()
    };
    assert_eq!(list("").await, [spanish.clone(), english.clone()]);
    assert_eq!(list("?lang_hint=en&status=ready").await, [english.as_str()]);
    assert!(list("?status=failed").await.is_empty());
    let page = library.owner.get(&library.path("/entries?limit=1")).await.expect(200);
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(list(&format!("?limit=1&cursor={next}")).await, [english]);
}

#[actix::test]
async fn what_is_ready_or_failed_is_read_anew_one_by_one_or_all() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let id = library.text("Read me twice.", "en").await;
    let other = library.text("Read me as well.", "en").await;
    let before = library.entry(&id).await["revision"].as_i64().unwrap();

    assert_eq!(library.order(&id, "reindex").await.expect(202)["status"], "queued");
    let after = library.until(&id, "ready").await;
    assert_eq!(after["revision"].as_i64().unwrap(), before + 3, "queued, processing, ready");
    assert_eq!(library.order(&id, "retry").await.problem(409), "nothing_to_retry");
    assert_eq!(library.order(&id, "cancel").await.problem(409), "nothing_to_cancel");

    let reindex = async |body| library.owner.post(&library.path("/reindex"), body).await;
    assert_eq!(reindex(json!({"status": "failed"})).await.expect(202)["queued"], 0);
    assert_eq!(reindex(json!({})).await.expect(202)["queued"], 2);
    library.until(&id, "ready").await;
    library.until(&other, "ready").await;
    assert_eq!(reindex(json!({"status": "queued"})).await.problem(422), "validation_failed");
    assert_eq!(library.finds("twice").await, [id]);
}

#[actix::test]
async fn wrong_fields_are_named() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    for (wish, field) in [
        (json!({}), "content"),
        (json!({"content": "  "}), "content"),
        (json!({"content": "a\u{0}b"}), "content"),
        (json!({"content": "x", "data_type": "film"}), "data_type"),
        (json!({"content": "x", "lang_hint": "fr"}), "lang_hint"),
        (json!({"content": "x", "source_url": "ftp://x.example"}), "source_url"),
        (json!({"content": "x", "more": 1}), "more"),
    ] {
        let refused = library.add(wish.clone()).await;
        assert_eq!(refused.problem(422), "validation_failed", "{wish}");
        assert_eq!(refused.body["errors"][0]["field"], field, "{wish}");
    }
    for query in ["?q=", "?q=-x", "?k=3", "?q=x&k=0", "?q=x&k=51"] {
        let refused = library.owner.get(&library.path(&format!("/search{query}"))).await;
        assert_eq!(refused.problem(422), "validation_failed", "{query}");
    }
    let nothing = "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04";
    assert_eq!(library.order(nothing, "retry").await.problem(404), "entry_not_found");
    assert_eq!(library.order("x", "retry").await.problem(404), "entry_not_found");
}

#[actix::test]
async fn whoever_writes_by_plain_sql_is_read_too() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let base = library.state().await["id"].as_str().unwrap().to_owned();
    let sql = app.stage.databases.plain("botberi").await;
    let insert = "INSERT INTO knowledge_base_entries (knowledge_base_id, content, data_type, lang_hint)
                  VALUES ($1::text::uuid, 'Zanahorias por correo.', 'document', 'es') RETURNING id::text";
    let id: String = sql.query_one(insert, &[&base]).await.unwrap().get(0);
    library.until(&id, "ready").await;
    assert_eq!(library.finds("zanahoria").await, [id.as_str()]);

    let update =
        "UPDATE knowledge_base_entries SET content = 'Puerros por correo.' WHERE id = $1::text::uuid";
    sql.execute(update, &[&id]).await.unwrap();
    library.until(&id, "ready").await;
    assert_eq!(library.finds("puerro").await, [id]);
}
