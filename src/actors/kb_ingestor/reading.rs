//! What becomes of one entry: where its bytes come from, what is read of them, and what is kept.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::KbIngestorParts;
use super::desk::{FETCHING, Held};
use super::fetching::fetch;
use super::ledger::{self, LedTo};
use super::source;
use crate::extraction::{ExtractionError, Refusal, Wish};
use crate::models::knowledge::{ContentHash, EntrySource, Format};
use crate::models::store::StoreError;

/// What became of an entry.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It can be found.
    Ready,
    /// It would have come to what is there.
    Unchanged,
    /// It cannot be read.
    Failed,
    /// It is tried again.
    Postponed,
    /// It is not this reader's any more.
    Lost,
    /// What was read of it could not be kept.
    Unkept(StoreError),
    /// Nothing can be read here now, whatever it is.
    Unable(String),
}

impl Outcome {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Postponed => "postponed",
            Self::Lost => "lost",
            Self::Unkept(_) => "unkept",
            Self::Unable(_) => "unable",
        }
    }
}

/// Why nothing was read.
pub(super) struct Refused {
    /// In words for the user.
    pub(super) reason: String,
    /// Whether it may be read later.
    pub(super) is_temporary: bool,
}

impl Refused {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_temporary: true }
    }

    pub(super) fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_temporary: false }
    }
}

/// Where the text of an entry is read from.
struct Opened {
    name: Option<String>,
    format: Option<Format>,
    /// Of an address: what it led to.
    led_to: Option<LedTo>,
    bytes: OpenedBytes,
}

enum OpenedBytes {
    Memory(Bytes),
    File(crate::models::store::knowledge_files::FileId),
}

pub(super) async fn read(parts: &KbIngestorParts, held: &Held) -> Outcome {
    match attempt(parts, held).await {
        Ok(outcome) => outcome,
        // The entry, or its instance, is gone.
        Err(StoreError::Reference { .. }) => Outcome::Lost,
        Err(error) => {
            tracing::warn!(entry.id = %held.entry.id, %error, "what was read of an entry was not kept");
            Outcome::Unkept(error)
        }
    }
}

async fn attempt(parts: &KbIngestorParts, held: &Held) -> Result<Outcome, StoreError> {
    if is_known(held, None) {
        return ledger::keep_as_it_is(parts, held).await;
    }
    let opened = match open(parts, held).await {
        Ok(opened) => opened,
        Err(refused) => return refuse(parts, held, refused).await,
    };
    if opened.led_to.is_some_and(|led_to| is_known(held, Some(led_to.hash))) {
        return ledger::keep_as_it_is(parts, held).await;
    }
    let wish = Wish { format: opened.format, name: opened.name, data_type: held.entry.data_type };
    let extracted = match parts.extractor.extract(&wish, pieces(parts, opened.bytes)).await {
        Ok(extracted) => extracted,
        Err(ExtractionError::Source(error)) => return Err(error),
        Err(ExtractionError::NotStarted(error)) => return Ok(Outcome::Unable(error.to_string())),
        Err(ExtractionError::Refused(Refusal::NotConfined)) => {
            return Ok(Outcome::Unable("the process that reads could not be confined".to_owned()));
        }
        Err(ExtractionError::Refused(refusal)) => {
            let refused = Refused { reason: refusal.to_string(), is_temporary: refusal.is_temporary() };
            return refuse(parts, held, refused).await;
        }
    };
    match ledger::keep(parts, held, extracted, opened.led_to).await? {
        Ok(outcome) => Ok(outcome),
        Err(refused) => refuse(parts, held, refused).await,
    }
}

/// Whether what is there was made from the same thing by the same rules. Of an address it takes what it leads to now.
fn is_known(held: &Held, fetched: Option<ContentHash>) -> bool {
    let entry = &held.entry;
    let (Some(hash), Some(indexed)) = (entry.content_hash, &entry.indexed_hash) else { return false };
    let is_same_source = match entry.source {
        EntrySource::Text | EntrySource::File => true,
        EntrySource::Url => fetched.is_some() && fetched == entry.fetched_hash,
    };
    let would_be = hash.indexed_as(entry.data_type, entry.lang_hint);
    !entry.is_forced && entry.chunk_count > 0 && is_same_source && *indexed == would_be
}

async fn open(parts: &KbIngestorParts, held: &Held) -> Result<Opened, Refused> {
    let entry = &held.entry;
    match entry.source {
        EntrySource::Text => {
            let bytes = Bytes::from(entry.content.clone().unwrap_or_default());
            // What people write for programs nowadays.
            let format = Some(Format::Markdown);
            Ok(Opened { name: None, format, led_to: None, bytes: OpenedBytes::Memory(bytes) })
        }
        EntrySource::File => {
            let missing = || Refused::lasting("Its file is missing; upload it again.");
            let file = entry.file_id.ok_or_else(missing)?;
            let name = entry.file_name.clone();
            Ok(Opened { name, format: None, led_to: None, bytes: OpenedBytes::File(file) })
        }
        EntrySource::Url => {
            let address =
                entry.source_url.as_deref().ok_or_else(|| Refused::lasting("It has no address."))?;
            let late = |_elapsed| Refused::passing("The address took too long to answer.");
            let fetched = timeout(FETCHING, fetch(&parts.outbound, address)).await.map_err(late)??;
            Ok(Opened {
                name: fetched.name,
                format: fetched.format,
                led_to: Some(LedTo::of(&fetched.bytes)),
                bytes: OpenedBytes::Memory(fetched.bytes),
            })
        }
    }
}

fn pieces(
    parts: &KbIngestorParts,
    bytes: OpenedBytes,
) -> std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>> {
    match bytes {
        OpenedBytes::Memory(bytes) => source::memory(bytes).boxed(),
        OpenedBytes::File(file) => source::file(parts.shared_db.clone(), file).boxed(),
    }
}

/// It fails for that reason, or is tried again after a pause, as often as it may.
async fn refuse(parts: &KbIngestorParts, held: &Held, refused: Refused) -> Result<Outcome, StoreError> {
    let attempts = u32::try_from(held.entry.attempts).unwrap_or(u32::MAX);
    if refused.is_temporary && held.entry.attempts < parts.settings.attempts_max {
        let pause = parts.settings.retry().pause_now(attempts);
        return ledger::postpone(parts, held, &refused.reason, pause).await;
    }
    ledger::fail(parts, held, &refused.reason).await
}
