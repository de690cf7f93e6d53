//! Who acts in a request, as the audit log names them: one place, whatever credentials there are.

use actix_web::{HttpMessage, HttpRequest};

use super::client_address::ClientAddress;
use crate::models::{Actor, Principal};

/// The holder of the credential, if it was looked at and is a good one; else nobody, from wherever the request comes.
pub(super) fn actor(request: &HttpRequest) -> Actor {
    let extensions = request.extensions();
    let address = extensions.get::<ClientAddress>().and_then(|client| client.0);
    let holder = extensions.get::<Principal>();
    holder.map_or_else(|| Actor::nobody(address), |holder| Actor::of(holder, address))
}
