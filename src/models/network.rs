//! Networks of addresses, as they are written in configurations: `10.0.0.0/8`.

use std::net::IpAddr;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// The addresses whose first `bits` are those of `address`; of more bits than there are, the address alone.
    #[must_use]
    pub const fn new(address: IpAddr, bits: u32) -> Self {
        Self { address, bits }
    }

    /// Reads an address such as `10.1.2.3`, or a network such as `10.0.0.0/8`; `None` if it is neither.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(bits_max), |bits| bits.parse().ok())?;
        (bits <= bits_max).then_some(Self { address, bits })
    }

    /// Whether the address is one of these. An IPv4 address that is written as an IPv6 one is none of IPv4's.
    #[must_use]
    pub const fn holds(&self, address: IpAddr) -> bool {
        match (address, self.address) {
            (IpAddr::V4(address), IpAddr::V4(network)) => {
                let apart = address.to_bits() ^ network.to_bits();
                apart.leading_zeros() >= self.bits || apart == 0
            }
            (IpAddr::V6(address), IpAddr::V6(network)) => {
                let apart = address.to_bits() ^ network.to_bits();
                apart.leading_zeros() >= self.bits || apart == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_begins_with_its_bits() {
        for (network, holds, not) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("10.9.9.9/8", "10.0.0.1", "::ffff:10.0.0.1"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::/0", "ffff::", "0.0.0.0"),
            ("172.16.0.0/12", "172.31.255.255", "172.32.0.0"),
        ] {
            let read = Network::read(network).unwrap();
            assert!(read.holds(holds.parse().unwrap()), "{network} {holds}");
            assert!(!read.holds(not.parse().unwrap()), "{network} {not}");
        }
    }

    #[test]
    fn what_is_no_network_is_not_read() {
        for not_one in ["", "10.0.0.0/33", "10.0.0", "fd00::/129", "10.0.0.0/x", "10.0.0.0/", "localhost"] {
            assert_eq!(Network::read(not_one), None, "{not_one}");
        }
    }
}
