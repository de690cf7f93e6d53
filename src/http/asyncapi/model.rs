//! The parts of an AsyncAPI document that are used here, in the order in which they are written.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

/// A document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncApi {
    pub(super) asyncapi: &'static str,
    pub(super) id: &'static str,
    pub(super) info: Info,
    pub(super) default_content_type: &'static str,
    pub(super) servers: BTreeMap<&'static str, Server>,
    pub(super) channels: BTreeMap<String, Channel>,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) components: Components,
}

#[derive(Serialize)]
pub(super) struct Info {
    pub(super) title: &'static str,
    pub(super) version: &'static str,
    pub(super) description: &'static str,
    pub(super) license: License,
}

#[derive(Serialize)]
pub(super) struct License {
    pub(super) name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Server {
    pub(super) host: &'static str,
    pub(super) protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) protocol_version: Option<&'static str>,
    pub(super) description: &'static str,
    pub(super) security: Vec<Reference>,
}

/// A pointer to another part of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Reference {
    #[serde(rename = "$ref")]
    pub(super) location: String,
}

impl Reference {
    pub(super) fn to(location: impl Into<String>) -> Self {
        Self { location: location.into() }
    }
}

/// Says that this release does not do it yet; left out where it does.
pub(super) type Status = Option<&'static str>;

#[derive(Serialize)]
pub(super) struct Channel {
    pub(super) address: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) servers: Vec<Reference>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) parameters: BTreeMap<&'static str, Parameter>,
    pub(super) messages: BTreeMap<String, Reference>,
    pub(super) bindings: Value,
    /// With which keys a queue is bound to which exchange, and with what arguments it is kept.
    #[serde(rename = "x-queue", skip_serializing_if = "Option::is_none")]
    pub(super) queue: Option<Value>,
    #[serde(rename = "x-status", skip_serializing_if = "Option::is_none")]
    pub(super) status: Status,
}

#[derive(Serialize)]
pub(super) struct Parameter {
    pub(super) description: &'static str,
}

#[derive(Serialize)]
pub(super) struct Operation {
    pub(super) action: &'static str,
    pub(super) channel: Reference,
    pub(super) summary: String,
    pub(super) messages: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bindings: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<Reply>,
    #[serde(rename = "x-status", skip_serializing_if = "Option::is_none")]
    pub(super) status: Status,
}

#[derive(Serialize)]
pub(super) struct Reply {
    pub(super) channel: Reference,
    pub(super) messages: Vec<Reference>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Components {
    pub(super) schemas: BTreeMap<String, RefOr<Schema>>,
    pub(super) messages: BTreeMap<String, Message>,
    pub(super) security_schemes: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    pub(super) content_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) headers: Option<Reference>,
    pub(super) payload: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bindings: Option<Value>,
    pub(super) examples: Vec<Value>,
    #[serde(rename = "x-status", skip_serializing_if = "Option::is_none")]
    pub(super) status: Status,
}
