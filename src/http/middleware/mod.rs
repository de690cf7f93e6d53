//! What happens around every request, whatever it is for.

mod observe;
mod request_id;

pub(super) use observe::{Listener, observe};
pub use request_id::RequestId;
