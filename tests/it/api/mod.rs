//! The HTTP listeners from outside, over real databases.

mod accounts;
mod agents;
mod explain;
mod idempotency;
mod instances;
mod lists;
mod outages;
mod quotas;
mod requests;
pub(crate) mod service;
