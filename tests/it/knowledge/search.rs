//! What is found, and what is not.

use serde_json::Value;

use super::library::{Library, platform};

#[actix::test]
async fn words_are_found_in_all_their_forms_with_and_without_accents() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let english = library.text("The replicas were restarted after the outages.", "en").await;
    let spanish = library
        .text("La configuración de los índices se actualizó ayer. Hablaríamos de canciones.", "es")
        .await;
    let other = library.text("Ein Schlüssel öffnet die Tür.", "other").await;
    for (query, id) in [
        ("replica restart", &english),
        ("restarting", &english),
        ("an OUTAGE", &english),
        ("configuracion", &spanish),
        ("configuraciones", &spanish),
        ("índice", &spanish),
        ("indice actualizado", &spanish),
        ("cancion", &spanish),
        ("canción", &spanish),
        ("hablar", &spanish),
        ("schlussel", &other),
        ("Schlüssel", &other),
    ] {
        assert_eq!(library.finds(query).await.first(), Some(id), "{query}");
    }
    assert!(library.finds("the").await.is_empty(), "says nothing in English, and is not there in German");
    assert!(library.finds("aardvark").await.is_empty());
}

#[actix::test]
async fn phrases_beginnings_and_exclusions_are_obeyed_and_typing_errors_forgiven() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let queue = library.text("A dead letter goes into a queue of its own.", "en").await;
    let mail = library.text("The letter was dead on arrival; supervision handled it.", "en").await;
    assert_eq!(library.finds("\"dead letter\"").await, [queue.as_str()]);
    assert_eq!(library.finds("dead letter -queue").await, [mail.as_str()]);
    for beginning in ["supervisi*", "supervision*", "SUPERVISIÓN*"] {
        assert_eq!(library.finds(beginning).await, [mail.as_str()], "{beginning}");
    }
    assert_eq!(library.finds("superv*").await, [mail.as_str()]);
    assert_eq!(library.finds("supervsion").await, [mail.as_str()]);
    assert_eq!(library.finds("arival").await, [mail.as_str()]);
    assert_eq!(library.finds("leter queue").await.first(), Some(&queue));
    assert!(library.finds("\"letter dead\"").await.is_empty());
    let both = library.finds("letter").await;
    assert_eq!(both.len(), 2);
}

#[actix::test]
async fn what_stands_without_spaces_for_long_is_read_at_once_found_and_shown_as_it_is() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    // What Postgres takes a minute for, piece by piece: it might be an address from each place on.
    let poison = format!("The needle is here: {}", "a@1".repeat(40_000));
    let id = library.text(&poison, "en").await;
    let hits = library.search("needle").await;
    assert_eq!(hits[0]["entry_id"], Value::from(id));
    let shown: String =
        hits[0]["snippet"].as_array().unwrap().iter().map(|part| part["text"].as_str().unwrap()).collect();
    assert_eq!(shown, hits[0]["text"].as_str().unwrap());
    assert!(poison.starts_with(&shown));
    let address = "https://example.org/".to_owned() + &"path/".repeat(40) + "keyhole";
    let other = library.text(&format!("See {address} for the lighthouse."), "en").await;
    let hits = library.search("lighthouse").await;
    assert_eq!(hits[0]["entry_id"], Value::from(other));
    let shown: String =
        hits[0]["snippet"].as_array().unwrap().iter().map(|part| part["text"].as_str().unwrap()).collect();
    assert!(shown.contains(&address));
    // Nor is a word broken where there is a sign to break at.
    let table: String = (0..40).map(|n| format!("|column{n}|otherwise")).collect();
    let table = library.text(&table, "en").await;
    for n in [0, 5, 11, 39] {
        assert_eq!(library.finds(&format!("column{n}")).await, [table.as_str()]);
    }
}

#[actix::test]
async fn nothing_of_another_instance_is_found_and_nothing_of_anothers_shown() {
    let app = platform(&[]).await;
    let (ada, bob) = (app.sign_up("ada").await, app.sign_up("bob").await);
    let (one, two, his) = (Library::of(&ada).await, Library::of(&ada).await, Library::of(&bob).await);
    let here = one.text("The password of the safe is kept in the drawer.", "en").await;
    two.text("Another text about the safe.", "en").await;
    assert_eq!(one.finds("safe").await, [here.as_str()]);
    assert!(his.finds("safe").await.is_empty());
    let strangers = one.seen_by(&bob);
    for path in ["", "/entries", "/search?q=safe", &format!("/entries/{here}")] {
        assert_eq!(bob.get(&one.path(path)).await.problem(404), "instance_not_found", "{path}");
    }
    assert_eq!(strangers.add(serde_json::json!({"content": "x"})).await.problem(404), "instance_not_found");
    assert_eq!(bob.delete(&one.path(&format!("/entries/{here}"))).await.problem(404), "instance_not_found");
    assert_eq!(strangers.order(&here, "reindex").await.problem(404), "instance_not_found");
    // An entry is not reached by way of one's own instance.
    assert_eq!(bob.get(&his.path(&format!("/entries/{here}"))).await.problem(404), "entry_not_found");
}

#[actix::test]
async fn whatever_is_asked_is_answered() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    library.text("The replicas were restarted: it's 50% done & \\ over | (all) <-> !here :*", "en").await;
    library.text("L'été, ¿qué? 'así' -- o no: 100%", "es").await;
    for query in [
        "⑴⑵*",
        "ﷺﷺ*",
        "' OR 1=1 --",
        "it's",
        "'",
        "a & b | !c",
        "<->",
        r"\",
        r#""\" <-> x\""#,
        "50%*",
        "!here",
        ":*",
        "x:*A",
        "-\"it's\" replicas",
        "el la los",
        "the of and",
        "¿qué?",
        "l'été*",
        "\u{feff}a",
        "/etc/x",
        "a*b*c*",
        "()()()",
        "🙂",
        "e\u{301}t*",
    ] {
        let answer = library.ask(query, "").await;
        assert!([200, 422].contains(&answer.status), "{query}: {}", answer.body);
    }
    library.ask(&"wort ".repeat(99), "&k=50").await.expect(200);
}

#[actix::test]
async fn what_is_given_another_language_is_found_as_it_was_until_it_is_read_again() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let id = library.text("The lighthouses were restarted.", "en").await;
    let sql = app.stage.databases.plain("postgres").await;
    // As if it waited for its turn.
    let change = "UPDATE knowledge_base_entries SET lang_hint = 'es', owner_epoch = owner_epoch + 1, status = 'queued',
                  due_at = clock_timestamp() + interval '1 hour'";
    sql.batch_execute(change).await.unwrap();
    assert_eq!(library.finds("lighthouse restart").await, [id.as_str()]);
}

/// Each version of the entry has its word in each of its chunks.
#[actix::test]
async fn a_search_never_sees_half_of_an_entry() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let version = |word: &str| -> String {
        let part =
            |number: usize| format!("# Part {number}\n\nThe {word} of part {number} is common to all.\n\n");
        (0..20).map(part).collect()
    };
    let id = library.text(&version("apple"), "en").await;
    let chunks = library.entry(&id).await["chunks"].as_i64().unwrap();
    assert_eq!(chunks, 20);
    let change = async {
        for round in 0..6 {
            let word = if round % 2 == 0 { "pear" } else { "apple" };
            let path = library.path(&format!("/entries/{id}"));
            library.owner.patch(&path, serde_json::json!({"content": version(word)})).await.expect(200);
            library.until(&id, "ready").await;
        }
    };
    let look = async {
        loop {
            let found = library.ask("common", "&k=50").await.expect(200);
            let hits = found["hits"].as_array().unwrap();
            let of = |word: &str| {
                hits.iter().filter(|hit: &&Value| hit["text"].as_str().unwrap().contains(word)).count()
            };
            let (apples, pears) = (of("apple"), of("pear"));
            assert!((apples, pears) == (20, 0) || (apples, pears) == (0, 20), "{apples} {pears}");
        }
    };
    tokio::select! {
        () = change => {}
        () = look => {}
    }
}
