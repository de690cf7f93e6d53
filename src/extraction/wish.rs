use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::models::knowledge::{Chunk, EntryDataType, Format};

/// What is known of a document before it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// What its user calls it; heard only where the bytes do not say.
    pub format: Option<Format>,
    /// The name of the file; heard only where neither the bytes nor `format` say.
    pub name: Option<String>,
    /// What kind of entry it is. Any kind may be any document: a video's text is its subtitles, or a transcript, and a
    /// transcript may be a PDF.
    pub data_type: EntryDataType,
}

/// How much a document may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The longest text, in bytes of UTF-8 after it was normalised.
    pub text_bytes_max: usize,
    /// How many chunks there may be.
    pub chunks_max: usize,
    /// How large everything that is read of an archive may be once it is unpacked, in bytes.
    pub unpacked_bytes_max: u64,
    /// How much memory the child may have, the document's own bytes included, in bytes; the program itself is not counted.
    pub memory_bytes_max: u64,
    /// How much time of a processor the child may take, in seconds; at least 1.
    pub cpu_seconds_max: u64,
    /// How long it may take by the clock, from the start of the child to its end, in milliseconds. The time that the
    /// document's bytes take to come is part of it.
    pub within_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes_max: 8 << 20,
            chunks_max: 20_000,
            unpacked_bytes_max: 128 << 20,
            memory_bytes_max: 512 << 20,
            cpu_seconds_max: 20,
            within_ms_max: 60_000,
        }
    }
}

impl Limits {
    pub(super) const fn within(&self) -> Duration {
        Duration::from_millis(self.within_ms_max)
    }

    /// How long the child's answer may be, in bytes: each character of the text may be written as two, and each chunk brings
    /// its headings, whose number and length are bounded.
    pub(super) const fn answer_bytes_max(&self) -> usize {
        self.text_bytes_max
            .saturating_mul(2)
            .saturating_add(self.chunks_max.saturating_mul(4_096))
            .saturating_add(16_384)
    }
}

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extracted {
    /// What it was read as.
    pub format: Format,
    /// What it calls itself.
    pub title: Option<String>,
    /// All of its text, normalised: paragraphs with an empty line between them, lists, rows of tables and cues line by line.
    pub text: String,
    /// The same in pieces, in their order.
    pub chunks: Vec<Chunk>,
}
