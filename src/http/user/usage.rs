//! What is limited, and how much of it a user has.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;

use crate::actors::instances::{FindUsage, Instances, QuotaUsage};
use crate::actors::system::Handle;
use crate::http::identity::CurrentUser;
use crate::http::problem::Problem;

/// Everything that is counted. What else is limited one day (budgets) stands beside `quotas`.
#[derive(Serialize)]
struct UsageView {
    quotas: Vec<QuotaView>,
}

#[derive(Serialize)]
struct QuotaView {
    name: &'static str,
    limit: i64,
    used: i64,
    remaining: i64,
}

impl From<QuotaUsage> for QuotaView {
    fn from(QuotaUsage { name, limit, used }: QuotaUsage) -> Self {
        Self { name, limit, used, remaining: limit.saturating_sub(used).max(0) }
    }
}

/// `GET /usage`
pub(super) async fn show(
    owner: CurrentUser,
    instances: Data<Handle<Instances>>,
) -> Result<HttpResponse, Problem> {
    let usage = instances.ask(FindUsage { owner: owner.id() }).await?;

    let quotas = usage.into_iter().map(QuotaView::from).collect();
    Ok(HttpResponse::Ok().json(UsageView { quotas }))
}
