//! The HTTP listeners from outside, over real databases.

mod accounts;
mod agents;
mod catalog;
mod conditional;
mod instances;
mod outages;
mod pages;
mod rate_limits;
mod requests;
pub(crate) mod service;
