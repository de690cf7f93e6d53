//! What the readers write: the text of a document, block by block, and where each block stands in it.

use super::normalise::{Spaces, normalise};
use super::{Limits, Refusal};

/// How long a title may be, in characters; what is longer is no title.
const TITLE_CHARS_MAX: usize = 300;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A heading, from 1, the outermost, to 6.
    Heading(u8),
    Paragraph,
    ListItem,
    TableRow,
    Code,
    /// What is said between two times, in milliseconds from the beginning.
    Cue {
        start_ms: u64,
        end_ms: u64,
    },
}

impl Kind {
    /// Whether blocks of the same kind stand line by line, as what belongs together does.
    fn is_line(self) -> bool {
        matches!(self, Self::ListItem | Self::TableRow | Self::Cue { .. })
    }
}

/// A block of the text: its bytes from `start` to `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The page that it begins on, counted from 1.
    pub(super) page: Option<u32>,
}

/// The text of a document while it is read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) title: Option<String>,
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
    /// The page that is being read, where there are pages.
    pub(super) page: Option<u32>,
    text_bytes_max: usize,
}

impl Draft {
    pub(super) fn new(limits: &Limits) -> Self {
        let text_bytes_max = limits.text_bytes_max;
        Self { title: None, text: String::new(), blocks: Vec::new(), page: None, text_bytes_max }
    }

    /// Adds a block, unless nothing is seen of it.
    ///
    /// # Errors
    /// When that is more text than there may be.
    pub(super) fn push(&mut self, kind: Kind, text: &str) -> Result<(), Refusal> {
        let before = self.text.len();
        if let Some(last) = self.blocks.last() {
            let is_same_list =
                kind.is_line() && std::mem::discriminant(&kind) == std::mem::discriminant(&last.kind);
            self.text.push_str(if is_same_list { "\n" } else { "\n\n" });
        }
        let start = self.text.len();
        let spaces = if kind == Kind::Code { Spaces::Kept } else { Spaces::Folded };
        normalise(text, spaces, self.text_bytes_max, &mut self.text);
        if self.text.len() > self.text_bytes_max {
            return Err(Refusal::TooMuchText);
        }
        if self.text.len() == start {
            self.text.truncate(before);
            return Ok(());
        }
        self.blocks.push(Block { kind, start, end: self.text.len(), page: self.page });
        Ok(())
    }

    /// Names the document, unless it has a name or this is none.
    pub(super) fn name(&mut self, title: &str) {
        if self.title.is_none() {
            self.title = label(title, TITLE_CHARS_MAX);
        }
    }
}

/// One line of a text, cut to a number of characters; `None` when nothing is seen of it.
pub(super) fn label(text: &str, chars_max: usize) -> Option<String> {
    // What is cut off is not normalised first: it may be megabytes.
    let end = text.char_indices().nth(chars_max.saturating_mul(4)).map_or(text.len(), |(place, _)| place);
    let mut line = String::new();
    normalise(&text[..end].replace(['\n', '\r'], " "), Spaces::Folded, usize::MAX, &mut line);
    let line: String = line.replace('\n', " ").chars().take(chars_max).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
