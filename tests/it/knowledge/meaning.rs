//! What is found by what it means, and what is found when nobody knows what that is.

use serde_json::{Value, json};

use super::library::{Library, platform};
use super::provider::{KEY, Mood, Provider};
use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::program::Program;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

async fn asks(provider: &Provider, kind: &str) -> (TestApp, Library) {
    let app = platform(&provider.settings(kind)).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    (app, library)
}

impl Library {
    async fn until_embedded(&self) -> Value {
        eventually("all pieces have vectors", async || {
            let state = self.state().await["embeddings"].clone();
            (state["waiting"] == 0).then_some(state)
        })
        .await
    }

    /// The entries that are found, and whether meaning had a part in it.
    async fn finds_by(&self, query: &str) -> (Vec<String>, String) {
        let found = self.ask(query, "").await.expect(200);
        let hits = found["hits"].as_array().unwrap().iter();
        let ids = hits.map(|hit| hit["entry_id"].as_str().unwrap().to_owned()).collect();
        (ids, found["vectors"].as_str().unwrap().to_owned())
    }
}

#[actix::test]
async fn what_means_the_same_is_found_though_no_word_is_shared_by_either_protocol() {
    for (kind, path) in [("openai", "/v1/embeddings"), ("ollama", "/api/embed")] {
        let provider = Provider::start().await;
        let (_app, library) = asks(&provider, kind).await;
        let car = library.text("My automobile stands in the garage.", "en").await;
        let doctor = library.text("The physician is in at nine.", "en").await;
        let state = library.until_embedded().await;
        assert_eq!((&state["model"], &state["reason"]), (&json!("of-a-few-words"), &Value::Null));

        assert_eq!(library.finds_by("car").await, (vec![car.clone()], "used".to_owned()));
        assert_eq!(library.finds_by("el coche").await.0, [car.as_str()]);
        // Words and meaning together: what is found by both comes first.
        assert_eq!(library.finds_by("a doctor at nine").await.0, [doctor.as_str()]);
        let hits = library.search("vehicle garage").await;
        assert_eq!(hits[0]["entry_id"], json!(car));
        assert!(
            hits[0]["snippet"].as_array().unwrap().contains(&json!({"text": "garage", "is_match": true}))
        );
        assert_eq!(library.finds_by("\"my automobile\"").await, (vec![car.clone()], "words_only".to_owned()));
        assert_eq!(library.finds_by("automobile -garage").await, (vec![], "words_only".to_owned()));

        let asked = provider.asked();
        assert!(
            asked.iter().all(|asked| asked.path == path && asked.key.as_deref() == Some(KEY)),
            "{asked:?}"
        );
        assert!(asked.iter().all(|asked| asked.model == "of-a-few-words" && asked.texts.len() <= 4));
        let questions = asked.iter().filter(|asked| asked.texts == ["car"]).count();
        library.finds_by("car").await;
        assert_eq!(questions, 1);
        assert_eq!(
            provider.asked().iter().filter(|asked| asked.texts == ["car"]).count(),
            1,
            "it is remembered"
        );
    }
}

#[actix::test]
async fn vectors_are_those_of_what_stands_there_now() {
    let provider = Provider::start().await;
    let (_app, library) = asks(&provider, "openai").await;
    let id = library.text("My automobile stands in the garage.", "en").await;
    library.until_embedded().await;
    assert_eq!(library.finds_by("car").await.0, [id.as_str()]);

    let change = json!({"content": "A hound barks."});
    library.owner.patch(&library.path(&format!("/entries/{id}")), change).await.expect(200);
    library.until(&id, "ready").await;
    library.until_embedded().await;
    assert!(library.finds_by("car").await.0.is_empty());
    assert_eq!(library.finds_by("dog").await.0, [id.as_str()]);

    // Many pieces, more than one batch.
    let many: String =
        (0..12).map(|n| format!("# Part {n}\n\n{}\n\n", "Of nothing at all. ".repeat(60))).collect();
    let long = json!({"content": format!("{many}# The end\n\nA downpour."), "lang_hint": "en"});
    let long = id_of(&library.add(long).await.expect(201));
    let entry = library.until(&long, "ready").await;
    assert!(entry["chunks"].as_i64().unwrap() > 4);
    library.until_embedded().await;
    assert_eq!(library.finds_by("lluvia").await.0.first(), Some(&long));

    library.owner.delete(&library.path(&format!("/entries/{long}"))).await.expect(204);
    assert!(library.finds_by("lluvia").await.0.is_empty());
    assert_eq!(library.finds_by("perro").await.0, [id.as_str()]);
}

#[actix::test]
async fn a_provider_that_is_away_or_refuses_keeps_nobody_from_finding_words() {
    let provider = Provider::start().await;
    provider.always(Some(Mood::Answers(503, Some(1))));
    let mut settings = provider.settings("openai");
    settings.push(("embeddings.query_timeout_ms", 300.into()));
    let app = platform(&settings).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let id = library.text("My automobile stands in the garage.", "en").await;
    assert_eq!(library.finds_by("automobile").await, (vec![id.clone()], "unavailable".to_owned()));
    let reason = eventually("it is said why", async || {
        let state = library.state().await["embeddings"].clone();
        state["reason"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(reason, "the provider answered 503");
    assert_eq!(app.stranger().get("/readyz").await.status, 200, "it is nobody's dependency");

    for mood in [Mood::Keeps, Mood::Rambles, Mood::Answers(401, None)] {
        let provider = Provider::start().await;
        provider.always(Some(mood));
        let mut settings = provider.settings("openai");
        settings.push(("embeddings.query_timeout_ms", 300.into()));
        let app = platform(&settings).await;
        let library = Library::of(&app.sign_up("ada").await).await;
        let id = library.text("My automobile stands in the garage.", "en").await;
        let found = library.finds_by("automobile").await;
        assert_eq!(found, (vec![id], "unavailable".to_owned()), "{mood:?}");
        assert!(provider.asked().iter().any(|asked| asked.texts == ["automobile"]), "{mood:?}");
    }
}

#[actix::test]
async fn a_provider_that_comes_back_is_asked_again_by_itself_and_what_was_made_is_not_made_twice() {
    let provider = Provider::start().await;
    provider.next([Mood::Answers(429, Some(1)), Mood::Answers(500, Some(0))]);
    let (_app, library) = asks(&provider, "ollama").await;
    let id = library.text("My automobile stands in the garage.", "en").await;
    library.until_embedded().await;
    assert_eq!(library.finds_by("car").await.0, [id.as_str()]);
    let made = provider.asked().iter().filter(|asked| asked.texts[0].contains("automobile")).count();
    assert_eq!(made, 3, "twice refused, once made");
}

#[actix::test]
async fn texts_that_a_provider_does_not_take_stand_in_nobodys_way() {
    let provider = Provider::start().await;
    provider.next([Mood::Answers(400, None)]);
    let (_app, library) = asks(&provider, "openai").await;
    let refused = library.text("My automobile stands in the garage.", "en").await;
    eventually("it is refused", async || {
        let state = library.state().await["embeddings"].clone();
        state["reason"]
            .as_str()
            .map(|reason| assert_eq!(reason, "the provider does not take it: it answered 400"))
    })
    .await;
    let taken = library.text("The physician is in at nine.", "en").await;
    eventually("the other one has its vector", async || {
        (library.finds_by("doctor").await.0 == [taken.as_str()]).then_some(())
    })
    .await;
    assert_eq!(library.finds_by("automobile").await.0, [refused.as_str()]);
}

#[actix::test]
async fn what_has_the_words_and_the_meaning_comes_before_what_has_one_of_them() {
    let provider = Provider::start().await;
    let (_app, library) = asks(&provider, "openai").await;
    let word = library.text("The garage is closed, and the garage door, too.", "en").await;
    let meaning = library.text("Un coche rojo.", "es").await;
    let both = library.text("My automobile stands in the garage.", "en").await;
    let neither = library.text("The physician is in at nine.", "en").await;
    library.until_embedded().await;
    let (found, _) = library.finds_by("vehicle garage").await;
    assert_eq!(found.first(), Some(&both));
    assert!(found.contains(&word) && found.contains(&meaning) && !found.contains(&neither), "{found:?}");
}

#[actix::test]
async fn an_entry_that_is_read_anew_while_its_vectors_are_made_keeps_none_of_them() {
    let provider = Provider::start().await;
    provider.next([Mood::Waits]);
    let (_app, library) = asks(&provider, "openai").await;
    let id = library.text("My automobile stands in the garage.", "en").await;
    eventually("the provider is asked", async || provider.asked().pop()).await;
    let change = json!({"content": "A hound barks."});
    library.owner.patch(&library.path(&format!("/entries/{id}")), change).await.expect(200);
    eventually("it is read anew", async || {
        (library.finds_by("barks").await.0 == [id.as_str()]).then_some(())
    })
    .await;
    provider.let_go();
    library.until_embedded().await;
    assert!(library.finds_by("car").await.0.is_empty());
    assert_eq!(library.finds_by("dog").await.0, [id.as_str()]);
}

#[actix::test]
async fn a_piece_that_a_provider_does_not_take_keeps_no_other_piece_out() {
    let provider = Provider::start().await;
    provider.refuse("unspeakable");
    let (_app, library) = asks(&provider, "openai").await;
    let part = |n: usize, what: &str| format!("# Part {n}\n\n{}{what}\n\n", "Of nothing at all. ".repeat(60));
    let text = [
        part(1, "A hound."),
        part(2, "Something unspeakable."),
        part(3, ""),
        part(4, ""),
        part(5, "A downpour."),
    ];
    let wish = json!({"content": text.concat(), "lang_hint": "en"});
    let id = id_of(&library.add(wish).await.expect(201));
    library.until(&id, "ready").await;
    for question in ["perro", "lluvia"] {
        eventually("what is taken is found", async || {
            (library.finds_by(question).await.0.first() == Some(&id)).then_some(())
        })
        .await;
    }
    let state = eventually("it is said that something is not", async || {
        Some(library.state().await["embeddings"].clone()).filter(|state| state["reason"].is_string())
    })
    .await;
    assert_eq!(state["waiting"], 1);
}

/// The settings of a platform that wants another model.
fn of_another_kind(provider: &Provider) -> Vec<(&'static str, toml::Value)> {
    let mut settings = provider.settings("openai");
    settings.push(("embeddings.model", "of-another-kind".into()));
    settings
}

async fn until_all_are_of_another_kind(stage: &Stage) {
    let sql = stage.databases.plain("postgres").await;
    let others =
        "SELECT count(*) FILTER (WHERE model <> 'of-another-kind'), count(*) FROM knowledge_base_vectors";
    eventually("all vectors are of the new model", async || {
        let row = sql.query_one(others, &[]).await.unwrap();
        (row.get::<_, i64>(0) == 0 && row.get::<_, i64>(1) > 0).then_some(())
    })
    .await;
}

#[actix::test]
async fn a_process_that_is_killed_while_it_waits_for_vectors_leaves_none_out() {
    let (stage, provider) = (Stage::set().await, Provider::start().await);
    provider.next([Mood::Keeps]);
    let mut settings = provider.settings("openai");
    // How long an entry is taken for follows from it, and is as short as it gets.
    settings.push(("embeddings.timeout_ms", 100.into()));
    let first = Program::serve(&stage, &settings).await;
    let ada = Caller::stranger(&first.user_api).sign_up("ada").await;
    let library = Library::of(&ada).await;
    let id = library.text("My automobile stands in the garage.", "en").await;
    eventually("the provider is asked", async || provider.asked().pop()).await;
    first.kill();
    // What it had taken is free when its time is over; here it is said to be.
    let sql = stage.databases.plain("postgres").await;
    sql.execute("UPDATE knowledge_base_embeddings SET due_at = clock_timestamp()", &[]).await.unwrap();

    let second = Program::serve(&stage, &settings).await;
    let library = library.seen_by(&ada.at(&second.user_api));
    library.until_embedded().await;
    assert_eq!(library.finds_by("car").await.0, [id.as_str()]);
}

#[actix::test]
async fn another_model_makes_all_vectors_anew_also_those_of_a_process_that_still_has_the_old_one() {
    let (stage, provider) = (Stage::set().await, Provider::start().await);
    let first = Program::serve(&stage, &provider.settings("openai")).await;
    let ada = Caller::stranger(&first.user_api).sign_up("ada").await;
    let library = Library::of(&ada).await;
    provider.next([Mood::Waits]);
    let id = library.text("My automobile stands in the garage.", "en").await;
    eventually("the old one waits for its vector", async || provider.asked().pop()).await;
    let done = library.text("Rain.", "en").await;
    let old = stage.databases.plain("postgres").await;
    old.execute(
        "UPDATE knowledge_base_embeddings SET is_waiting = false, model = 'of-a-few-words' WHERE entry_id::text = ANY ($1)",
        &[&vec![id.as_str(), done.as_str()]],
    )
    .await
    .unwrap();

    let second = Program::serve(&stage, &of_another_kind(&provider)).await;
    until_all_are_of_another_kind(&stage).await;
    // What it has waited for comes too late.
    provider.let_go();
    // It may take these, and the new one takes them from it.
    for n in 0..5 {
        library.text(&format!("The physician number {n} is in at nine."), "en").await;
    }
    first.kill();
    until_all_are_of_another_kind(&stage).await;
    let library = library.seen_by(&ada.at(&second.user_api));
    library.until_embedded().await;
    eventually("the new vectors are found by", async || {
        (library.finds_by("vehicle").await.0 == [id.as_str()]).then_some(())
    })
    .await;
    assert_eq!(library.finds_by("doctor").await.0.len(), 5);
}
