//! Where an address leads, by the registries of special addresses and what clouds have put beside them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::models::network::Network;

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Into the internet, where everybody could go without us.
    Public,
    /// Into this machine or the network around it. An operator may open it, by a host's name or as a network.
    Inside,
    /// To the link or to a cloud's metadata, which hand out keys. A name does not open it: names are changed by others.
    Guarded,
    /// To no single machine. Nothing opens it.
    Nowhere,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u32) -> Network {
    Network::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits)
}

const fn v6(head: [u16; 3], tail: u16, bits: u32) -> Network {
    Network::new(IpAddr::V6(Ipv6Addr::new(head[0], head[1], head[2], 0, 0, 0, 0, tail)), bits)
}

/// What is not public among IPv4 addresses. The first that holds an address says where it leads.
const CLOSED_V4: [(Network, Reach); 18] = [
    // The metadata of clouds: Azure's is a public address, the others stand in networks below.
    (v4(168, 63, 129, 16, 32), Reach::Guarded),
    (v4(100, 100, 100, 200, 32), Reach::Guarded),
    (v4(192, 0, 0, 192, 32), Reach::Guarded),
    (v4(169, 254, 0, 0, 16), Reach::Guarded),
    // "This" network: Linux takes 0.0.0.0 for itself.
    (v4(0, 0, 0, 0, 8), Reach::Nowhere),
    (v4(10, 0, 0, 0, 8), Reach::Inside),
    // Carriers' own, and what many clouds give to machines.
    (v4(100, 64, 0, 0, 10), Reach::Inside),
    (v4(127, 0, 0, 0, 8), Reach::Inside),
    (v4(172, 16, 0, 0, 12), Reach::Inside),
    (v4(192, 0, 0, 0, 24), Reach::Inside),
    // Documentation; some networks use them all the same.
    (v4(192, 0, 2, 0, 24), Reach::Inside),
    (v4(198, 51, 100, 0, 24), Reach::Inside),
    (v4(203, 0, 113, 0, 24), Reach::Inside),
    // Relays into IPv6 of old.
    (v4(192, 88, 99, 0, 24), Reach::Inside),
    (v4(192, 168, 0, 0, 16), Reach::Inside),
    // Benchmarks.
    (v4(198, 18, 0, 0, 15), Reach::Inside),
    // Multicast, then what was reserved for ever, broadcast among it.
    (v4(224, 0, 0, 0, 4), Reach::Nowhere),
    (v4(240, 0, 0, 0, 4), Reach::Nowhere),
];

/// What is not public among IPv6 addresses that look as if they were, and where the others lead that an operator may open.
const CLOSED_V6: [(Network, Reach); 10] = [
    // The metadata of AWS and of Google, in networks below.
    (v6([0xfd00, 0x0ec2, 0], 0x254, 128), Reach::Guarded),
    (v6([0xfd20, 0x00ce, 0], 0x254, 128), Reach::Guarded),
    (v6([0xfe80, 0, 0], 0, 10), Reach::Guarded),
    (v6([0xff00, 0, 0], 0, 8), Reach::Nowhere),
    (v6([0, 0, 0], 1, 128), Reach::Inside),
    (v6([0xfc00, 0, 0], 0, 7), Reach::Inside),
    // Protocols' own: Teredo, which holds two IPv4 addresses, benchmarks, hashes that are no addresses.
    (v6([0x2001, 0, 0], 0, 23), Reach::Inside),
    // Documentation, twice.
    (v6([0x2001, 0x0db8, 0], 0, 32), Reach::Inside),
    (v6([0x3fff, 0, 0], 0, 20), Reach::Inside),
    // 6to4 holds an IPv4 address and is routed by nobody any more, except perhaps from within.
    (v6([0x2002, 0, 0], 0, 16), Reach::Inside),
];

/// Everything that was ever given out for use in the internet.
const GLOBAL_V6: Network = v6([0x2000, 0, 0], 0, 3);

/// Translators put an IPv4 address into the last four bytes, so that networks without any reach it.
const TRANSLATED: Network = v6([0x0064, 0xff9b, 0], 0, 96);

/// Where the address leads. One that only wraps an IPv4 address leads where that does.
pub(super) fn reach(address: IpAddr) -> Reach {
    let address = address.to_canonical();
    let (closed, otherwise) = match address {
        IpAddr::V4(_) => (&CLOSED_V4[..], Reach::Public),
        IpAddr::V6(wrapped) if TRANSLATED.holds(address) => {
            let [.., a, b, c, d] = wrapped.octets();
            return reach(IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
        }
        IpAddr::V6(_) if GLOBAL_V6.holds(address) => (&CLOSED_V6[..], Reach::Public),
        // Nobody was given any of the rest.
        IpAddr::V6(_) => (&CLOSED_V6[..], Reach::Nowhere),
    };
    let found = closed.iter().find(|(network, _)| network.holds(address));
    found.map_or(otherwise, |(_, reach)| *reach)
}
