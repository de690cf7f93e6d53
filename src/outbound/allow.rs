//! What the operator opens of what is closed to users: an engine, a model server, a network of them.

use std::net::{IpAddr, SocketAddr};

use url::Host;

use crate::models::network::Network;

/// The entries of `outbound.allow`.
#[derive(Debug, Default)]
pub(super) struct AllowList {
    names: Vec<Name>,
    /// An address with the only port that is meant.
    places: Vec<SocketAddr>,
    networks: Vec<Network>,
}

#[derive(Debug)]
struct Name {
    host: String,
    /// Missing: any of the ports that are open to everybody.
    port: Option<u16>,
}

impl AllowList {
    /// Reads `n8n.internal`, `n8n.internal:5678`, `10.1.2.3:5678`, `[fd00::1]:5678`, `10.1.2.3` and `10.1.0.0/16`.
    ///
    /// # Errors
    /// The first entry that is none of these.
    pub(super) fn read(entries: &[String]) -> Result<Self, &String> {
        let mut list = Self::default();
        for entry in entries {
            if let Some(network) = Network::read(entry) {
                list.networks.push(network);
            } else if let Ok(place) = entry.parse() {
                list.places.push(place);
            } else {
                list.names.push(Name::read(entry).ok_or(entry)?);
            }
        }
        Ok(list)
    }

    /// Whether the host is named here, for this port.
    pub(super) fn names(&self, host: &str, port: u16) -> bool {
        self.names.iter().any(|name| name.host == host && name.port.is_none_or(|only| only == port))
    }

    /// Whether this very port of the host is named here, and so need not be one that is open to everybody.
    pub(super) fn opens_port(&self, host: &Host<String>, port: u16) -> bool {
        let is_place = |address: IpAddr| self.places.contains(&SocketAddr::new(address.to_canonical(), port));
        match host {
            Host::Domain(host) => {
                self.names.iter().any(|name| name.host == plain(host) && name.port == Some(port))
            }
            Host::Ipv4(address) => is_place((*address).into()),
            Host::Ipv6(address) => is_place((*address).into()),
        }
    }

    /// Whether the address is opened as such, whatever name led to it.
    pub(super) fn opens_address(&self, address: SocketAddr) -> bool {
        self.places.contains(&address) || self.networks.iter().any(|network| network.holds(address.ip()))
    }
}

/// A name as it is compared: a dot at its end only says that it is whole.
pub(super) fn plain(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

impl Name {
    fn read(entry: &str) -> Option<Self> {
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (entry, None),
        };
        let is_of_names = |letter: char| letter.is_alphanumeric() || ".-_".contains(letter);
        // A number would be an address, and those were read already in the one spelling that everybody knows.
        match Host::parse(host) {
            Ok(Host::Domain(name)) if host.chars().all(is_of_names) => {
                Some(Self { host: plain(&name).to_owned(), port })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[&str]) -> Option<AllowList> {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        AllowList::read(&entries).ok()
    }

    #[test]
    fn a_host_is_opened_by_its_name_and_for_its_port() {
        let list = read(&["n8n.internal:5678", "Models.Internal", "10.1.2.3:11434", "[fd00::1]:80"]).unwrap();
        assert!(list.names("n8n.internal", 5678) && !list.names("n8n.internal", 80));
        assert!(list.names("models.internal", 80) && !list.names("a.models.internal", 80));
        assert!(list.opens_port(&Host::parse("n8n.internal.").unwrap(), 5678));
        assert!(!list.opens_port(&Host::parse("models.internal").unwrap(), 8080));
        assert!(list.opens_port(&Host::parse("10.1.2.3").unwrap(), 11434));
        assert!(list.opens_port(&Host::parse("[::ffff:10.1.2.3]").unwrap(), 11434));
        assert!(list.opens_address("10.1.2.3:11434".parse().unwrap()));
        assert!(!list.opens_address("10.1.2.3:80".parse().unwrap()));
        assert!(list.opens_address("[fd00::1]:80".parse().unwrap()));
    }

    #[test]
    fn what_is_no_entry_is_not_read() {
        for not_one in
            ["", ":80", "a:0", "a:65536", "a b", "10.0.0.0/33", "0x7f000001", "127.1:80", "http://a", "*"]
        {
            let list = read(&[not_one]);
            assert!(list.is_none(), "{not_one}: {list:?}");
        }
    }
}
