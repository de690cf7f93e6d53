//! From a host's name to its addresses, asked once for each request.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use url::Host;

use super::error::Refusal;
use super::rules::{Rules, canonical};

/// A name with more addresses is not one that anybody needs; all of them would have to be looked at.
const ADDRESSES_MAX: usize = 64;

/// Who knows where hosts are.
pub(super) trait Resolve: Send + Sync {
    /// The addresses of a name.
    fn resolve(&self, name: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>>;
}

/// The system's own resolver. It blocks, for as long as whoever owns the name likes: what waits for it is bounded, and counts
/// until it has really ended, also when nobody waits any more.
pub(super) struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl SystemResolver {
    pub(super) fn new(lookups_max: usize) -> Self {
        Self { lookups: Arc::new(Semaphore::new(lookups_max)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
            let lookup = tokio::task::spawn_blocking(move || {
                let found = (name.as_str(), 0).to_socket_addrs()?;
                let addresses = found.map(|address| address.ip()).collect();
                drop(permit);
                Ok(addresses)
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

/// The places to which a request to the host may go. One that may not closes all: a name of both kinds is nobody's who means well.
pub(super) async fn places(
    resolver: &dyn Resolve,
    rules: &Rules,
    host: &Host<String>,
    port: u16,
) -> Result<Vec<SocketAddr>, Refusal> {
    let addresses = match host {
        // A name without an answer and one that is closed look the same to whoever asks.
        Host::Domain(name) => resolver.resolve(name.clone()).await.unwrap_or_default(),
        Host::Ipv4(address) => vec![(*address).into()],
        Host::Ipv6(address) => vec![(*address).into()],
    };
    if addresses.is_empty() || addresses.len() > ADDRESSES_MAX {
        return Err(Refusal::Host);
    }
    let places: Vec<SocketAddr> =
        addresses.into_iter().map(|address| canonical(SocketAddr::new(address, port))).collect();
    for place in &places {
        rules.judge_address(host, *place)?;
    }
    Ok(places)
}
