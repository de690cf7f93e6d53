//! Where addresses lead, against the same said in another way: by octets, and by what the standard library knows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use crate::outbound::address::{Reach, reach};

/// The closed networks of the task, as their owners write them.
const CLOSED: [&str; 36] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:10.0.0.0/104",
    "::ffff:127.0.0.0/104",
    "::ffff:169.254.0.0/112",
    "64:ff9b::10.0.0.0/104",
    "64:ff9b::127.0.0.1/128",
    "64:ff9b::169.254.169.254/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// Addresses of whoever is in the internet.
const OPEN: [&str; 12] = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.32.0.0",
    "192.0.1.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2606:4700:4700::1111",
    "64:ff9b::8.8.8.8",
];

/// Whether an IPv4 address is closed, by its octets.
fn is_closed_v4(address: Ipv4Addr) -> bool {
    let by_the_library = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || address.is_unspecified();
    let by_octets = matches!(
        address.octets(),
        [0 | 240..=255, ..]
            | [100, 64..=127, ..]
            | [192, 0, 0, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [168, 63, 129, 16]
    );
    by_the_library || by_octets
}

/// Whether an IPv6 address is closed, by its groups.
fn is_closed_v6(address: Ipv6Addr) -> bool {
    let [high, low] = [address.segments()[6], address.segments()[7]];
    let within = Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_closed_v4(within),
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => true,
        [0x2002, ..] => true,
        [0x3fff, second, ..] if second < 0x1000 => true,
        [first, ..] => !(0x2000..0x4000).contains(&first),
    }
}

fn is_closed(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_closed_v4(address),
        IpAddr::V6(address) => is_closed_v6(address),
    }
}

/// An address of one of the networks, with any bits after the network's own.
fn within_closed() -> impl Strategy<Value = (&'static str, IpAddr)> {
    (prop::sample::select(CLOSED.to_vec()), any::<u128>()).prop_map(|(network, noise)| {
        let (address, bits) = network.split_once('/').unwrap();
        let bits: u32 = bits.parse().unwrap();
        let address = match address.parse().unwrap() {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & !host | noise as u32 & host))
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !host | noise & host))
            }
        };
        (network, address)
    })
}

/// Addresses near what matters: any, and such whose first groups are those of some special network.
fn any_v6() -> impl Strategy<Value = Ipv6Addr> {
    let heads =
        [0, 0x64, 0x100, 0x2000, 0x2001, 0x2002, 0x2606, 0x3fff, 0x4000, 0xfc00, 0xfd00, 0xfe80, 0xff02];
    let head = prop_oneof![prop::sample::select(heads.to_vec()), any::<u16>()];
    let second =
        prop_oneof![prop::sample::select(vec![0, 1, 2, 0x1ff, 0x200, 0xdb8, 0xff9b, 0xfff]), any::<u16>()];
    let middle = prop_oneof![Just([0_u16; 4]), Just([0, 0, 0, 0xffff]), any::<[u16; 4]>()];
    (head, second, middle, any::<u32>()).prop_map(|(first, second, [c, d, e, f], last)| {
        Ipv6Addr::new(first, second, c, d, e, f, (last >> 16) as u16, last as u16)
    })
}

proptest! {
    #[test]
    fn every_address_of_a_closed_network_is_closed((network, address) in within_closed()) {
        prop_assert_ne!(reach(address), Reach::Public, "{} of {}", address, network);
        prop_assert!(is_closed(address), "{} of {}", address, network);
    }

    #[test]
    fn every_ipv4_address_is_judged_as_its_octets_say(bits in any::<u32>()) {
        let address = Ipv4Addr::from_bits(bits);
        prop_assert_eq!(reach(address.into()) == Reach::Public, !is_closed_v4(address), "{}", address);
    }

    #[test]
    fn every_ipv6_address_is_judged_as_its_groups_say(address in any_v6()) {
        prop_assert_eq!(reach(address.into()) == Reach::Public, !is_closed_v6(address), "{}", address);
    }

    #[test]
    fn a_wrapped_ipv4_address_leads_where_it_leads_itself(bits in any::<u32>()) {
        let address = Ipv4Addr::from_bits(bits);
        let translated = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits));
        prop_assert_eq!(reach(address.to_ipv6_mapped().into()), reach(address.into()));
        prop_assert_eq!(reach(translated.into()), reach(address.into()));
    }
}

#[test]
fn the_borders_of_every_network_are_where_they_should_be() {
    let first_octets_and_more =
        (0..=u16::MAX).map(|head| Ipv4Addr::from_bits(u32::from(head) << 16 | 0x0102));
    for address in first_octets_and_more {
        assert_eq!(reach(address.into()) == Reach::Public, !is_closed_v4(address), "{address}");
    }
    for address in OPEN {
        assert_eq!(reach(address.parse().unwrap()), Reach::Public, "{address}");
    }
}

#[test]
fn what_hands_out_keys_is_opened_by_no_name() {
    for address in
        ["169.254.169.254", "fe80::1", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "192.0.0.192"]
    {
        assert_eq!(reach(address.parse().unwrap()), Reach::Guarded, "{address}");
    }
    for address in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "::127.0.0.1", "fec0::1"] {
        assert_eq!(reach(address.parse().unwrap()), Reach::Nowhere, "{address}");
    }
}
