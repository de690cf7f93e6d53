//! The ports of the servers, and who sits on one that is taken.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::SystemTime;

use super::error::DevError;

/// Where each server listens, on 127.0.0.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// The cluster of `user_psql`.
    pub postgres_user: u16,
    /// The cluster of `shared_psql`.
    pub postgres_shared: u16,
    /// Redis.
    pub redis: u16,
    /// RabbitMQ's AMQP listener.
    pub rabbitmq: u16,
    /// RabbitMQ's management API.
    pub rabbitmq_management: u16,
    /// Erlang distribution of the RabbitMQ node; nobody but its own tools and its peers use it.
    pub rabbitmq_distribution: u16,
    /// RabbitMQ's further nodes; used only as far as there are any.
    pub rabbitmq_peers: [NodePorts; 2],
    /// The port mapper of all nodes; not the standard 4369, so that a system's own RabbitMQ stays apart.
    pub epmd: u16,
}

/// Where one node of RabbitMQ listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodePorts {
    /// AMQP.
    pub amqp: u16,
    /// The management API.
    pub management: u16,
    /// Erlang distribution.
    pub distribution: u16,
}

/// Free ports are looked for below the range from which Linux takes those of outgoing connections, which
/// could otherwise take one between our look and the server's start.
const FREE_FIRST: u16 = 20_000;
const FREE_LAST: u16 = 31_999;

impl Ports {
    /// The ports that the public contract gives to the development set-up.
    #[must_use]
    pub const fn contract() -> Self {
        Self {
            postgres_user: 5430,
            postgres_shared: 5440,
            redis: 6600,
            rabbitmq: 5672,
            rabbitmq_management: 15_672,
            rabbitmq_distribution: 25_672,
            rabbitmq_peers: [
                NodePorts { amqp: 5673, management: 15_673, distribution: 25_673 },
                NodePorts { amqp: 5674, management: 15_674, distribution: 25_674 },
            ],
            epmd: 14_369,
        }
    }

    /// Ports on which nothing listens right now.
    ///
    /// # Errors
    /// [`DevError::NoFreePorts`] when the range from 20000 to 31999 holds too few.
    pub fn free() -> Result<Self, DevError> {
        let mut found = FreePorts::new();
        Ok(Self {
            postgres_user: found.take()?,
            postgres_shared: found.take()?,
            redis: found.take()?,
            rabbitmq: found.take()?,
            rabbitmq_management: found.take()?,
            rabbitmq_distribution: found.take()?,
            rabbitmq_peers: [found.take_node()?, found.take_node()?],
            epmd: found.take()?,
        })
    }

    /// Those of one node, 1 being the first.
    pub(super) fn rabbitmq_node(&self, node: u8) -> NodePorts {
        let first = NodePorts {
            amqp: self.rabbitmq,
            management: self.rabbitmq_management,
            distribution: self.rabbitmq_distribution,
        };
        let [second, third] = self.rabbitmq_peers;
        match node {
            0 | 1 => first,
            2 => second,
            _ => third,
        }
    }

    /// Fails on the first port that somebody else listens on.
    pub(super) fn check_free(&self, rabbitmq_nodes: u8) -> Result<(), DevError> {
        let mut wanted = vec![
            (self.postgres_user, "user Postgres"),
            (self.postgres_shared, "shared Postgres"),
            (self.redis, "Redis"),
            (self.epmd, "epmd, RabbitMQ's port mapper"),
        ];
        for node in 1..=rabbitmq_nodes {
            let NodePorts { amqp, management, distribution } = self.rabbitmq_node(node);
            wanted.extend([
                (amqp, "RabbitMQ"),
                (management, "RabbitMQ management"),
                (distribution, "RabbitMQ's Erlang distribution"),
            ]);
        }
        for (port, purpose) in wanted {
            match listen(port) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(DevError::PortInUse { port, purpose, holder: holder(port) });
                }
                Err(source) => return Err(DevError::PortRefused { port, purpose, source }),
            }
        }
        Ok(())
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// Walks the range once from a place that differs between processes, so that two starts seldom meet.
struct FreePorts {
    offset: u16,
    tried: u16,
}

impl FreePorts {
    fn new() -> Self {
        let nanos = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.subsec_nanos());
        let seed = u64::from(nanos / 1_000) + u64::from(std::process::id()) * 101;
        let offset = u16::try_from(seed % u64::from(FREE_LAST - FREE_FIRST + 1)).unwrap_or(0);
        Self { offset, tried: 0 }
    }

    fn take(&mut self) -> Result<u16, DevError> {
        let count = FREE_LAST - FREE_FIRST + 1;
        while self.tried < count {
            let port = FREE_FIRST + (self.offset + self.tried) % count;
            self.tried += 1;
            if listen(port).is_ok() {
                return Ok(port);
            }
        }
        Err(DevError::NoFreePorts { first: FREE_FIRST, last: FREE_LAST })
    }

    fn take_node(&mut self) -> Result<NodePorts, DevError> {
        Ok(NodePorts { amqp: self.take()?, management: self.take()?, distribution: self.take()? })
    }
}

/// Names the process that listens on a port. Other users' processes can only be named by root.
fn holder(port: u16) -> String {
    let Some(inode) = listening_inode(port) else { return "another process".to_owned() };
    let wanted = format!("socket:[{inode}]");
    for pid in super::orphans::process_ids() {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let holds = descriptors
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| target.as_os_str() == wanted.as_str());
        if holds {
            return format!("{} (pid {pid})", super::orphans::program_name(pid));
        }
    }
    "another user's process".to_owned()
}

/// The inode of the socket that listens on a port, from the kernel's tables.
fn listening_inode(port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    let wanted = format!(":{port:04X}");
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { continue };
            if *state == LISTEN && local.ends_with(&wanted) {
                return Some((*inode).to_owned());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_names_the_port_the_server_and_the_process() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let ports = Ports { rabbitmq: port, ..Ports::free().unwrap() };

        let message = ports.check_free(1).unwrap_err().to_string();
        assert!(message.contains(&format!("port {port} (RabbitMQ)")), "{message}");
        assert!(message.contains(&format!("(pid {})", std::process::id())), "{message}");
    }

    #[test]
    fn free_ports_are_all_different() {
        let ports = Ports::free().unwrap();
        ports.check_free(3).unwrap();
        let mut all = vec![ports.postgres_user, ports.postgres_shared, ports.redis, ports.epmd];
        for NodePorts { amqp, management, distribution } in [1, 2, 3].map(|node| ports.rabbitmq_node(node)) {
            all.extend([amqp, management, distribution]);
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 13);
    }
}
