//! Definitions of agents, many at once.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::actors::catalog_editor::definition::{
    Definition, DefinitionFault, DefinitionFormat, NotReadable, Reading, parse,
};
use crate::actors::catalog_editor::{CatalogEditor, ImportAgents, ImportOutcome, ImportedAgent};
use crate::actors::system::Handle;
use crate::http::extract::{Parameters, body_bytes, is_packed, media_type};
use crate::http::fields::{Fields, ReadFields, parsed};
use crate::http::identity::{Caller, needs};
use crate::http::problem::{FieldError, Problem};
use crate::models::{AgentId, AgentStatus, ErrorCode, Origin};

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

/// One definition, or a list of up to 1,000.
// As it is described; what reads it names every fault.
#[derive(Deserialize, ToSchema)]
#[schema(as = AgentDefinitions)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is described, and read by the same reader as files are")]
pub(super) enum DefinitionsBody {
    One(Box<DefinitionBody>),
    Many(Vec<DefinitionBody>),
}

/// An agent as a file defines it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AgentDefinition, example = json!({
    "id": "sales_leadgen_agent_001", "name": "Lead Generation Agent", "description": "Finds companies that fit a profile",
    "category": "sales", "version": "1.0.0", "url": "http://lead-scoring-agent:5002",
    "capabilities": ["lead_scoring", "prospect_research"], "system_prompt": "You research companies for a sales team.",
    "model": "claude-3-5-sonnet-20241022", "temperature": 0.7, "max_tokens": 4096
}))]
#[expect(dead_code, reason = "it is described, and read by the same reader as files are")]
pub(super) struct DefinitionBody {
    /// The agent's activation code. Without it one is made of the category and the name, in snake case.
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 200,
        pattern = r"^[0-9]*[A-Za-z_.:-][A-Za-z0-9_.:-]*$"
    )]
    id: Option<String>,
    /// The agent's title.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    name: String,
    #[schema(
        min_length = 1,
        max_length = 2_000,
        pattern = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[^\s\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f][^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
    )]
    description: String,
    #[schema(max_length = 64, pattern = r"^[a-z][a-z0-9_]*$")]
    category: String,
    /// A semantic version; the agent's own `version` is another thing, and counts what was offered.
    #[schema(
        max_length = 64,
        example = "1.0.0",
        pattern = r"^(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})(-(0|[1-9][0-9]{0,17}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]{0,17}|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
    )]
    version: String,
    /// Where the agent's own service is, by `http` or `https` and without an account. It is kept and never called.
    #[schema(nullable = false, max_length = 2_048, pattern = r"^https?://[^\s@]+$")]
    url: Option<String>,
    /// What it can do: different names in snake case.
    #[schema(min_items = 1, max_items = 64, value_type = std::collections::BTreeSet<CapabilityName>)]
    capabilities: Vec<CapabilityName>,
    #[schema(
        min_length = 1,
        max_length = 50_000,
        pattern = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[^\s\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f][^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
    )]
    system_prompt: String,
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$"
    )]
    model: String,
    #[schema(nullable = false, minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    #[schema(nullable = false, minimum = 1, maximum = 10_000_000)]
    max_tokens: Option<i32>,
    /// The agent's price. Without it an agent keeps the one it has, and a new one has 0.
    #[schema(nullable = false)]
    rate: Option<i32>,
}

/// A name in snake case.
#[derive(Deserialize, ToSchema)]
#[schema(max_length = 64, pattern = r"^[a-z][a-z0-9_]*$", example = "lead_scoring")]
#[expect(dead_code, reason = "it is described, and read by the same reader as files are")]
pub(super) struct CapabilityName(String);

/// How definitions are to be imported.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// Whether drafts are offered to users at once, new ones and those that were there.
    #[param(value_type = Option<bool>, nullable = false, default = false)]
    publish: bool,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let publish = fields.optional("publish", |value| parsed(value, "true or false"));
        Some(Self { publish: publish?.unwrap_or_default() })
    }
}

/// What became of an import.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportReport, example = json!({
    "created": 1, "updated": 0, "unchanged": 0, "items": [{
        "id": 7, "activation_code": "sales_leadgen_agent_001", "version": 1, "status": "draft", "outcome": "created"
    }]
}))]
pub(super) struct ReportView {
    created: usize,
    updated: usize,
    unchanged: usize,
    /// One for each definition, in their order.
    items: Vec<ItemView>,
}

/// What became of one definition.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedAgent)]
pub(super) struct ItemView {
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

/// Import definitions
///
/// All of them or none: every fault of every definition is named, by its place and field, as in `[3].temperature`. An agent
/// is known by its code. What is there already and the same stays untouched, so that to import again is safe; what differs
/// becomes the agent's next version. New agents are drafts unless `publish` says otherwise. Retired agents stay retired.
///
/// The body may be YAML, too (`application/yaml`), with the same fields.
#[utoipa::path(
    post, path = "/api/v1/agents/import", tag = "Agents", operation_id = "importAgents",
    security(("bearer" = ["agent:manage"])),
    params(Wish),
    request_body(content(
        (DefinitionsBody = "application/json"), (DefinitionsBody = "application/yaml"),
    )),
    responses((status = 200, description = "What became of each.", body = ReportView)),
    extensions(("x-problems" = json!(["malformed_yaml"])))
)]
pub(super) async fn import(
    _admin: Caller<needs::AgentManage>,
    origin: Origin,
    editor: Data<Handle<CatalogEditor>>,
    Parameters(Wish { publish }): Parameters<Wish>,
    Definitions(definitions): Definitions,
) -> Result<HttpResponse, Problem> {
    let imported = editor.ask(ImportAgents { definitions, publish, origin }).await?;

    Ok(HttpResponse::Ok().json(ReportView::from(imported)))
}
