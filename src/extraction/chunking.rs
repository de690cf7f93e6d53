//! Cuts a text into chunks: pieces that overlap, end where a thought does as far as can be seen, and know their headings.
//!
//! A heading begins a section, and a chunk never reaches into the next one. Within a section a chunk goes from its start to the
//! best border ([`super::borders`]), and the next one begins a little before that.

use std::ops::Range;

use super::borders;
use super::draft::{Block, Draft, Kind, label};
use super::{Limits, Refusal};
use crate::models::knowledge::Chunk;

/// How long a chunk's heading may be, in characters: enough to be cited.
const HEADING_CHARS_MAX: usize = 120;

/// How much all headings of all chunks may take beside the text, in bytes; for texts of a line under each heading, which would
/// take a hundred times their size. Beyond that a chunk has only the innermost, and then none: its text begins with it.
const HEADINGS_BESIDE_TEXT: usize = 4;
const HEADINGS_BYTES_MIN: usize = 64 * 1024;

/// Cuts a document's text.
///
/// # Errors
/// When there are more chunks than there may be.
pub(super) fn cut(draft: &Draft, limits: &Limits) -> Result<Vec<Chunk>, Refusal> {
    let mut cutter = Cutter {
        draft,
        chunks: Vec::new(),
        chunks_max: limits.chunks_max,
        headings: Headings::default(),
        headings_left: draft.text.len() * HEADINGS_BESIDE_TEXT + HEADINGS_BYTES_MIN,
        counted: Counted::default(),
        first_block: 0,
    };
    let blocks = &draft.blocks;
    let mut start = 0;
    while start < blocks.len() {
        let end = end_of_section(blocks, start);
        cutter.section(start..end)?;
        start = end;
    }
    Ok(cutter.chunks)
}

/// A section is its headings – a chapter's and that of its first part may follow one another – and all up to the next heading.
fn end_of_section(blocks: &[Block], start: usize) -> usize {
    let is_heading = |block: &Block| matches!(block.kind, Kind::Heading(_));
    let headings = blocks[start..].iter().take_while(|block| is_heading(block)).count();
    let body = blocks[start + headings..].iter().take_while(|block| !is_heading(block)).count();
    start + headings + body
}

struct Cutter<'a> {
    draft: &'a Draft,
    chunks: Vec<Chunk>,
    chunks_max: usize,
    headings: Headings,
    /// What the headings of chunks to come may take, in bytes.
    headings_left: usize,
    counted: Counted,
    /// The first block that the chunk to come can touch.
    first_block: usize,
}

impl Cutter<'_> {
    fn section(&mut self, section: Range<usize>) -> Result<(), Refusal> {
        let blocks = &self.draft.blocks[section];
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return Ok(()) };
        for block in blocks {
            if let Kind::Heading(level) = block.kind {
                self.headings.enter(level, &self.draft.text[block.start..block.end]);
            }
        }
        let starts: Vec<usize> = blocks.iter().map(|block| block.start).collect();
        let mut start = first.start;
        loop {
            let piece = borders::piece(&self.draft.text[..last.end], start, &starts);
            self.add(start..piece.end)?;
            match piece.next_start {
                Some(next_start) => start = next_start,
                None => return Ok(()),
            }
        }
    }

    fn add(&mut self, bytes: Range<usize>) -> Result<(), Refusal> {
        if self.chunks.len() == self.chunks_max {
            return Err(Refusal::TooManyChunks);
        }
        let blocks = &self.draft.blocks;
        while blocks[self.first_block].end <= bytes.start {
            self.first_block += 1;
        }
        let touched = blocks[self.first_block..].iter().take_while(|block| block.start < bytes.end);
        let (mut start_ms, mut end_ms) = (None, None);
        for block in touched {
            if let Kind::Cue { start_ms: begins, end_ms: ends } = block.kind {
                start_ms = Some(start_ms.map_or(begins, |earlier: u64| earlier.min(begins)));
                end_ms = Some(end_ms.map_or(ends, |later: u64| later.max(ends)));
            }
        }
        let headings = self.path();
        let text = &self.draft.text[bytes.clone()];
        let start = self.counted.up_to(&self.draft.text, bytes.start);
        let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        self.chunks.push(Chunk {
            text: text.to_owned(),
            headings,
            start,
            end: start.saturating_add(length),
            page: blocks[self.first_block].page,
            start_ms,
            end_ms,
        });
        Ok(())
    }
}

impl Cutter<'_> {
    /// The headings that a chunk is given.
    fn path(&mut self) -> Vec<String> {
        let bytes = |path: &[String]| path.iter().map(String::len).sum::<usize>();
        let mut path = self.headings.path();
        if bytes(&path) > self.headings_left {
            path.drain(..path.len() - 1);
        }
        if bytes(&path) > self.headings_left {
            path.clear();
        }
        self.headings_left -= bytes(&path);
        path
    }
}

/// How many characters stand before a place, counted on from the place before: chunks come in order.
#[derive(Default)]
struct Counted {
    bytes: usize,
    chars: u32,
}

impl Counted {
    fn up_to(&mut self, text: &str, place: usize) -> u32 {
        let further = text[self.bytes..place].chars().count();
        self.bytes = place;
        self.chars = self.chars.saturating_add(u32::try_from(further).unwrap_or(u32::MAX));
        self.chars
    }
}

/// The headings that the text stands under.
#[derive(Default)]
struct Headings(Vec<(u8, String)>);

impl Headings {
    fn enter(&mut self, level: u8, text: &str) {
        self.0.retain(|(outer, _)| *outer < level);
        self.0.extend(label(text, HEADING_CHARS_MAX).map(|text| (level, text)));
    }

    fn path(&self) -> Vec<String> {
        self.0.iter().map(|(_, text)| text.clone()).collect()
    }
}
