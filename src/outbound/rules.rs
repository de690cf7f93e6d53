//! Who may be reached: by what the operator has opened, and by where addresses lead.

use std::net::SocketAddr;

use url::Host;

use super::address::{Reach, reach};
use super::allow::{AllowList, plain};
use super::error::Refusal;
use super::settings::OutboundSettings;

/// Names that are always those of this machine or its network, by RFC 6761 and by custom.
const INSIDE_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

/// A name has at most as many bytes, without the dot at its end.
const NAME_BYTES_MAX: usize = 253;

/// What is open to users.
#[derive(Debug)]
pub(super) struct Rules {
    allow: AllowList,
    ports: Vec<u16>,
    pub(super) url_bytes_max: usize,
}

impl Rules {
    /// Settings that were not checked open nothing.
    pub(super) fn of(settings: &OutboundSettings) -> Self {
        Self {
            allow: AllowList::read(&settings.allow).unwrap_or_default(),
            ports: settings.read_ports().unwrap_or_default(),
            url_bytes_max: settings.url_bytes_max,
        }
    }

    /// What can be said of a host and its port before anybody is asked for its addresses.
    pub(super) fn judge_host(&self, host: &Host<String>, port: u16) -> Result<(), Refusal> {
        if !self.ports.contains(&port) && !self.allow.opens_port(host, port) {
            return Err(Refusal::Port);
        }
        match host {
            Host::Domain(name) => self.judge_name(plain(name), port),
            Host::Ipv4(address) => self.judge_address(host, SocketAddr::new((*address).into(), port)),
            Host::Ipv6(address) => self.judge_address(host, SocketAddr::new((*address).into(), port)),
        }
    }

    fn judge_name(&self, name: &str, port: u16) -> Result<(), Refusal> {
        let is_inside = INSIDE_NAMES.iter().any(|suffix| {
            name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        let is_good = !name.is_empty() && name.len() <= NAME_BYTES_MAX;
        if is_good && (!is_inside || self.allow.names(name, port)) { Ok(()) } else { Err(Refusal::Host) }
    }

    /// Whether a request to the host may go to this address of it.
    pub(super) fn judge_address(&self, host: &Host<String>, address: SocketAddr) -> Result<(), Refusal> {
        let address = canonical(address);
        let is_open = match reach(address.ip()) {
            Reach::Public => true,
            Reach::Inside => self.opens_inside(host, address),
            Reach::Guarded => self.allow.opens_address(address),
            Reach::Nowhere => false,
        };
        if is_open { Ok(()) } else { Err(Refusal::Host) }
    }

    /// Whether the operator has opened it, so that it may lead inside and to this machine.
    pub(super) fn opens_inside(&self, host: &Host<String>, address: SocketAddr) -> bool {
        let is_named = match host {
            Host::Domain(name) => self.allow.names(plain(name), address.port()),
            Host::Ipv4(_) | Host::Ipv6(_) => false,
        };
        is_named || self.allow.opens_address(canonical(address))
    }
}

/// The same place without the wrapping of an IPv4 address into one of IPv6.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
