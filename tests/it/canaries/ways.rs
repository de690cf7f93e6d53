//! Every way by which a secret can come to a place where it does not belong.

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, REFERER};
use serde_json::{Map, Value, json};

use super::CANARY;
use super::operations::Operation;
use crate::support::client::Caller;

/// How a request carries the canary.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    BasicCredential,
    BearerCredential,
    ApiKeyCredential,
    Query,
    KnownParameters,
    Path,
    Headers,
    Conditions,
    MalformedJson,
    OtherMediaType,
    JsonText,
    KnownFields,
    FieldsOfOtherTypes,
    UnknownField,
}

impl Way {
    pub(super) const ALL: [Self; 14] = [
        Self::BasicCredential,
        Self::BearerCredential,
        Self::ApiKeyCredential,
        Self::Query,
        Self::KnownParameters,
        Self::Path,
        Self::Headers,
        Self::Conditions,
        Self::MalformedJson,
        Self::OtherMediaType,
        Self::JsonText,
        Self::KnownFields,
        Self::FieldsOfOtherTypes,
        Self::UnknownField,
    ];

    /// Whether the operation has a place for it.
    pub(super) fn suits(self, operation: &Operation) -> bool {
        match self {
            Self::Path => operation.path.contains('{'),
            Self::KnownParameters => !operation.parameters.is_empty(),
            Self::MalformedJson
            | Self::OtherMediaType
            | Self::JsonText
            | Self::KnownFields
            | Self::FieldsOfOtherTypes
            | Self::UnknownField => operation.takes_a_body(),
            _ => true,
        }
    }

    /// The request, with the canary in it. `id` stands in its path where no canary does.
    pub(super) fn request(self, caller: &Caller, operation: &Operation, id: &str) -> RequestBuilder {
        // What is found tells which way it came.
        let canary = format!("{CANARY}-{self:?}");
        let id = if matches!(self, Self::Path) { canary.as_str() } else { id };
        let path = operation.path.replace("{id}", id);
        let path = match self {
            Self::Query => {
                format!("{path}?{canary}={CANARY}-value&password={CANARY}-value&access_token={CANARY}-value")
            }
            Self::KnownParameters => {
                let pairs: Vec<String> =
                    operation.parameters.iter().map(|name| format!("{name}={canary}%00%FF")).collect();
                format!("{path}?{}", pairs.join("&"))
            }
            _ => path,
        };
        let asked = |caller: &Caller| {
            let request = caller.request(operation.method.clone(), &path);
            if path.starts_with("/api/v1/ws") { upgrading(request) } else { request }
        };
        let request = asked(caller);
        let json = |body: String| (CONTENT_TYPE, "application/json", body);
        let credential = |value: String| {
            // In the place of the caller's own.
            asked(&Caller::stranger(caller.url())).header(AUTHORIZATION, value)
        };
        let (name, kind, body) = match self {
            Self::BasicCredential => return credential(format!("Basic {canary}")),
            Self::BearerCredential => return credential(format!("Bearer {canary}")),
            Self::ApiKeyCredential => return credential(format!("Bearer sk-{canary}")),
            Self::Headers => {
                return request
                    .header(COOKIE, format!("session={canary}"))
                    .header(REFERER, format!("https://example.com/?token={canary}"))
                    .header("x-api-key", &canary)
                    .header("x-forwarded-for", &canary)
                    .header("traceparent", &canary)
                    .header("origin", format!("https://{canary}.example.com"))
                    .header("user-agent", &canary);
            }
            Self::Conditions => {
                return request
                    .header("if-match", format!("\"{canary}\" {canary}"))
                    .header("if-none-match", format!("\"{canary}\""))
                    .header("idempotency-key", format!("{canary}\t"))
                    .header("last-event-id", &canary);
            }
            Self::Query | Self::KnownParameters | Self::Path => return request,
            Self::MalformedJson => json(format!(r#"{{"password": "{canary}", "token": {canary}"#)),
            Self::OtherMediaType => {
                (CONTENT_TYPE, "application/x-www-form-urlencoded", format!("password={canary}"))
            }
            Self::JsonText => json(json!(canary).to_string()),
            // A field that nobody knows sees to it that nothing is done.
            Self::KnownFields => json(body(operation, &json!(canary), Some("nobody_knows"))),
            Self::FieldsOfOtherTypes => json(body(operation, &json!([{"x": canary}]), None)),
            Self::UnknownField => json(body(operation, &json!(1), Some(&canary))),
        };
        request.header(name, kind).body(body)
    }

    /// An answer without what may come back to the caller: the name, and no value, of a field that is not known.
    pub(super) fn without_its_name(self, answer: &str) -> String {
        match self {
            Self::UnknownField | Self::Query => answer.replace(&format!("{CANARY}-{self:?}"), ""),
            _ => answer.to_owned(),
        }
    }
}

fn body(operation: &Operation, value: &Value, unknown: Option<&str>) -> String {
    let mut body: Map<String, Value> =
        operation.fields.iter().map(|name| (name.clone(), value.clone())).collect();
    body.extend(unknown.map(|name| (name.to_owned(), json!(CANARY))));
    Value::Object(body).to_string()
}

/// As the handshake of a socket.
pub(super) fn upgrading(request: RequestBuilder) -> RequestBuilder {
    request
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}
