//! The store against a real Postgres.

mod agents;
mod bell;
pub(crate) mod builders;
mod events;
mod instances;
mod mirrors;
mod observed;
mod ownership;
mod plans;
mod pool;
mod privileges;
mod publisher;
mod quotas;
mod sessions;
pub(crate) mod statements;
mod stuck;
mod users;
