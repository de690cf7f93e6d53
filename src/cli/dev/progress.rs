//! What a person is told while the servers start.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::rabbitmq::FIRST;

/// One of the development servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The Postgres cluster of `user_psql`.
    UserPostgres,
    /// The Postgres cluster of `shared_psql`.
    SharedPostgres,
    /// The cache.
    Redis,
    /// A node of the message broker: 1, and more where there is a cluster.
    RabbitMq(u8),
    /// The port mapper that RabbitMQ's nodes cannot start without.
    Epmd,
}

impl Server {
    /// The name of its folder and of its log.
    pub(super) fn slug(self) -> Cow<'static, str> {
        match self {
            Self::UserPostgres => "user-postgres".into(),
            Self::SharedPostgres => "shared-postgres".into(),
            Self::Redis => "redis".into(),
            Self::RabbitMq(FIRST) => "rabbitmq".into(),
            Self::RabbitMq(node) => format!("rabbitmq-{node}").into(),
            Self::Epmd => "epmd".into(),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::UserPostgres => "user Postgres",
            Self::SharedPostgres => "shared Postgres",
            Self::Redis => "Redis",
            Self::RabbitMq(FIRST) => "RabbitMQ",
            Self::RabbitMq(node) => return formatter.pad(&format!("RabbitMQ {node}")),
            Self::Epmd => "epmd (RabbitMQ's port mapper)",
        })
    }
}

/// Something worth a line on the terminal; `Display` is that line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The server it is about.
    pub server: Server,
    /// What happened.
    pub step: Step,
}

/// What happened to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A live process of an earlier run was found in the data folder and is being stopped.
    StoppingOrphan {
        /// Its process id.
        pid: u32,
    },
    /// The first start: its data are being created.
    Creating,
    /// It repairs its data after a crash.
    Recovering,
    /// It still starts.
    Waiting {
        /// Time since it was asked to.
        elapsed: Duration,
    },
    /// It answers.
    Ready {
        /// Where.
        port: u16,
        /// Time from the order to the first answer.
        elapsed: Duration,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server;
        match self.step {
            Step::StoppingOrphan { pid } => {
                write!(formatter, "{server:<15}  stopping pid {pid}, left over from an earlier run")
            }
            Step::Creating => write!(formatter, "{server:<15}  creating its data"),
            Step::Recovering => write!(formatter, "{server:<15}  recovering after a crash"),
            Step::Waiting { elapsed } => {
                write!(formatter, "{server:<15}  still starting after {} s", elapsed.as_secs())
            }
            Step::Ready { port, elapsed } => {
                write!(formatter, "{server:<15}  ready on port {port} after {:.1} s", elapsed.as_secs_f64())
            }
        }
    }
}
