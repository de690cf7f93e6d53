//! What is counted, and under which name.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv6Addr};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::models::UserId;

/// What kind of request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteClass {
    /// Proves who somebody is: guessing has to be slow.
    Auth,
    /// Only reads.
    Read,
    /// Changes something.
    Write,
    /// Opens a socket, or gets a ticket for one.
    Socket,
}

/// Whose requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user's, however signed in.
    User(UserId),
    /// Those made with one API key.
    Key(Uuid),
    /// Those that come from one address; of IPv6, from one /64, which is what one subscriber is given.
    Address(IpAddr),
    /// Attempts to sign in with one user name, by its digest: what is no account can be tried, too.
    Account([u8; 16]),
    /// Those of them that come from one address, as [`Subject::Address`] counts it.
    AccountAt([u8; 16], IpAddr),
}

impl Subject {
    /// An address as it is counted.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self::Address(network(address))
    }

    /// A user name as it is counted, which is without regard to case.
    #[must_use]
    pub fn account(name: &str) -> Self {
        Self::Account(digest(name))
    }

    /// A user name as it is counted for one address.
    #[must_use]
    pub fn account_at(name: &str, address: IpAddr) -> Self {
        Self::AccountAt(digest(name), network(address))
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        plain @ IpAddr::V4(_) => plain,
    }
}

fn digest(name: &str) -> [u8; 16] {
    let digest = Sha256::digest(name.trim().to_lowercase());
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

/// One count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counter {
    /// Whose.
    pub subject: Subject,
    /// Of which class; `None` for all of them.
    pub class: Option<RouteClass>,
}

/// The name in Redis.
impl Display for Counter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject {
            Subject::User(user) => write!(formatter, "rate_limit:{user}")?,
            Subject::Key(key) => write!(formatter, "rate_limit:key:{key}")?,
            Subject::Address(address) => write!(formatter, "rate_limit:ip:{address}")?,
            Subject::Account(digest) => write_account(formatter, &digest)?,
            Subject::AccountAt(digest, address) => {
                write_account(formatter, &digest)?;
                write!(formatter, ":ip:{address}")?;
            }
        }
        match self.class {
            None => Ok(()),
            Some(RouteClass::Auth) => formatter.write_str(":auth"),
            Some(RouteClass::Read) => formatter.write_str(":read"),
            Some(RouteClass::Write) => formatter.write_str(":write"),
            Some(RouteClass::Socket) => formatter.write_str(":socket"),
        }
    }
}

fn write_account(formatter: &mut fmt::Formatter<'_>, digest: &[u8]) -> fmt::Result {
    formatter.write_str("rate_limit:account:")?;
    digest.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_the_names_that_operators_look_for() {
        let user = UserId::new();
        let name = |subject, class| Counter { subject, class }.to_string();
        assert_eq!(name(Subject::User(user), None), format!("rate_limit:{user}"));
        assert_eq!(name(Subject::User(user), Some(RouteClass::Write)), format!("rate_limit:{user}:write"));
        let address = Subject::address("::ffff:10.0.0.7".parse().unwrap());
        assert_eq!(name(address, Some(RouteClass::Auth)), "rate_limit:ip:10.0.0.7:auth");
        let network = Subject::address("2001:db8:1:2:3:4:5:6".parse().unwrap());
        assert_eq!(name(network, None), "rate_limit:ip:2001:db8:1:2::");
        assert_eq!(Subject::account(" Ada "), Subject::account("ada"));
        let everywhere = name(Subject::account("ada"), None);
        let here = name(Subject::account_at("Ada", "2001:db8:1:2:3:4:5:6".parse().unwrap()), None);
        assert_eq!(here, format!("{everywhere}:ip:2001:db8:1:2::"));
    }
}
