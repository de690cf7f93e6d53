//! Peers that do not read.
//!
//! The web server polls a connection's answer only while there is room to write, and waits for that room without a
//! limit: a peer that keeps its window shut would keep its connection, and what waits for it, for ever. The kernel ends
//! such a connection, if it is told how long to bear it.

use std::any::Any;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::SockRef;

/// How long a peer may leave unread, or unacknowledged, what was sent to it. Shorter would end clients that are in a
/// tunnel; longer, and clients that are gone hold on to memory. A connection on which nothing is under way is not touched.
const UNREAD_WITHIN: Duration = Duration::from_secs(60);

/// To be called with each connection that is accepted.
pub(super) fn bound_unread(connection: &dyn Any, _extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(UNREAD_WITHIN)) {
        tracing::debug!(%error, "a connection's patience could not be set");
    }
}
