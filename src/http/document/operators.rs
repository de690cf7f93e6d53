//! The operators' routes, which every listener has.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::super::ops;

/// Under which they stand.
pub(super) const TAG: &str = "Operations";

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(ops::health, ops::ready, ops::measurements, super::show, super::viewer::page),
    tags((name = TAG, description = "For those who run the service: is it alive, is it ready, how is it doing. No credential is asked for."))
)]
struct Operators;

/// Their part of a document.
pub(super) fn document() -> OpenApi {
    Operators::openapi()
}
