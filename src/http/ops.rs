//! What every listener answers for those who run the service: health, readiness, measurements, and the routes that
//! are not there.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route, guard};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use super::problem::Problem;
use crate::actors::system::{Node, NodeReport};
use crate::models::ErrorCode;

/// What `/readyz` says from the moment that the process was told to stop.
const DRAINING: &str = "draining: this replica is about to end; send requests to another";

/// Mounts them.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/healthz", "GET, HEAD").route(get().to(health)))
        .service(resource("/readyz", "GET, HEAD").route(get().to(ready)))
        .service(resource("/metrics", "GET, HEAD").route(get().to(measurements)))
        .default_service(web::to(nothing_here));
}

/// A resource that answers a method which it does not know with 405, and says which ones it knows.
pub(super) fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<HttpResponse, Problem>(Problem::method_not_allowed(allow))
    }))
}

/// A route for reading: whoever may GET may ask for the HEAD alone, of which the server leaves the body away.
pub(super) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Is the process alive?
///
/// It is if it can answer this; nothing else is looked at. Restart a process that does not.
#[utoipa::path(
    get, path = "/healthz", tag = "Operations", operation_id = "getHealth", security(()),
    responses((status = 200, description = "It is.", body = Object, example = json!({"status": "ok"})))
)]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Can the service do its work?
///
/// It can if every part of it is well and everything that it depends on is within reach. `report` lists the parts,
/// also in the problem that is answered when it cannot. Send no requests to a process that is not ready. One that was told to
/// stop says so here first, and accepts connections for `service.drain_ms` longer.
#[utoipa::path(
    get, path = "/readyz", tag = "Operations", operation_id = "getReadiness", security(()),
    responses((status = 200, description = "It can.", body = Object, example = json!({"status": "ready", "report": []}))),
    extensions(("x-problems" = json!(["dependency_unavailable"])))
)]
pub(super) async fn ready(tree: Data<Node>) -> Result<HttpResponse, Problem> {
    let report = tree.report();
    if tree.is_draining() {
        let problem = Problem::new(ErrorCode::DependencyUnavailable).detail(DRAINING);
        return Err(problem.extension("report", json!(report)));
    }
    let unwell: Vec<&NodeReport> = report.iter().filter(|part| !part.is_well()).collect();
    if unwell.is_empty() {
        return Ok(HttpResponse::Ok().json(json!({"status": "ready", "report": report})));
    }
    let names: Vec<String> = unwell.iter().map(|part| in_words(part)).collect();
    let problem = Problem::new(ErrorCode::DependencyUnavailable).detail(names.join("; "));
    Err(problem.extension("report", json!(report)))
}

fn in_words(part: &NodeReport) -> String {
    match &part.impaired {
        Some(reason) => format!("{}: {reason}", part.path),
        None => format!("{} is {}", part.path, json!(part.phase).as_str().unwrap_or_default()),
    }
}

/// Measurements for Prometheus
///
/// Counters, gauges and histograms of this process in the text format 0.0.4.
#[utoipa::path(
    get, path = "/metrics", tag = "Operations", operation_id = "getMetrics", security(()),
    responses((
        status = 200, description = "The measurements.", body = String, content_type = "text/plain",
        example = json!("# TYPE botberi_http_requests_total counter\n")
    )),
    extensions(("x-problems" = json!(["not_found"])))
)]
pub(super) async fn measurements(handle: Option<Data<PrometheusHandle>>) -> Result<HttpResponse, Problem> {
    let Some(handle) = handle else {
        return Err(Problem::new(ErrorCode::NotFound).detail("measurements are switched off"));
    };
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render()))
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::new(ErrorCode::NotFound))
}
