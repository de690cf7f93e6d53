//! What tests stand on: real servers, and nothing that pretends to be one.

pub(crate) mod app;
pub(crate) mod broker;
pub(crate) mod cables;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod documented;
pub(crate) mod edge;
pub(crate) mod event_stream;
pub(crate) mod folder;
pub(crate) mod follower;
pub(crate) mod load;
mod log;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod queue;
pub(crate) mod replica;
pub(crate) mod schemas;
pub(crate) mod servers;
pub(crate) mod socket;
pub(crate) mod stage;
pub(crate) mod tap;
pub(crate) mod wait;
