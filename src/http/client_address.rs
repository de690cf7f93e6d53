//! Where a request comes from, also behind proxies.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Once;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use crate::models::network::Network;

/// Where proxies write whom they speak for, each behind what the one before it has written.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Said once: whoever sends such a header could fill the log.
static DISBELIEF: Once = Once::new();

/// Where the request comes from, as it was found when it was counted; `None` if that is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClientAddress(pub(super) Option<IpAddr>);

impl FromRequest for ClientAddress {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let known = request.extensions().get::<Self>().copied();
        ready(Ok(known.unwrap_or_default()))
    }
}

/// The networks of proxies that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Networks(Vec<Network>);

impl Networks {
    /// Reads addresses such as `10.1.2.3`, and networks such as `10.0.0.0/8`; `None` if one of them is neither.
    #[must_use]
    pub(super) fn read(networks: &[String]) -> Option<Self> {
        networks.iter().map(|text| Network::read(text)).collect::<Option<_>>().map(Self)
    }

    fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address.to_canonical()))
    }

    /// Whether the peer says whom it speaks for, and is not believed.
    fn disbelieve(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        headers.contains_key(FORWARDED_FOR) && !self.hold(peer)
    }

    /// Tells the operator, once in the life of the process, if the peer may be a proxy that they forgot to name: all who
    /// come through it are then counted as one address.
    pub(super) fn warn_of_strangers(&self, peer: IpAddr, headers: &HeaderMap) {
        if self.disbelieve(peer, headers) {
            DISBELIEF.call_once(|| {
                tracing::warn!(
                    %peer,
                    "X-Forwarded-For is not believed: its sender is not in http.trusted_proxies; if that is your proxy, \
                     all who come through it are limited as one address"
                );
            });
        }
    }

    /// Whom the connection's peer speaks for: the last one of the chain that is no proxy of ours. What stands before it
    /// was written by a stranger.
    #[must_use]
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if !self.hold(peer) {
            return client;
        }
        let chain: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
            .collect();
        for hop in chain.into_iter().rev() {
            let Some(address) = read_hop(hop.trim()) else { return client };
            client = address;
            if !self.hold(address) {
                return client;
            }
        }
        client
    }
}

/// Some proxies write the port, too.
fn read_hop(hop: &str) -> Option<IpAddr> {
    let plain = hop.trim_matches(['[', ']']).parse();
    plain.ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|network| (*network).to_owned()).collect();
        let mut request = TestRequest::get();
        for value in forwarded {
            request = request.append_header((FORWARDED_FOR, *value));
        }
        let request = request.to_http_request();
        Networks::read(&trusted).unwrap().client(peer.parse().unwrap(), request.headers()).to_string()
    }

    #[test]
    fn only_our_proxies_are_believed_and_only_as_far_as_they_have_seen() {
        assert_eq!(client(&[], "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
        let ours = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(client(&ours, "192.0.2.9", &["1.2.3.4"]), "192.0.2.9");
        assert_eq!(client(&ours, "10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(client(&ours, "::ffff:10.0.0.1", &["1.2.3.4:5678"]), "1.2.3.4");
        assert_eq!(client(&ours, "10.0.0.1", &["8.8.8.8, 1.2.3.4, 10.9.9.9"]), "1.2.3.4");
        assert_eq!(client(&ours, "10.0.0.1", &["8.8.8.8", "1.2.3.4, fd00::7"]), "1.2.3.4");
        assert_eq!(client(&ours, "10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client(&ours, "10.0.0.1", &["1.2.3.4, nonsense"]), "10.0.0.1");
        assert_eq!(client(&ours, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn only_a_stranger_who_speaks_for_others_is_worth_a_warning() {
        let ours = Networks::read(&["10.0.0.0/8".to_owned()]).unwrap();
        let says = TestRequest::get().append_header((FORWARDED_FOR, "1.2.3.4")).to_http_request();
        let is_silent = TestRequest::get().to_http_request();
        let (proxy, stranger) = ("10.0.0.1".parse().unwrap(), "192.0.2.9".parse().unwrap());
        assert!(ours.disbelieve(stranger, says.headers()) && !ours.disbelieve(proxy, says.headers()));
        assert!(!ours.disbelieve(stranger, is_silent.headers()));
    }

    #[test]
    fn a_chain_of_proxies_of_ours_begins_where_its_first_one_says() {
        assert_eq!(client(&["0.0.0.0/0"], "9.9.9.9", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(Networks::read(&["localhost".to_owned()]), None);
    }

    proptest! {
        #[test]
        fn whatever_is_forwarded_the_client_is_the_peer_or_somebody_that_a_proxy_of_ours_has_seen(
            peer in any::<u32>(),
            values in prop::collection::vec(
                prop_oneof![
                    "(([0-9]{1,3}\\.){3}[0-9]{1,3}(:[0-9]{1,5})?[, ]{0,2}){0,5}".prop_map(String::into_bytes),
                    "[0-9a-f:.,\\[\\] ]{0,60}".prop_map(String::into_bytes),
                    prop::collection::vec(any::<u8>(), 0..60),
                ],
                0..4,
            ),
        ) {
            let mut headers = HeaderMap::new();
            for value in &values {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    headers.append(HeaderName::from_static(FORWARDED_FOR), value);
                }
            }
            let ours = Networks::read(&["10.0.0.0/8".to_owned(), "128.0.0.0/1".to_owned()]).unwrap();
            let peer = IpAddr::from(peer.to_be_bytes());
            let client = ours.client(peer, &headers);
            if !ours.hold(peer) {
                prop_assert_eq!(client, peer);
            }
            if client != peer {
                let said = values.iter().any(|value| {
                    String::from_utf8_lossy(value).split(',').any(|hop| read_hop(hop.trim()) == Some(client))
                });
                prop_assert!(said, "{} was named by nobody", client);
            }
        }
    }
}
