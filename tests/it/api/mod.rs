//! The HTTP listeners from outside, over real databases.

mod accounts;
mod agents;
mod catalog;
mod import;
mod instances;
mod outages;
mod requests;
mod revocations;
pub(crate) mod service;
mod sessions;
mod users_me;
