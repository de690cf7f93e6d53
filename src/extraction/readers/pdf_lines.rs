//! From letters with places to lines, and from lines to paragraphs.

use pdf_extract::{MediaBox, OutputDev, OutputError, Transform};

use super::super::Refusal;
use super::super::draft::{Draft, Kind};

/// By how much of its size a letter may stand away from the one before in the same word.
const WORD_GAP: f64 = 0.15;
/// By how much of its size it may stand higher or lower in the same line: superscripts do.
const LINE_SHIFT: f64 = 0.5;
/// How many sizes lie between lines of one paragraph at most.
const LINE_GAP: f64 = 1.75;
/// How different sizes of one paragraph may be.
const SIZE_RATIO: f64 = 1.15;
/// What part of the page's longest line a line is shorter than that ends a paragraph with its sentence.
const SHORT_LINE: f64 = 0.8;

/// The lines of one page, as they are met.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// Where the last letter ended.
    end: f64,
}

#[derive(Debug)]
struct Line {
    text: String,
    start: f64,
    /// From the top or the bottom of the page: only the distance to other lines is looked at.
    height: f64,
    size: f64,
    letters: f64,
}

/// A paragraph or an item while its lines are put together.
struct Block {
    text: String,
    kind: Kind,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.text.trim().is_empty())
    }

    /// Writes the page as paragraphs and items.
    pub(super) fn write(self, draft: &mut Draft) -> Result<(), Refusal> {
        let longest = self.lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0);
        let mut block = Block { text: String::new(), kind: Kind::Paragraph };
        let mut before: Option<&Line> = None;
        for line in self.lines.iter().filter(|line| !line.text.trim().is_empty()) {
            let kind = if begins_an_item(&line.text) { Kind::ListItem } else { Kind::Paragraph };
            let is_new = before.is_some_and(|before| {
                kind == Kind::ListItem || is_new_block(before, line, longest, block.kind)
            });
            if is_new {
                draft.push(block.kind, &block.text)?;
            }
            if is_new || before.is_none() {
                block = Block { text: String::new(), kind };
            }
            join(&mut block.text, line.text.trim());
            before = Some(line);
        }
        draft.push(block.kind, &block.text)
    }

    fn add(&mut self, letter: &str, x: f64, y: f64, size: f64) {
        let end = self.end;
        let in_line = self.lines.last_mut().filter(|line| {
            let is_level = (y - line.height).abs() <= LINE_SHIFT * size.max(line.size);
            // Whoever goes back to the left on the same level writes over it, or begins a column anew.
            is_level && x >= end - size
        });
        match in_line {
            Some(line) => {
                if x > end + WORD_GAP * size && !line.text.ends_with(' ') {
                    line.text.push(' ');
                }
                line.text.push_str(letter);
                line.letters += 1.0;
                // The mean: a mark before an item has another size, and so has a number above.
                line.size += (size - line.size) / line.letters;
            }
            None => {
                self.lines.push(Line { text: letter.to_owned(), start: x, height: y, size, letters: 1.0 })
            }
        }
    }
}

fn is_new_block(before: &Line, line: &Line, longest: usize, kind: Kind) -> bool {
    let size = before.size.max(line.size);
    let is_far = (line.height - before.height).abs() > LINE_GAP * size;
    let is_other_size = size > SIZE_RATIO * before.size.min(line.size);
    // Within an item, what is indented is what follows the mark.
    let is_indented = kind == Kind::Paragraph && line.start > before.start + size;
    let length = u32::try_from(before.text.chars().count()).map_or(f64::MAX, f64::from);
    let is_short = length < SHORT_LINE * u32::try_from(longest).map_or(f64::MAX, f64::from);
    let ends = before.text.trim_end().ends_with(['.', ':', '!', '?', ';', '…']);
    is_far || is_other_size || is_indented || (is_short && ends)
}

fn begins_an_item(line: &str) -> bool {
    let line = line.trim_start();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let is_numbered =
        (1..=3).contains(&digits) && (line[digits..].starts_with(". ") || line[digits..].starts_with(") "));
    line.starts_with(['•', '◦', '▪', '‣', '–', '·']) || line.starts_with("- ") || is_numbered
}

/// Adds a line to its paragraph; a word that was parted at the end of a line is one again.
fn join(paragraph: &mut String, line: &str) {
    let goes_on_small = line.starts_with(char::is_lowercase);
    let parted =
        paragraph.strip_suffix(['-', '\u{ad}', '\u{2010}']).filter(|rest| rest.ends_with(char::is_lowercase));
    match parted.map(str::len) {
        Some(length) if goes_on_small => paragraph.truncate(length),
        _ if paragraph.is_empty() => {}
        _ => paragraph.push(' '),
    }
    paragraph.push_str(line);
}

impl OutputDev for Lines {
    fn begin_page(
        &mut self,
        _page: u32,
        _media_box: &MediaBox,
        _art_box: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        _spacing: f64,
        font_size: f64,
        letter: &str,
    ) -> Result<(), OutputError> {
        // A font of size 1 in a text that is made larger is as large as the text is made.
        let area = (place.m11 * place.m22 - place.m12 * place.m21).abs();
        let size = font_size.abs() * area.sqrt();
        let (x, y) = (place.m31, place.m32);
        if [x, y, size, width].iter().all(|number| number.is_finite()) {
            self.add(letter, x, y, size);
            self.end = x + width * size;
        }
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}
