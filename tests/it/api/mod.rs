//! The HTTP listeners from outside, over real databases.

mod accounts;
mod agents;
mod idempotency;
mod instances;
mod outages;
mod quotas;
mod requests;
mod service;
