//! Files: whatever they are called, they are what they are.

use reqwest::Method;
use serde_json::json;

use super::library::{Library, platform};
use crate::support::client::{answer, id_of};

#[actix::test]
async fn a_file_of_many_pieces_is_read_as_a_whole_and_counted() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let mut text = String::new();
    for number in 0..9_000 {
        text += &format!("Line {number} of a long report about shipments and returns.\n");
        if number % 40 == 0 {
            text += "\n";
        }
    }
    text += "\nThe very last word is xylophone.\n";
    let wish = [("lang_hint", "en"), ("title", "Report"), ("data_type", "document")];
    let entry = library.upload("reports/Informe año.txt", text.as_bytes(), &wish).await.expect(201);
    assert_eq!((&entry["source"], &entry["file_name"]), (&json!("file"), &json!("Informe año.txt")));
    assert_eq!(entry["bytes"].as_u64().unwrap(), text.len() as u64);

    let ready = library.until(&id_of(&entry), "ready").await;
    assert_eq!(ready["format"], "text");
    let hits = library.search("xylophone").await;
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0]["citation"]["file_name"], "Informe año.txt");
    assert_eq!(library.state().await["bytes"].as_u64().unwrap(), text.len() as u64);

    let twin = library.upload("other.txt", text.as_bytes(), &[]).await;
    assert_eq!(twin.problem(409), "entry_exists");
    let sql = app.stage.databases.plain("postgres").await;
    let count = "SELECT count(*) FROM knowledge_base_files";
    assert_eq!(sql.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 1, "the twin's file is forgotten");
    library.owner.delete(&library.path(&format!("/entries/{}", id_of(&entry)))).await.expect(204);
    assert_eq!(sql.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[actix::test]
async fn subtitles_are_cited_by_their_time_and_pages_by_their_headings() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let subtitles = "1\n00:00:01,000 --> 00:00:04,000\nWelcome to the course.\n\n\
                     2\n00:01:05,500 --> 00:01:09,000\nNow we fold the paper in half.\n";
    let film = library
        .upload("lesson.srt", subtitles.as_bytes(), &[("data_type", "video"), ("lang_hint", "en")])
        .await;
    let film = id_of(&film.expect(201));
    let page = "<html><head><title>Ayuda</title><script>var secreto = 1;</script></head>\
                <body><h1>Envíos</h1><p>Los pedidos llegan en dos días.</p></body></html>";
    let page = id_of(&library.upload("ayuda.txt", page.as_bytes(), &[("lang_hint", "es")]).await.expect(201));

    assert_eq!(library.until(&film, "ready").await["format"], "srt");
    let hit = &library.search("folding paper").await[0];
    assert_eq!(hit["entry_id"], film);
    let citation = &hit["citation"];
    assert!(citation["start_ms"].as_i64().unwrap() <= 65_500 && citation["end_ms"] == 69_000, "{citation}");

    let ready = library.until(&page, "ready").await;
    assert_eq!((&ready["format"], &ready["title"]), (&json!("html"), &json!("Ayuda")));
    let hit = &library.search("cuándo llegan los pedidos").await[0];
    assert_eq!(hit["citation"]["headings"], json!(["Envíos"]));
    assert!(library.finds("secreto").await.is_empty());
}

#[actix::test]
async fn what_is_not_read_is_refused_at_once_and_what_cannot_be_read_fails_with_a_reason() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    let refused = library.upload("photo.txt", image, &[]).await;
    assert_eq!(refused.problem(415), "unsupported_media_type");
    assert!(refused.body["detail"].as_str().unwrap().contains("image"), "{}", refused.body);

    let broken = library.upload("broken.pdf", b"%PDF-1.7\nthis is no document", &[]).await.expect(201);
    let failed = library.until(&id_of(&broken), "failed").await;
    assert!(failed["status_reason"].as_str().unwrap().ends_with('.'), "{failed}");
    assert_eq!(failed["chunks"], 0);
    assert_eq!(library.order(&id_of(&broken), "retry").await.expect(202)["status"], "queued");
    library.until(&id_of(&broken), "failed").await;
}

#[actix::test]
async fn a_form_without_a_file_or_with_two_or_with_what_nobody_knows_is_refused() {
    let app = platform(&[("knowledge.file_bytes_max", 300_000.into())]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let send = async |body: &str| {
        let request = library.owner.request(Method::POST, &library.path("/entries"));
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        answer(request.body(body.to_owned())).await
    };
    let file =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nsome text\r\n";
    let field = |name: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nen\r\n");
    for (body, name) in [
        (format!("{}--x--\r\n", field("lang_hint")), "file"),
        (format!("{file}{file}--x--\r\n"), "file"),
        (format!("{file}{}--x--\r\n", field("colour")), "colour"),
        (format!("{file}{}--x--\r\n", field("data_type")), "data_type"),
        (
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n\r\n--x--\r\n"
                .to_owned(),
            "file",
        ),
    ] {
        let refused = send(&body).await;
        assert_eq!(refused.problem(422), "validation_failed", "{body}");
        assert_eq!(refused.body["errors"][0]["field"], name, "{body}");
    }
    assert_eq!(send("no form at all").await.problem(400), "bad_request");
    assert_eq!(send(file).await.problem(400), "bad_request", "its end is missing");

    let large = library.upload("large.txt", &vec![b'a'; 300_001], &[]).await;
    assert_eq!(large.problem(413), "payload_too_large");
    let sql = app.stage.databases.plain("postgres").await;
    let left = sql.query_one("SELECT count(*) FROM knowledge_base_files", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0, "nothing is left behind");
}

#[actix::test]
async fn a_file_may_be_sent_again_under_its_key() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let send = async |text: &str| library.upload_with("a.txt", text.as_bytes(), &[], Some("upload-1")).await;
    let first = send("The same file.").await.expect(201);
    let again = send("The same file.").await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.expect(201)["id"], first["id"]);
    assert_eq!(send("Another file.").await.problem(422), "idempotency_key_reused");
}
