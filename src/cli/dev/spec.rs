//! What to start, where, and how careful to be with the data.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ports::Ports;

/// Which servers to run: the argument of [`Servers::start`](super::Servers::start).
#[derive(Debug, Clone)]
pub struct ServersSpec {
    /// Where everything is kept; made when it does not exist.
    pub data_dir: PathBuf,
    /// Where each server listens, on 127.0.0.1.
    pub ports: Ports,
    /// How many nodes of RabbitMQ make up a cluster: 1 to 3. A data folder is made for a number of them.
    pub rabbitmq_nodes: u8,
    /// What a loss of power may cost.
    pub durability: Durability,
    /// Lets another thread give the start up.
    pub cancel: Cancel,
}

impl ServersSpec {
    /// The development set-up: the contract's ports, nothing lost.
    pub fn contract(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            ports: Ports::contract(),
            rabbitmq_nodes: 1,
            durability: Durability::Safe,
            cancel: Cancel::default(),
        }
    }
}

/// What a loss of power may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was confirmed: Postgres syncs each commit, RabbitMQ is stopped cleanly.
    Safe,
    /// Everything: for tests. What was confirmed still survives the death of any process.
    Throwaway,
}

/// A flag that gives up a start from another thread, such as a signal handler.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks whoever holds a clone to stop as soon as it can. Cannot be taken back.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
