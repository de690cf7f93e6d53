//! The one way out: every request to an address that a user can name goes through [`Outbound`].
//!
//! Whoever may name an address may name one of ours: the database beside us, the cloud's metadata, a page that only trusts
//! whoever is inside. So a request goes through here in this order, and nothing else in the crate opens a connection for one:
//!
//! 1. `url` reads what was named and refuses what is no plain web address; names of numbers, in whatever spelling, are addresses.
//! 2. `resolve` asks for the host's addresses, once.
//! 3. `rules` judges every one of them by `address` and by what the operator's `allow` opens; one that is closed closes all.
//! 4. `connect` goes to exactly these, and judges whom it has reached before a byte is sent.
//! 5. `client` and `answer` hold sizes and times; nobody is followed to another place.
//!
//! Why it is like this: `docs/decisions/0017-outgoing-requests.md`.

mod address;
mod allow;
mod answer;
mod client;
mod connect;
mod error;
mod request;
mod resolve;
mod rules;
mod settings;
mod trust;
mod url;

#[cfg(test)]
mod tests;

pub use self::url::OutgoingUrl;
pub use answer::Answer;
pub use client::Outbound;
pub use error::{OutboundError, Phase, Refusal, UrlNotAllowed};
pub use request::OutgoingRequest;
pub use settings::OutboundSettings;
pub use trust::TrustError;
