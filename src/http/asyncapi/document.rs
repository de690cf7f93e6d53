//! The document, put together.

use std::collections::BTreeMap;

use serde_json::json;

use super::channels::{self, RABBITMQ, Traffic, USER_API};
use super::messages::{HEADERS, headers, messages};
use super::model::{AsyncApi, Components, Info, License, Reference, Server};

/// The AsyncAPI document of this release.
///
/// # Errors
/// None that can happen: every example can be written.
pub fn document() -> Result<AsyncApi, serde_json::Error> {
    let messages = messages()?;
    let Traffic { channels, operations } = channels::traffic(&messages);
    let entries = messages.iter().map(|message| (message.name.clone(), message.entry())).collect();
    let mut schemas: BTreeMap<_, _> =
        messages.into_iter().map(|message| (message.name, message.schema)).collect();
    schemas.insert(HEADERS.to_owned(), headers());
    Ok(AsyncApi {
        asyncapi: "3.0.0",
        id: "urn:botberi:events",
        info: Info {
            title: "Botberi events",
            version: env!("CARGO_PKG_VERSION"),
            description: include_str!("about.md").trim_end(),
            license: License { name: "MIT OR Apache-2.0" },
        },
        default_content_type: "application/json",
        servers: servers(),
        channels,
        operations,
        components: Components {
            schemas,
            messages: entries,
            security_schemes: json!({
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token, as `POST /api/v1/auth/login` gives it."
                },
                "ticket": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "A ticket, as `POST /api/v1/ws/tickets` gives it: good once, for half a minute."
                },
                "account": {
                    "type": "userPassword",
                    "description": "An account of RabbitMQ."
                }
            }),
        },
    })
}

fn servers() -> BTreeMap<&'static str, Server> {
    let scheme = |name: &str| Reference::to(format!("#/components/securitySchemes/{name}"));
    BTreeMap::from([
        (
            RABBITMQ,
            Server {
                host: "localhost:5672",
                protocol: "amqp",
                protocol_version: Some("0.9.1"),
                description: "RabbitMQ, where the development set-up has it; virtual host `/`.",
                security: vec![scheme("account")],
            },
        ),
        (
            USER_API,
            Server {
                host: "localhost:8010",
                protocol: "ws",
                protocol_version: None,
                description: "The user API, where the development set-up has it; `wss` behind an edge with TLS.",
                security: vec![scheme("bearer"), scheme("ticket")],
            },
        ),
    ])
}
