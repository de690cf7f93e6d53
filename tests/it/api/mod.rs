//! The HTTP listeners from outside, over real databases.

mod accounts;
mod agents;
mod instances;
mod outages;
mod requests;
pub(crate) mod service;
