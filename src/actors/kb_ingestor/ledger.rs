//! What is kept of an entry. Chunks are written first and the entry's own row last, so that the row is free for its user
//! until then; all of it is one transaction, and void if the claim does not hold any more.

use std::collections::BTreeSet;
use std::time::Duration;

use super::KbIngestorParts;
use super::desk::Held;
use super::reading::Outcome;
use crate::extraction::Extracted;
use crate::models::EntrySource;
use crate::models::knowledge::ContentHash;
use crate::models::search::fold;
use crate::models::store::knowledge_work::{self as work, Reading};
use crate::models::store::usage::{self, KnowledgeMeter};
use crate::models::store::{SharedSide, StoreError, Transaction};

/// Chunks, and words, of one statement.
const CHUNKS_MAX: usize = 250;
const WORDS_MAX: usize = 5_000;

/// Shorter words are too like one another to be mistaken, longer ones are none.
const WORD_CHARS: std::ops::RangeInclusive<usize> = 4..=40;

/// What a document was, beside what was read of it.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub(super) hash: ContentHash,
    pub(super) bytes: i64,
    pub(super) fetched: Option<ContentHash>,
}

/// Makes an entry `ready`. The inner error is a reason for the user.
pub(super) async fn keep(
    parts: &KbIngestorParts,
    held: &Held,
    extracted: &Extracted,
    kept: Kept,
) -> Result<Result<Outcome, String>, StoreError> {
    let entry = &held.entry;
    let mut connection = parts.shared_db.connection().await?;
    for words in words(extracted).chunks(WORDS_MAX) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        work::insert_words(&connection, entry.knowledge_base_id, &words).await?;
    }

    let transaction = connection.transaction().await?;
    if entry.source == EntrySource::Url
        && let Some(reason) = no_room(parts, held, kept.bytes, &transaction).await?
    {
        transaction.rollback().await?;
        return Ok(Err(reason));
    }
    work::forget_chunks(&transaction, entry.id).await?;
    let mut first = 0;
    for chunks in extracted.chunks.chunks(CHUNKS_MAX) {
        work::insert_chunks(&transaction, entry, first, chunks).await?;
        first += count(chunks.len());
    }
    let is_still_ours = work::finish(&transaction, held.claim, &reading(held, extracted, kept)).await?;
    if !is_still_ours {
        transaction.rollback().await?;
        return Ok(Ok(Outcome::Lost));
    }
    transaction.commit().await?;
    Ok(Ok(Outcome::Ready))
}

fn reading<'a>(held: &'a Held, extracted: &'a Extracted, kept: Kept) -> Reading<'a> {
    let entry = &held.entry;
    let text = extracted.text.as_str();
    let is_what_was_sent = entry.content.as_deref() == Some(text);
    let (content, shown) = match entry.source {
        EntrySource::Text => (None, (!is_what_was_sent).then_some(text)),
        EntrySource::Url | EntrySource::File => (Some(text), None),
    };
    let hash = entry.content_hash.unwrap_or(kept.hash);
    Reading {
        title: extracted.title.as_deref(),
        format: extracted.format.as_str(),
        content,
        extracted: shown,
        bytes: kept.bytes,
        fetched_hash: kept.fetched,
        indexed_hash: Some(hash.indexed_as(entry.data_type, entry.lang_hint)),
        chunk_count: count(extracted.chunks.len()),
    }
}

/// Why what an address led to cannot be kept, if it cannot.
async fn no_room(
    parts: &KbIngestorParts,
    held: &Held,
    bytes: i64,
    transaction: &Transaction<'_, SharedSide>,
) -> Result<Option<String>, StoreError> {
    let meter = usage::lock_knowledge(transaction, held.entry.user_id, parts.entries_max, parts.bytes_max);
    let KnowledgeMeter { bytes: used, bytes_allowed: limit, .. } = meter.await?;
    // What it takes already is counted among the rest, and may be as much.
    let is_too_much = used.saturating_add(bytes) > limit;
    Ok(is_too_much.then(|| format!("It has {bytes} bytes, and {used} of {limit} are used.")))
}

pub(super) async fn keep_as_it_is(parts: &KbIngestorParts, held: &Held) -> Result<Outcome, StoreError> {
    let connection = parts.shared_db.connection().await?;
    let is_still_ours = work::keep_as_it_is(&connection, held.claim).await?;
    Ok(if is_still_ours { Outcome::Unchanged } else { Outcome::Lost })
}

pub(super) async fn fail(parts: &KbIngestorParts, held: &Held, reason: &str) -> Result<Outcome, StoreError> {
    let connection = parts.shared_db.connection().await?;
    work::fail(&connection, held.claim, reason).await?;
    Ok(Outcome::Failed)
}

pub(super) async fn postpone(
    parts: &KbIngestorParts,
    held: &Held,
    reason: &str,
    pause: Duration,
) -> Result<Outcome, StoreError> {
    let connection = parts.shared_db.connection().await?;
    let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    work::postpone(&connection, held.claim, reason, pause_ms).await?;
    Ok(Outcome::Postponed)
}

/// The words that a typing error may mean, each once.
fn words(extracted: &Extracted) -> Vec<String> {
    let is_word = |word: &str| WORD_CHARS.contains(&word.chars().count());
    let mut words = BTreeSet::new();
    for word in extracted.text.split(|letter: char| !letter.is_alphabetic()).filter(|word| is_word(word)) {
        words.insert(fold(word));
    }
    words.into_iter().collect()
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
