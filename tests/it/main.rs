//! One binary for all integration tests: it links once, and its tests share the private servers that `make test` starts.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should say where and why"
)]

mod access;
mod api;
mod architecture;
mod attacks;
mod audit;
mod broker_api;
mod canaries;
mod chaos;
mod cli;
mod cluster;
mod contract;
mod degraded;
mod dev_servers;
mod edge;
mod events;
mod extraction;
mod knowledge;
mod main_job;
mod process;
mod rate_limits;
mod restarts;
mod retention;
mod sockets;
mod sse;
mod store;
mod supervision;
mod support;

mod teams;
mod user_relay;
mod worker;
mod ws;
