//! What tests stand on: real servers, and nothing that pretends to be one.

pub(crate) mod database;
pub(crate) mod proxy;
