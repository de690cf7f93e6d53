//! Definitions of agents, many at once.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;

use crate::actors::catalog_editor::definition::{
    Definition, DefinitionFault, DefinitionFormat, NotReadable, Reading, parse,
};
use crate::actors::catalog_editor::{CatalogEditor, ImportAgents, ImportOutcome, ImportedAgent};
use crate::actors::system::Handle;
use crate::http::extract::{Parameters, body_bytes, is_packed, media_type};
use crate::http::fields::{Fields, ReadFields, parsed};
use crate::http::identity::CurrentAdmin;
use crate::http::problem::{FieldError, Problem};
use crate::models::{AgentId, AgentStatus, ErrorCode};

/// The definitions of a body, JSON or YAML, all of which keep all rules.
pub(super) struct Definitions(Vec<Definition>);

impl FromRequest for Definitions {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let format = format_of(request);
        let bytes = body_bytes(request, payload);
        Box::pin(async move {
            let format = format?;
            let bytes = bytes.await?;
            let document = parse(format, &bytes).map_err(|why| malformed(format, &why))?;
            let mut reading = Reading::default();
            reading.add("", document);
            reading.finish().map(Self).map_err(invalid)
        })
    }
}

fn format_of(request: &HttpRequest) -> Result<DefinitionFormat, Problem> {
    let format = DefinitionFormat::of_media_type(&media_type(request));
    format.filter(|_| !is_packed(request)).ok_or_else(|| {
        let detail = "send the body as application/json or application/yaml, without a content encoding";
        Problem::new(ErrorCode::UnsupportedMediaType).detail(detail)
    })
}

fn malformed(format: DefinitionFormat, why: &NotReadable) -> Problem {
    let code = match format {
        DefinitionFormat::Json => ErrorCode::MalformedJson,
        DefinitionFormat::Yaml => ErrorCode::MalformedYaml,
    };
    Problem::new(code).detail(format!("the body {why}"))
}

fn invalid(faults: Vec<DefinitionFault>) -> Problem {
    let faults = faults.into_iter();
    Problem::invalid(
        faults.map(|DefinitionFault { field, message, .. }| FieldError { field, message }).collect(),
    )
}

/// How definitions are to be imported.
pub(super) struct Wish {
    publish: bool,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let publish = fields.optional("publish", |value| parsed(value, "true or false"));
        Some(Self { publish: publish?.unwrap_or_default() })
    }
}

/// What became of an import.
#[derive(Serialize)]
struct ReportView {
    created: usize,
    updated: usize,
    unchanged: usize,
    /// One for each definition, in their order.
    items: Vec<ItemView>,
}

#[derive(Serialize)]
struct ItemView {
    id: AgentId,
    activation_code: String,
    version: i32,
    status: AgentStatus,
    outcome: ImportOutcome,
}

impl From<Vec<ImportedAgent>> for ReportView {
    fn from(agents: Vec<ImportedAgent>) -> Self {
        let count = |outcome| agents.iter().filter(|agent| agent.outcome == outcome).count();
        Self {
            created: count(ImportOutcome::Created),
            updated: count(ImportOutcome::Updated),
            unchanged: count(ImportOutcome::Unchanged),
            items: agents
                .into_iter()
                .map(|ImportedAgent { id, activation_code, version, status, outcome }| ItemView {
                    id,
                    activation_code,
                    version,
                    status,
                    outcome,
                })
                .collect(),
        }
    }
}

/// `POST /agents/import`: the same again changes nothing, so it needs no idempotency key.
pub(super) async fn import(
    _admin: CurrentAdmin,
    editor: Data<Handle<CatalogEditor>>,
    Parameters(Wish { publish }): Parameters<Wish>,
    Definitions(definitions): Definitions,
) -> Result<HttpResponse, Problem> {
    let imported = editor.ask(ImportAgents { definitions, publish }).await?;

    Ok(HttpResponse::Ok().json(ReportView::from(imported)))
}
