//! Private development servers: two Postgres clusters, Redis and RabbitMQ from the installed programs.
//!
//! [`Servers::start`] brings all of them up in a data folder of their own and [`Servers::stop`] takes all of
//! them down again. `botberi dev` and the test harness share this code. Nothing here touches a system service,
//! and nothing listens beyond 127.0.0.1.
//!
//! - **One owner:** a locked file in the data folder; it cannot go stale, because the kernel drops it with us.
//! - **No orphans:** every server gets a signal from the kernel when this process dies, however it dies; what
//!   survived all the same is found and stopped by the next start.
//! - **Blocking:** plain threads and no runtime, so it may be called from anywhere that may block.

mod account;
mod command;
mod endpoints;
mod error;
mod lock;
mod orphans;
mod ports;
mod postgres;
mod process;
mod programs;
mod progress;
mod rabbitmq;
mod redis;
mod servers;
mod spec;
mod startup;

pub use command::{Requests, ServersCommand};
pub use endpoints::{DatabaseUrls, Endpoints, NodeUrls};
pub use error::DevError;
pub use ports::{NodePorts, Ports};
pub use progress::{Progress, Server, Step};
pub use servers::{Death, Servers};
pub use spec::{Cancel, Durability, ServersSpec};
