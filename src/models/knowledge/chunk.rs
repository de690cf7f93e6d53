//! What an entry is cut into.

use serde::{Deserialize, Serialize};

/// A piece of an entry's text that is found, and cited, by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// The piece, as it stands in the entry's text between `start` and `end`.
    pub text: String,
    /// The headings that it stands under, the outermost first.
    pub headings: Vec<String>,
    /// Where it begins, in characters (Unicode scalar values) from the beginning of the entry's text.
    pub start: u32,
    /// Where it ends: the first character that is no longer part of it. Chunks overlap.
    pub end: u32,
    /// The page that it begins on, counted from 1, where there are pages.
    pub page: Option<u32>,
    /// When it begins in a recording, in milliseconds from its beginning; only of subtitles.
    pub start_ms: Option<u64>,
    /// When it ends there.
    pub end_ms: Option<u64>,
}
