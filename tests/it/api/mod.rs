//! The HTTP listeners from outside, over real databases.

mod accounts;
mod agents;
mod api_keys;
mod catalog;
mod conditional;
mod dead_letters;
mod explain;
mod idempotency;
pub(crate) mod import;
mod instances;
mod keys;
mod lists;
mod outages;
mod pages;
mod policies;
mod quotas;
mod rate_limits;
mod requests;
mod revocations;
pub(crate) mod service;
mod sessions;
mod users;
mod users_me;
