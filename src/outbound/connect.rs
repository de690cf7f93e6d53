//! From the places that are open to a connection with one of them, and with nobody else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Host;

use super::error::{OutboundError, Refusal};
use super::rules::{Rules, canonical};
use super::trust;

/// How many places of one host are tried, each for an equal share of the time that is left.
const PLACES_MAX: u32 = 4;

/// What is read and written, encrypted or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection as the HTTP client takes it.
pub(super) type Line = TokioIo<Box<dyn Wire>>;

/// Connects to the first place that answers, and judges once more who that is.
pub(super) async fn reach(
    places: &[SocketAddr],
    host: &Host<String>,
    rules: &Rules,
    until: Instant,
) -> Result<TcpStream, OutboundError> {
    let mut left = PLACES_MAX.min(u32::try_from(places.len()).unwrap_or(PLACES_MAX));
    for place in places.iter().take(PLACES_MAX as usize) {
        let share =
            until.saturating_duration_since(Instant::now()).checked_div(left).unwrap_or(Duration::ZERO);
        left -= 1;
        if let Ok(Ok(stream)) = timeout_at(Instant::now() + share, TcpStream::connect(place)).await {
            let (Ok(peer), Ok(own)) = (stream.peer_addr(), stream.local_addr()) else { continue };
            judge_peer(peer, own.ip(), *place, host, rules)?;
            // What is sent is sent whole: waiting for more of it only costs time.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(OutboundError::Unreachable)
}

/// The check behind all others: whatever was found and judged before, this is where the bytes would go.
pub(super) fn judge_peer(
    peer: SocketAddr,
    own: IpAddr,
    place: SocketAddr,
    host: &Host<String>,
    rules: &Rules,
) -> Result<(), Refusal> {
    let peer = canonical(peer);
    if peer != place {
        return Err(Refusal::Host);
    }
    rules.judge_address(host, peer)?;
    // A public address of this very machine: what listens on it may be closed to the internet by a wall that we stand behind.
    if own.to_canonical() == peer.ip() && !rules.opens_inside(host, peer) {
        return Err(Refusal::Host);
    }
    Ok(())
}

/// Makes sure that the host is the one that was named, and that nobody else reads along.
pub(super) async fn encrypt(
    stream: TcpStream,
    host: &Host<String>,
    tls: &TlsConnector,
) -> Result<Box<dyn Wire>, OutboundError> {
    let name = match host {
        Host::Domain(name) => ServerName::try_from(super::allow::plain(name).to_owned()),
        Host::Ipv4(address) => Ok(ServerName::from(IpAddr::from(*address))),
        Host::Ipv6(address) => Ok(ServerName::from(IpAddr::from(*address))),
    };
    let name = name.map_err(|_no_name| OutboundError::NotAllowed(Refusal::Host))?;
    match tls.connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if trust::is_about_trust(&error) => Err(OutboundError::Untrusted),
        Err(_cut) => Err(OutboundError::Unreachable),
    }
}
