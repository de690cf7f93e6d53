//! Where a chunk ends, and where the next one begins.
//!
//! Every look at the text is at a window of a bounded number of characters, so a text of one endless word takes no longer, per
//! character, than any other.

use unicode_segmentation::GraphemeCursor;

/// How long a chunk should be, in characters: some paragraphs, which say enough to be understood by themselves.
pub(super) const CHUNK_CHARS: usize = 1_000;
/// How long it may be, to end where a paragraph does.
pub(super) const CHUNK_CHARS_MAX: usize = 1_500;
/// A chunk that is not the last of its section is no shorter, unless its characters do not come apart.
const CHUNK_CHARS_MIN: usize = 600;
/// How much of a chunk the next one should repeat, so that a sentence on the border is whole in one of them.
const OVERLAP_CHARS: usize = 150;
/// How much it may repeat, to begin where a sentence does.
const OVERLAP_CHARS_MAX: usize = 250;
/// Less would hardly help.
const OVERLAP_CHARS_MIN: usize = 50;

/// Where a chunk ends, and where the next one begins, if there is more text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) end: usize,
    pub(super) next_start: Option<usize>,
}

/// Cuts the piece that begins at `start` off the section, which ends where `text` does. `block_starts` are the places where its
/// blocks begin, in order.
pub(super) fn piece(text: &str, start: usize, block_starts: &[usize]) -> Piece {
    let window = Window::new(text, start, block_starts);
    let Some(wanted) = window.wanted_chars() else { return Piece { end: text.len(), next_start: None } };
    let cut = window.cut(wanted);
    let next = window.overlap_start(cut);
    let end = start + window.text[..window.places[cut]].trim_end().len();
    Piece { end, next_start: Some(start + window.places[next]) }
}

/// How good it is to cut before a character: the text before it ends there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Border {
    Word,
    Sentence,
    Block,
}

/// The text that one chunk can be cut from.
struct Window<'a> {
    /// What follows the start, a little more than the longest chunk.
    text: &'a str,
    /// Where each character of it begins, and at last where it ends.
    places: Vec<usize>,
    letters: Vec<char>,
    /// Where the section's blocks begin, from the start on.
    block_starts: &'a [usize],
    start: usize,
    /// How many characters of the section follow the start, counted no further than to twice the longest chunk.
    chars_left: usize,
}

impl<'a> Window<'a> {
    fn new(text: &'a str, start: usize, block_starts: &'a [usize]) -> Self {
        let rest = &text[start..];
        let chars_left = rest.chars().take(2 * CHUNK_CHARS_MAX).count();
        // One more than may be taken: whether a border is one depends on the character behind it.
        let letters: Vec<char> = rest.chars().take(CHUNK_CHARS_MAX + 1).collect();
        let mut places: Vec<usize> =
            rest.char_indices().map(|(place, _)| place).take(letters.len()).collect();
        let length = places.last().zip(letters.last()).map_or(0, |(place, letter)| place + letter.len_utf8());
        places.push(length);
        let passed = block_starts.partition_point(|block| *block <= start);
        Self {
            text: &rest[..length],
            places,
            letters,
            block_starts: &block_starts[passed..],
            start,
            chars_left,
        }
    }

    /// How long the chunk should be; `None` when all that is left is one.
    fn wanted_chars(&self) -> Option<usize> {
        match self.chars_left {
            ..=CHUNK_CHARS_MAX => None,
            // Two that are alike rather than a long one and a rest.
            left if left < 2 * CHUNK_CHARS => Some(left.div_ceil(2).max(CHUNK_CHARS_MIN)),
            _ => Some(CHUNK_CHARS),
        }
    }

    /// The character before which the chunk ends: at the best border near the wanted length.
    fn cut(&self, wanted: usize) -> usize {
        let last = CHUNK_CHARS_MAX.min(self.letters.len() - 1);
        let best = (CHUNK_CHARS_MIN..=last)
            .filter_map(|place| self.border(place).map(|border| (place, border)))
            .max_by_key(|(place, border)| (*border, std::cmp::Reverse(place.abs_diff(wanted))));
        best.map(|(place, _)| place)
            .filter(|place| self.is_between_graphemes(*place))
            .unwrap_or_else(|| self.split(wanted, last))
    }

    /// Where a text without borders is cut: between what is seen as characters, or anywhere if one of them is as long as a chunk.
    fn split(&self, wanted: usize, last: usize) -> usize {
        let nearer = (1..=wanted).rev().take_while(|place| *place > wanted / 2);
        let further = wanted + 1..=last;
        nearer.chain(further).find(|place| self.is_between_graphemes(*place)).unwrap_or(last)
    }

    /// The character at which the next chunk begins.
    fn overlap_start(&self, cut: usize) -> usize {
        let wanted = cut.saturating_sub(OVERLAP_CHARS);
        let nearest = cut.saturating_sub(OVERLAP_CHARS_MIN);
        let furthest = cut.saturating_sub(OVERLAP_CHARS_MAX).max(1);
        let best = (furthest..=nearest)
            .filter_map(|place| self.border(place).map(|border| (place, border)))
            .max_by_key(|(place, border)| (*border, std::cmp::Reverse(place.abs_diff(wanted))));
        let best = best.map(|(place, _)| place).filter(|place| self.is_between_graphemes(*place));
        let split = || (furthest..=wanted).rev().find(|place| self.is_between_graphemes(*place));
        // Without an overlap rather than within a character.
        best.or_else(split).unwrap_or(cut)
    }

    fn border(&self, place: usize) -> Option<Border> {
        let (before, letter) = (self.letters[place.checked_sub(1)?], *self.letters.get(place)?);
        if !before.is_whitespace() || letter.is_whitespace() {
            return None;
        }
        if self.block_starts.binary_search(&(self.start + self.places[place])).is_ok() {
            return Some(Border::Block);
        }
        if before == '\n' || self.ends_a_sentence(place) {
            return Some(Border::Sentence);
        }
        Some(Border::Word)
    }

    /// Whether what stands before the space before this character ends a sentence.
    fn ends_a_sentence(&self, place: usize) -> bool {
        let before = self.letters[..place - 1].iter().rev();
        let mut before =
            before.skip_while(|letter| matches!(letter, ')' | ']' | '"' | '\'' | '”' | '’' | '»'));
        before.next().is_some_and(|letter| matches!(letter, '.' | '!' | '?' | '…' | '。' | '！' | '？'))
    }

    fn is_between_graphemes(&self, place: usize) -> bool {
        let mut cursor = GraphemeCursor::new(self.places[place], self.text.len(), true);
        // It asks for more text only where the window begins, which is where a chunk does.
        cursor.is_boundary(self.text, 0).unwrap_or(true)
    }
}
