//! What happens around every request, whatever it is for.

mod cors;
mod head;
mod headers;
mod observe;
mod rate_limit;
mod request_id;

pub(super) use head::HeadLimits;
pub(super) use observe::{Manners, observe};
pub use request_id::RequestId;
