//! Reads what is queued in knowledge bases, so that it can be found: any number of readers, each with one entry at a time.
//!
//! - **Owns:** the entries that it has claimed, each under the epoch of its claim, and the child processes that read them.
//! - **Receives:** hints from `user_backend.kb_ingest` that something is queued; without them it looks every `sweep_ms`.
//! - **Sends:** a ring of the bell after each commit; the triggers tell users how far an entry has come.
//! - **Invariant:** an entry is found as a whole or not at all, and as its user gave it last: what was read under a claim that does
//!   not hold any more changes nothing. Every entry comes to `ready` or to `failed` with a reason, whatever dies in between.
//!   No byte of a document is looked into by this process.
//! - **On failure:** an entry whose reader is gone is claimed again: by this process at once, by others when its lease is over. One
//!   that is begun `attempts_max` times fails.

mod desk;
mod fetching;
mod hints;
mod ledger;
mod reader;
mod reading;
mod settings;
mod source;

pub use hints::KbHints;
pub use settings::KbIngestorSettings;

use std::sync::Arc;

use tokio::sync::Notify;

use self::desk::Desk;
use self::reader::Reader;
use super::bell::Bell;
use super::replica::ReplicaLease;
use super::system::{Child, ChildSpec, Handle, Strategy, Supervisor};
use crate::extraction::Extractor;
use crate::models::store::SharedDb;
use crate::outbound::Outbound;

/// The name of its part of the tree.
pub const NAME: &str = "kb_ingestor";

/// Wakes readers that have nothing to do.
#[derive(Clone, Debug, Default)]
pub struct KbCall {
    call: Arc<Notify>,
}

impl KbCall {
    /// Something is queued.
    pub(super) fn call(&self) {
        self.call.notify_waiters();
    }
}

/// What readers are made of.
#[derive(Clone)]
pub struct KbIngestorParts {
    /// Where entries are.
    pub shared_db: SharedDb,
    /// Told after each commit.
    pub bell: Handle<Bell>,
    /// Under which entries are claimed.
    pub lease: ReplicaLease,
    /// Fetches what addresses lead to.
    pub outbound: Outbound,
    /// Reads documents in a process apart.
    pub extractor: Extractor,
    /// What wakes them.
    pub call: KbCall,
    /// How many entries a user may have who has no limit of their own.
    pub entries_max: i64,
    /// How many bytes, likewise.
    pub bytes_max: i64,
    /// How often, and how long.
    pub settings: KbIngestorSettings,
}

/// As many readers as are configured, numbered from 1: `spec` is that of all of them, `reader` of each.
pub fn kb_ingestor(spec: ChildSpec, reader: &ChildSpec, parts: &KbIngestorParts) -> Child {
    let desk = Desk::new(parts.clone());
    (1..=parts.settings.readers())
        .fold(Supervisor::new(Strategy::OneForOne), |readers, number| {
            let (spec, desk) =
                (ChildSpec { name: number.to_string().into(), ..reader.clone() }, desk.clone());
            readers
                .with(Child::new(spec, move |lifeline| Box::pin(Reader::new(desk.clone(), lifeline).live())))
        })
        .child(spec)
}
