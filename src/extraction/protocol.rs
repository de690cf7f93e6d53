//! What parent and child say to each other: a line of JSON and the document one way, one JSON value the other way.
//!
//! The parent believes nothing of the answer. Whoever took the child over can say any text in the document's name, as the document
//! could have said it itself, and no more: chunks are cut by the parent, where the child says, out of the text that it sent.

use serde::{Deserialize, Serialize};

use super::borders::CHUNK_CHARS_MAX;
use super::{Extracted, Limits, Refusal, Wish};
use crate::models::knowledge::{Chunk, Format};

/// How long the line before the document may be, in bytes.
pub(super) const JOB_BYTES_MAX: u64 = 16_384;
/// How long a file's name may be to be heard, in bytes. Only its end is looked at.
const NAME_BYTES_MAX: usize = 1_024;
/// How many headings a chunk may stand under, and how long each may be, in bytes: what `chunking` and `label` keep to.
const HEADINGS_MAX: usize = 6;
const LABEL_BYTES_MAX: usize = 1_200;

/// What the child is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Job {
    pub(super) wish: Wish,
    pub(super) limits: Limits,
}

impl Job {
    pub(super) fn new(wish: &Wish, limits: Limits) -> Self {
        let name = wish.name.clone().filter(|name| name.len() <= NAME_BYTES_MAX);
        Self { wish: Wish { name, ..wish.clone() }, limits }
    }
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Extracted(Outline),
    Refused(Refusal),
}

/// What was extracted, with the chunks as places.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outline {
    format: Format,
    title: Option<String>,
    text: String,
    chunks: Vec<Place>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    headings: Vec<String>,
    start: u32,
    end: u32,
    page: Option<u32>,
    start_ms: Option<u64>,
    end_ms: Option<u64>,
}

impl From<Result<Extracted, Refusal>> for Answer {
    fn from(read: Result<Extracted, Refusal>) -> Self {
        let extracted = match read {
            Ok(extracted) => extracted,
            Err(refusal) => return Self::Refused(refusal),
        };
        let place = |chunk: Chunk| {
            let Chunk { text: _, headings, start, end, page, start_ms, end_ms } = chunk;
            Place { headings, start, end, page, start_ms, end_ms }
        };
        let Extracted { format, title, text, chunks } = extracted;
        Self::Extracted(Outline { format, title, text, chunks: chunks.into_iter().map(place).collect() })
    }
}

/// An answer that no child of ours gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotCredible;

impl Outline {
    /// Cuts the chunks out of the text.
    ///
    /// # Errors
    /// When the answer keeps to less than a child does.
    pub(super) fn filled(self, limits: &Limits) -> Result<Extracted, NotCredible> {
        let Self { format, title, text, chunks } = self;
        let is_within = text.len() <= limits.text_bytes_max && chunks.len() <= limits.chunks_max;
        let is_label = |label: &String| label.len() <= LABEL_BYTES_MAX && !label.contains('\0');
        let are_labels =
            title.iter().all(is_label) && chunks.iter().flat_map(|place| &place.headings).all(is_label);
        if !is_within || !are_labels || text.contains('\0') {
            return Err(NotCredible);
        }
        let mut rest = text.as_str();
        let mut start_before = 0;
        let mut filled = Vec::with_capacity(chunks.len());
        for place in chunks {
            // In their order, so that the text is gone through once.
            let further = place.start.checked_sub(start_before).ok_or(NotCredible)?;
            rest = &rest[bytes_of(rest, further).ok_or(NotCredible)?..];
            start_before = place.start;
            let piece = place.text_in(rest).ok_or(NotCredible)?.to_owned();
            filled.push(place.with(piece));
        }
        Ok(Extracted { format, title, text, chunks: filled })
    }
}

impl Place {
    /// What it is a place of, in the text from its start on.
    fn text_in<'a>(&self, rest: &'a str) -> Option<&'a str> {
        let length = self.end.checked_sub(self.start)?;
        let is_short = usize::try_from(length).is_ok_and(|length| (1..=CHUNK_CHARS_MAX).contains(&length));
        if !is_short || self.headings.len() > HEADINGS_MAX {
            return None;
        }
        Some(&rest[..bytes_of(rest, length)?])
    }

    fn with(self, text: String) -> Chunk {
        let Self { headings, start, end, page, start_ms, end_ms } = self;
        Chunk { text, headings, start, end, page, start_ms, end_ms }
    }
}

/// How many bytes a number of characters takes at the beginning of a text; `None` when it is shorter.
fn bytes_of(text: &str, chars: u32) -> Option<usize> {
    let chars = usize::try_from(chars).ok()?;
    let mut places = text.char_indices().map(|(place, _)| place).chain([text.len()]);
    places.nth(chars)
}
