//! What is limited, and how much of it a user has.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::instances::{FindUsage, Instances, QuotaUsage};
use crate::actors::system::Handle;
use crate::http::identity::{Caller, needs};
use crate::http::problem::Problem;

/// Everything that is counted. What else is limited one day (budgets) stands beside `quotas`.
#[derive(Serialize, ToSchema)]
#[schema(as = Usage, example = json!({"quotas": [
    {"name": "instances", "limit": 1000, "used": 3, "remaining": 997},
    {"name": "knowledge_entries", "limit": 10000, "used": 12, "remaining": 9988},
    {"name": "knowledge_bytes", "limit": 1073741824, "used": 1843200, "remaining": 1071898624}
]}))]
pub(super) struct UsageView {
    quotas: Vec<QuotaView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Quota)]
struct QuotaView {
    /// What is limited: `instances`, `knowledge_entries` or `knowledge_bytes`.
    name: &'static str,
    /// How much there may be.
    limit: i64,
    /// How much there is; more than the limit where that was lowered.
    used: i64,
    /// How much more there may be.
    remaining: i64,
}

impl From<QuotaUsage> for QuotaView {
    fn from(QuotaUsage { name, limit, used }: QuotaUsage) -> Self {
        Self { name, limit, used, remaining: limit.saturating_sub(used).max(0) }
    }
}

/// Show your usage
///
/// How much you have of everything that is limited. Deleted instances do not count; stopped ones do. Entries of knowledge bases count
/// for whoever made their instance.
#[utoipa::path(
    get, path = "/api/v1/usage", tag = "Instances", operation_id = "getUsage", security(("bearer" = ["usage:read"])),
    responses((status = 200, description = "What is limited, and what is used of it.", body = UsageView))
)]
pub(super) async fn show(
    owner: Caller<needs::UsageRead>,
    instances: Data<Handle<Instances>>,
) -> Result<HttpResponse, Problem> {
    let usage = instances.ask(FindUsage { owner: owner.id() }).await?;

    let quotas = usage.into_iter().map(QuotaView::from).collect();
    Ok(HttpResponse::Ok().json(UsageView { quotas }))
}
