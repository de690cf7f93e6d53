//! Where the nodes of RabbitMQ are: one address that may name several hosts.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::uri::AMQPUri;

/// More are no cluster, but a mistake.
const NODES_MAX: usize = 16;

/// The nodes of one cluster: the same account and virtual host on each. Never empty.
#[derive(Clone, Debug)]
pub struct Addresses(Vec<AMQPUri>);

impl Addresses {
    /// Reads `amqp://user:password@host:port/vhost`, with one host or several that are separated by commas.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the key. Nothing of a password is in it.
    pub fn read(url: &str) -> Result<Self, String> {
        let form = || {
            "must be an address like amqp://user:password@host:port/vhost; several hosts are separated by commas".to_owned()
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(form)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (account, hosts) = match authority.rfind('@') {
            Some(at) => authority.split_at(at + 1),
            None => ("", authority),
        };
        let hosts: Vec<&str> = hosts.split(',').collect();
        if hosts.len() > NODES_MAX {
            return Err(format!("may name {NODES_MAX} hosts at most, names {}", hosts.len()));
        }
        let mut nodes: Vec<AMQPUri> = Vec::with_capacity(hosts.len());
        for host in hosts {
            let one = format!("{scheme}://{account}{host}{path}");
            let node: AMQPUri = one.parse().map_err(|_may_hold_a_password| form())?;
            if node.authority.host.is_empty() {
                return Err(form());
            }
            if nodes.iter().any(|other| place(other) == place(&node)) {
                return Err(format!("names {} twice", place(&node)));
            }
            nodes.push(node);
        }
        Ok(Self(nodes))
    }

    /// Every node, each as its own address.
    #[must_use]
    pub fn nodes(&self) -> &[AMQPUri] {
        &self.0
    }

    /// Every node in the order in which they are to be tried, which is another one each time: the connections of a process
    /// are spread over all, and processes begin at different ones.
    pub(super) fn in_turn(&self) -> Vec<AMQPUri> {
        static TURN: LazyLock<AtomicUsize> =
            LazyLock::new(|| AtomicUsize::new(rand::random_range(0..NODES_MAX)));
        let mut nodes = self.0.clone();
        let first = TURN.fetch_add(1, Ordering::Relaxed) % nodes.len();
        nodes.rotate_left(first);
        nodes
    }
}

/// Where one node is, without its account.
pub(super) fn place(node: &AMQPUri) -> String {
    format!("{}:{}", node.authority.host, node.authority.port)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn places(url: &str) -> Vec<String> {
        Addresses::read(url).unwrap().nodes().iter().map(place).collect()
    }

    #[test]
    fn one_address_names_every_node_with_the_same_account_and_virtual_host() {
        let addresses =
            Addresses::read("amqp://me:s%2Ccret@one:5673,two,10.0.0.3:5675/a%2fb?heartbeat=9").unwrap();
        let places: Vec<String> = addresses.nodes().iter().map(place).collect();
        assert_eq!(places, ["one:5673", "two:5672", "10.0.0.3:5675"]);
        for node in addresses.nodes() {
            assert_eq!(node.authority.userinfo.username, "me");
            assert_eq!(node.authority.userinfo.password, "s,cret");
            assert_eq!(node.vhost, "a/b");
        }
    }

    #[test]
    fn one_host_is_an_address_as_ever() {
        assert_eq!(places("amqp://guest:guest@127.0.0.1:5672/%2f"), ["127.0.0.1:5672"]);
        assert_eq!(places("amqp://localhost"), ["localhost:5672"]);
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        for (url, reason) in [
            ("", "must be an address"),
            ("one,two", "must be an address"),
            ("http://me:hunter2@one/", "must be an address"),
            ("amqp://me:hunter2@one,,two/", "must be an address"),
            ("amqp://me:hunter2@one,/", "must be an address"),
            ("amqp://me:hunter2@one:port,two/", "must be an address"),
            ("amqp://me:hunter2@one,two,one:5672/", "names one:5672 twice"),
            ("amqp://me:hunter2@a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q/", "may name 16 hosts at most, names 17"),
        ] {
            let told = Addresses::read(url).unwrap_err();
            assert!(told.starts_with(reason), "{url}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn every_node_has_its_turn_to_be_first() {
        let addresses = Addresses::read("amqp://one,two,three/").unwrap();
        let firsts: BTreeSet<String> = (0..30).map(|_| place(&addresses.in_turn()[0])).collect();
        assert_eq!(firsts.len(), 3, "{firsts:?}");
        assert_eq!(addresses.in_turn().len(), 3);
    }
}
