//! What a search finds.

use crate::models::ids::EntryId;
use crate::models::knowledge::entry::{EntryDataType, LanguageHint};
use crate::models::text_enum::text_enum;

/// What a search has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The best pieces, the best first.
    pub hits: Vec<Hit>,
    /// Whether what the query means had a part in it.
    pub vectors: VectorUse,
}

text_enum! {
    /// Whether a search went by what its query means, beside its words.
    pub enum VectorUse {
        /// It did.
        Used = "used",
        /// The platform has no provider of embeddings.
        Off = "off",
        /// Phrases and exclusions are asked for: words decide alone.
        WordsOnly = "words_only",
        /// The provider does not answer, or there are more vectors than there is memory for.
        Unavailable = "unavailable",
    }
}

/// A piece of an entry that answers a query, the better the higher its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The entry.
    pub entry_id: EntryId,
    /// Which of its chunks, counted from 0.
    pub chunk: i32,
    /// How well it answers; comparable within one answer only.
    pub score: f64,
    /// The piece.
    pub text: String,
    /// The piece once more, cut where words of the query begin and end.
    pub snippet: Vec<SnippetPart>,
    /// Where it stands.
    pub citation: Citation,
}

/// A part of a text, and whether it is what was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnippetPart {
    /// The part.
    pub text: String,
    /// Whether it matches a word of the query.
    pub is_match: bool,
}

/// Where a piece stands, for people and programs that want to look it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// What the entry is called.
    pub title: Option<String>,
    /// The name of the file.
    pub file_name: Option<String>,
    /// The address.
    pub source_url: Option<String>,
    /// What kind of thing the entry is.
    pub data_type: EntryDataType,
    /// What language it is in.
    pub lang_hint: LanguageHint,
    /// The headings above the piece, the outermost first.
    pub headings: Vec<String>,
    /// Where it begins in the entry's text, in characters.
    pub start: i32,
    /// Where it ends.
    pub end: i32,
    /// The page that it begins on, from 1.
    pub page: Option<i32>,
    /// When it begins in a recording, in milliseconds.
    pub start_ms: Option<i64>,
    /// When it ends there.
    pub end_ms: Option<i64>,
}
