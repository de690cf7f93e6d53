//! What is fetched from an address, and what is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::library::{Library, platform};
use crate::support::client::id_of;
use crate::support::wait::eventually;

/// A web server that answers each path in its own way, and counts.
async fn site() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    actix::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let count = count.clone();
            actix::spawn(async move {
                let mut head = vec![0; 4096];
                let read = connection.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let path = head.split_whitespace().nth(1).unwrap_or("/").to_owned();
                let nth = count.fetch_add(1, Ordering::SeqCst);
                let page = "<html><title>Opening hours</title><h1>Hours</h1><p>We open at nine.</p></html>";
                if path.starts_with("/silent") {
                    std::future::pending::<()>().await;
                }
                let answer = match path.as_str() {
                    "/hours" => ok("text/html; charset=utf-8", page),
                    "/moved" => {
                        "HTTP/1.1 302 Found\r\nlocation: /hours\r\ncontent-length: 0\r\n\r\n".to_owned()
                    }
                    "/inside" => {
                        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
                            .to_owned()
                    }
                    "/round" => {
                        "HTTP/1.1 302 Found\r\nlocation: /round\r\ncontent-length: 0\r\n\r\n".to_owned()
                    }
                    "/late" if nth < 2 => {
                        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned()
                    }
                    "/late" => ok("text/plain", "It was worth the wait."),
                    "/never" => "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_owned(),
                    _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
                };
                let _gone = connection.write_all(answer.as_bytes()).await;
            });
        }
    });
    (address, asked)
}

fn ok(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[actix::test]
async fn an_address_is_fetched_followed_retried_and_given_up() {
    let (site, asked) = site().await;
    let app = platform(&[("outbound.allow", vec![site.to_string()].into())]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let add = async |path: &str| {
        asked.store(0, Ordering::SeqCst);
        let wish = json!({"source_url": format!("http://{site}{path}"), "lang_hint": "en"});
        let entry = library.add(wish).await.expect(201);
        assert_eq!((&entry["source"], &entry["bytes"]), (&json!("url"), &json!(0)));
        id_of(&entry)
    };

    let page = library.until(&add("/moved").await, "ready").await;
    assert_eq!((&page["title"], &page["format"]), (&json!("Opening hours"), &json!("html")));
    assert!(
        page["bytes"].as_i64().unwrap() > 50
            && page["content"].as_str().unwrap().contains("We open at nine.")
    );
    assert_eq!(library.finds("opening").await, [id_of(&page)]);

    let late = library.until(&add("/late").await, "ready").await;
    assert_eq!(late["attempts"], 0);
    assert_eq!(asked.load(Ordering::SeqCst), 3);

    for (path, reason, times) in [
        ("/missing", "The address answered 404.", 1),
        ("/never", "The address answered 500.", 3),
        ("/round", "The address led on more than 5 times.", 6),
        ("/inside", "source_url must name a host of the public internet", 1),
    ] {
        let failed = library.until(&add(path).await, "failed").await;
        assert_eq!(failed["status_reason"], reason, "{path}");
        assert_eq!(asked.load(Ordering::SeqCst), times, "{path}");
    }
}

#[actix::test]
async fn an_address_that_is_closed_is_refused_at_once() {
    let app = platform(&[]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    for address in
        ["http://127.0.0.1/", "http://localhost:5440/", "http://169.254.169.254/latest", "http://[::1]/"]
    {
        let refused = library.add(json!({"source_url": address})).await;
        assert_eq!(refused.problem(422), "url_not_allowed", "{address}");
        assert_eq!(refused.body["errors"][0]["field"], "source_url");
    }
    // Where nothing is fetched, an address is only named.
    library
        .add(json!({"content": "From inside.", "source_url": "http://wiki.internal/page"}))
        .await
        .expect(201);
}

#[actix::test]
async fn addresses_that_do_not_answer_hold_up_addresses_only() {
    let (site, _asked) = site().await;
    let own = [("outbound.allow", vec![site.to_string()].into()), ("kb_ingestor.readers", 2.into())];
    let app = platform(&own).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    for number in 0..3 {
        library.add(json!({"source_url": format!("http://{site}/silent/{number}")})).await.expect(201);
    }
    eventually("one is being fetched", async || {
        (library.state().await["entries"]["processing"] == 1).then_some(())
    })
    .await;
    library.text("Somebody else's turn.", "en").await;
    assert_eq!(library.state().await["entries"]["queued"], 2);
}

#[actix::test]
async fn what_leads_to_the_same_is_not_read_again_unless_it_is_wished() {
    let (site, asked) = site().await;
    let app = platform(&[("outbound.allow", vec![site.to_string()].into())]).await;
    let library = Library::of(&app.sign_up("ada").await).await;
    let wish = json!({"source_url": format!("http://{site}/hours"), "lang_hint": "en"});
    let entry = library.add(wish.clone()).await.expect(201);
    let ready = library.until(&id_of(&entry), "ready").await;
    assert_eq!(library.add(wish).await.problem(409), "entry_exists");
    let sql = app.stage.databases.plain("postgres").await;
    let written = async || -> String {
        let query = "SELECT min(xmin::text) FROM knowledge_base_chunks";
        sql.query_one(query, &[]).await.unwrap().get(0)
    };
    let before = written().await;
    sql.batch_execute("UPDATE knowledge_base_entries SET status = 'queued', due_at = clock_timestamp()")
        .await
        .unwrap();
    library.until(&id_of(&entry), "ready").await;
    assert_eq!(asked.load(Ordering::SeqCst), 2, "it is fetched again");
    assert_eq!(written().await, before, "and comes to the same");

    library.order(&id_of(&entry), "reindex").await.expect(202);
    let again = library.until(&id_of(&entry), "ready").await;
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert_eq!(again["chunks"], ready["chunks"]);
    assert_ne!(written().await, before, "who wishes it has it read anew");
}
