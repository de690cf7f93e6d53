//! The OpenAPI documents: what is committed is what the program says, and what it says is what is mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use botberi::http::{admin, broker, document, user};
use botberi::models::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::service::{Answer, Caller, Service};
use crate::support::documented;

/// Not for clients, and so in no document.
const FILES_OF_THE_PAGE: &str = "/docs/{file:.*}";

/// Each listener's document, as the program makes it.
fn documents() -> [(&'static str, String); 3] {
    [("user", user::document()), ("admin", admin::document()), ("broker", broker::document())]
        .map(|(listener, made)| (listener, document::text(&made).unwrap()))
}

pub(crate) fn parsed(listener: &str) -> Value {
    let (_, text) = documents().into_iter().find(|(name, _)| *name == listener).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_committed_documents_are_those_of_the_program() {
    for (listener, made) in documents() {
        let path = root().join(format!("docs/api/openapi.{listener}.json"));
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == made, "{} is out of date: run `make api-docs`", path.display());
    }
}

#[test]
fn a_document_is_the_same_each_time_it_is_made() {
    assert_eq!(documents(), documents());
}

#[test]
fn every_route_that_is_mounted_is_in_the_document_with_its_methods_and_no_other_is() {
    for (listener, folder) in [("user", "user"), ("admin", "admin"), ("broker", "broker")] {
        let mut mounted = mounted_in("ops.rs", "");
        mounted.extend(mounted_in("document", ""));
        mounted.remove(FILES_OF_THE_PAGE);
        // What is well known stands without the prefix (RFC 8615).
        let prefixed = mounted_in(folder, "/api/v1").into_iter();
        mounted.extend(prefixed.map(|(path, methods)| match path.strip_prefix("/api/v1/.well-known") {
            Some(name) => (format!("/.well-known{name}"), methods),
            None => (path, methods),
        }));
        let document = parsed(listener);
        let described: BTreeMap<String, BTreeSet<String>> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(path, item)| {
                let methods = item.as_object().unwrap().keys();
                (path.clone(), methods.map(|method| method.to_uppercase()).collect())
            })
            .collect();
        assert_eq!(
            mounted, described,
            "{listener}: see \"Where a change goes\" in docs/architecture/overview.md"
        );
    }
}

#[test]
fn routes_are_mounted_in_the_one_way_that_the_comparison_knows() {
    for path in sources(&root().join("src/http")) {
        let text = code(&path);
        let mounts = text.matches("web::resource(").count() + text.matches(".route(\"/").count();
        let allowed = usize::from(path.ends_with("http/ops.rs"));
        assert!(mounts <= allowed, "{} mounts without `resource`", path.display());
    }
}

#[test]
fn each_operation_names_the_one_permission_that_it_asks_for_or_is_for_everybody() {
    // Whoever signs out may have lost every permission.
    let without = ["logOut"];
    for listener in ["user", "admin", "broker"] {
        let document = parsed(listener);
        let items = document["paths"].as_object().unwrap().values();
        for operation in items.flat_map(|item| item.as_object().unwrap().values()) {
            let id = operation["operationId"].as_str().unwrap();
            let wants = operation["security"].as_array().unwrap();
            let scopes = wants.iter().filter_map(|want| want.get("bearer")).collect::<Vec<_>>();
            for scopes in &scopes {
                let names: Vec<&str> =
                    scopes.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
                let known = names.iter().filter(|name| name.parse::<Permission>().is_ok()).count();
                let wanted = usize::from(!without.contains(&id));
                assert_eq!((names.len(), known), (wanted, wanted), "{listener}: {id} asks for {names:?}");
            }
            assert!(scopes.len() == 1 || *wants == [json!({})], "{listener}: {id}");
        }
    }
}

#[actix::test]
async fn each_operation_of_the_documents_is_answered() {
    let service = Service::start().await;
    for (listener, caller) in [("user", service.nobody()), ("admin", service.nobody_at_admin())] {
        let document = parsed(listener);
        assert_eq!(caller.get("/openapi.json").await.expect(200), document);
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let answer = ask(&caller, method, path).await;
                let status = answer.status.to_string();
                let told = &operation["responses"][&status];
                assert!(told.is_object(), "{listener}: {method} {path} answers {status}, which is not told");
                let asks = operation["security"] != json!([{}]);
                assert_eq!(
                    asks,
                    answer.status == 401,
                    "{listener}: {method} {path} without a credential: {status}"
                );
            }
            let allow = Answer::of(caller.request(Method::TRACE, &concrete(path))).await;
            let methods: BTreeSet<&str> =
                allow.header("allow").split(", ").filter(|method| *method != "HEAD").collect();
            let described: BTreeSet<String> =
                item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
            assert_eq!(methods, described.iter().map(String::as_str).collect(), "{listener}: {path}");
        }
    }
    service.stop().await;
}

#[actix::test]
async fn the_page_of_a_document_comes_from_the_program_alone() {
    let service = Service::start().await;
    for caller in [service.nobody(), service.nobody_at_admin()] {
        for path in ["/docs", "/docs/"] {
            let page = caller.request(Method::GET, path).send().await.unwrap();
            assert_eq!(page.status(), 200, "{path}");
            let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
            let text = page.text().await.unwrap();
            assert!(
                !text.contains("://") && !text.contains("<script>") && !text.contains(" style="),
                "{text}"
            );
            let files: Vec<&str> = text.split('"').filter(|text| text.starts_with("/docs/")).collect();
            assert_eq!(files.len(), 4);
            for file in files {
                let answer = caller.request(Method::GET, file).send().await.unwrap();
                assert_eq!(answer.status(), 200, "{file}");
                assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
                let is_packed = answer.headers().get("content-encoding").is_some_and(|value| value == "gzip");
                let bytes = answer.bytes().await.unwrap();
                assert_eq!(is_packed, bytes.starts_with(&[0x1f, 0x8b]), "{file}");
            }
        }
        caller.get("/docs/nothing.js").await.problem(404, "not_found");
        caller.get("/docs/../openapi.json").await.expect(200);
    }
    service.stop().await;
}

#[test]
fn every_code_that_an_attribute_names_is_one_of_the_table() {
    for (listener, text) in documents() {
        assert!(!text.contains("x-problems"), "{listener} names an error code that does not exist");
    }
}

#[test]
fn bodies_say_that_they_take_no_other_fields() {
    for (listener, text) in documents() {
        let document: Value = serde_json::from_str(&text).unwrap();
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                let Some(body) = operation.get("requestBody") else { continue };
                let name = body["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
                let component = |name: &str| document.pointer(name.trim_start_matches('#')).unwrap();
                // One thing, or a list of them.
                let one = component(name)["oneOf"][0]["$ref"].as_str().unwrap_or(name);
                let schema = component(one);
                assert_eq!(schema["additionalProperties"], false, "{listener}: {}", operation["operationId"]);
            }
        }
    }
}

#[test]
fn an_answer_of_which_nothing_is_told_is_found_by_the_tests_of_the_api() {
    let ada = json!({
        "id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01", "username": "ada", "email": null, "role": "viewer",
        "created_at": "2026-11-20T09:00:00Z", "updated_at": "2026-11-20T09:00:00Z"
    });
    let changed = |field: &str, value: Value| {
        let mut changed = ada.clone();
        changed[field] = value;
        changed
    };
    let is_told = |path: &str, status: u16, body: Value| {
        std::panic::catch_unwind(|| documented::check(&Method::GET, path, status, &body)).is_ok()
    };
    let me = "/api/v1/users/me";
    assert!(is_told(me, 200, ada.clone()));
    assert!(is_told(me, 401, json!({"type": "t", "title": "t", "status": 401, "code": "unauthenticated"})));
    assert!(!is_told(me, 401, json!({"type": "t", "title": "t", "status": 401, "code": "forbidden"})));
    assert!(!is_told(me, 418, json!({})));
    for (field, value) in
        [("role", json!("king")), ("email", json!(1)), ("age", json!(36)), ("id", json!(null))]
    {
        assert!(!is_told(me, 200, changed(field, value)), "{field}");
    }
    assert!(!is_told(me, 200, json!({"id": ada["id"]})));
    assert!(!is_told("/api/v1/instances", 200, json!({"items": [ada], "next_cursor": null})));
}

async fn ask(caller: &Caller, method: &str, path: &str) -> Answer {
    let method: Method = method.to_uppercase().parse().unwrap();
    let has_body = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
    let mut request = caller.request(method, &concrete(path));
    if has_body {
        request = request.json(&json!({}));
    }
    if path.ends_with("/ws") {
        request = request
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    Answer::of(request).await
}

fn concrete(path: &str) -> String {
    path.replace("{id}", "1")
}

/// The calls of `resource(path, methods)` in a file or folder of `src/http`, tests aside.
fn mounted_in(place: &str, prefix: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for path in sources(&root().join("src/http").join(place)) {
        for call in code(&path).split("resource(").skip(1).filter(|call| call.trim_start().starts_with('"')) {
            let texts: Vec<&str> = call.split('"').collect();
            let methods = texts[3].split(", ").filter(|method| *method != "HEAD").map(str::to_owned);
            found.insert(format!("{prefix}{}", texts[1]), methods.collect());
        }
    }
    found
}

fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let entries = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let sources = entries.flat_map(|entry| if entry.is_dir() { sources(&entry) } else { vec![entry] });
    sources.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
