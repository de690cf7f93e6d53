//! What is kept of an entry: in one transaction, which is void if the claim does not hold any more. It begins with the lock that
//! whoever deletes the entry waits for, and writes the entry's own row last, so that its user can change it until then.

use std::collections::BTreeSet;
use std::time::Duration;

use super::KbIngestorParts;
use super::desk::Held;
use super::reading::{Outcome, Refused};
use crate::extraction::Extracted;
use crate::models::EntrySource;
use crate::models::knowledge::ContentHash;
use crate::models::search::fold;
use crate::models::store::knowledge_work::{self as work, Reading};
use crate::models::store::{PooledConnection, SharedSide, StoreError, usage};

/// Chunks, and words, of one statement.
const CHUNKS_AT_ONCE: usize = 100;
const WORDS_AT_ONCE: usize = 5_000;

/// Words of one entry that a typing error may mean; no text of a person has as many.
const WORDS_MAX: usize = 20_000;

/// Shorter words are too like one another to be mistaken, longer ones are none.
const WORD_CHARS: std::ops::RangeInclusive<usize> = 4..=40;

/// What an address led to.
#[derive(Clone, Copy)]
pub(super) struct LedTo {
    pub(super) hash: ContentHash,
    bytes: i64,
}

impl LedTo {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { hash: ContentHash::of_bytes(bytes), bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX) }
    }
}

/// Makes an entry `ready`. The inner error is why it cannot be.
pub(super) async fn keep(
    parts: &KbIngestorParts,
    held: &Held,
    extracted: Extracted,
    led_to: Option<LedTo>,
) -> Result<Result<Outcome, Refused>, StoreError> {
    let entry = &held.entry;
    // Megabytes of text: not on the thread that everything else shares.
    let folded = tokio::task::spawn_blocking(move || {
        let words = words(&extracted);
        (extracted, words)
    });
    let Ok((extracted, words)) = folded.await else { return Ok(Ok(Outcome::Lost)) };

    let mut connection = parts.shared_db.connection().await?;
    if let Some(refused) = reserve(parts, held, takes(held, &extracted, led_to), &mut connection).await? {
        return Ok(refused);
    }
    for words in words.chunks(WORDS_AT_ONCE) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        work::insert_words(&connection, entry.knowledge_base_id, &words).await?;
    }

    let transaction = connection.transaction().await?;
    if !work::hold(&transaction, held.claim).await? {
        return Ok(Ok(Outcome::Lost));
    }
    work::forget_chunks(&transaction, entry.id).await?;
    let mut first = 0;
    for chunks in extracted.chunks.chunks(CHUNKS_AT_ONCE) {
        let inserted = work::insert_chunks(&transaction, entry, first, chunks).await;
        if let Err(StoreError::Busy { is_about_rows: true, reason }) = &inserted {
            // Nobody else has these rows: it is the text that Postgres takes too long to parse. So it is an attempt.
            tracing::warn!(entry.id = %entry.id, reason, "what was read of an entry was not kept in time");
            transaction.rollback().await?;
            return Ok(Err(Refused::passing("What was read of it could not be kept in time.")));
        }
        inserted?;
        first += count(chunks.len());
    }
    let is_still_ours = work::finish(&transaction, held.claim, &reading(held, &extracted, led_to)).await?;
    if !is_still_ours {
        transaction.rollback().await?;
        return Ok(Ok(Outcome::Lost));
    }
    transaction.commit().await?;
    Ok(Ok(Outcome::Ready))
}

/// What an entry takes of the quota: what was sent or fetched, or the text in it where that is more.
fn takes(held: &Held, extracted: &Extracted, led_to: Option<LedTo>) -> i64 {
    let text = i64::try_from(extracted.text.len()).unwrap_or(i64::MAX);
    match held.entry.source {
        EntrySource::Text => held.entry.bytes,
        EntrySource::File => held.entry.bytes.max(text),
        EntrySource::Url => led_to.map_or(text, |led_to| led_to.bytes.max(text)),
    }
}

/// Takes room for what an entry has turned out to take. It is a short transaction: creations of instances wait for that count, too.
/// Gives what became of the entry if it cannot be kept.
async fn reserve(
    parts: &KbIngestorParts,
    held: &Held,
    bytes: i64,
    connection: &mut PooledConnection<SharedSide>,
) -> Result<Option<Result<Outcome, Refused>>, StoreError> {
    let entry = &held.entry;
    if bytes == entry.bytes {
        return Ok(None);
    }
    let transaction = connection.transaction().await?;
    let meter =
        usage::lock_knowledge(&transaction, entry.user_id, parts.entries_max, parts.bytes_max).await?;
    if !meter.has_room_for_bytes(bytes.saturating_sub(entry.bytes)) {
        transaction.rollback().await?;
        let (others, allowed) = (meter.bytes.saturating_sub(entry.bytes), meter.bytes_allowed);
        let reason =
            format!("It takes {bytes} bytes, and others take {others} of the {allowed} that there may be.");
        return Ok(Some(Err(Refused::lasting(reason))));
    }
    if !work::reserve(&transaction, held.claim, bytes).await? {
        transaction.rollback().await?;
        return Ok(Some(Ok(Outcome::Lost)));
    }
    transaction.commit().await?;
    Ok(None)
}

fn reading<'a>(held: &'a Held, extracted: &'a Extracted, led_to: Option<LedTo>) -> Reading<'a> {
    let entry = &held.entry;
    let text = extracted.text.as_str();
    let is_what_was_sent = entry.content.as_deref() == Some(text);
    let (content, shown) = match entry.source {
        EntrySource::Text => (None, (!is_what_was_sent).then_some(text)),
        EntrySource::Url | EntrySource::File => (Some(text), None),
    };
    // A text that was written by SQL has none yet.
    let sent = || entry.content.as_deref().filter(|_| entry.source == EntrySource::Text);
    let hash = entry.content_hash.or_else(|| sent().map(ContentHash::of_text));
    Reading {
        title: extracted.title.as_deref(),
        format: extracted.format.as_str(),
        content,
        extracted: shown,
        fetched_hash: led_to.map(|led_to| led_to.hash),
        indexed_hash: hash.map(|hash| hash.indexed_as(entry.data_type, entry.lang_hint)),
        chunk_count: count(extracted.chunks.len()),
        indexed_lang: entry.lang_hint,
    }
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
        if words.len() == WORDS_MAX {
            break;
        }
    }
    words.into_iter().collect()
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
