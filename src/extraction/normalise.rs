//! One way of writing for what looks the same, and nothing that is not seen.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// How many marks may stand on one letter. No language needs more than a few; a thousand hide whatever is near.
const MARKS_MAX: usize = 16;

/// How many spaces may stand in a row where they are kept: more than code is ever indented by.
const SPACES_MAX: usize = 64;

/// What is done with the spaces of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spaces {
    /// Several are one, and those at both ends of a line are none: running text.
    Folded,
    /// Those before and between words stay: code.
    Kept,
}

/// Adds the text to `out` in its one way of writing (NFC), without an empty line at either end.
///
/// Whatever ends a line is `\n`, whatever is a space is one, and there is one empty line in a row at most. Control characters,
/// what turns the direction of writing, what has no width and what is no character are left out: they hide text from whoever
/// searches, and Postgres does not take a NUL. As soon as `out` is longer than `bytes_max` it ends, and leaves it so.
pub(super) fn normalise(text: &str, spaces: Spaces, bytes_max: usize, out: &mut String) {
    let begun = out.len();
    let mut blank_lines = 0;
    for line in Lines(text) {
        let before = out.len();
        if out.len() > begun {
            out.push('\n');
        }
        if blank_lines > 0 {
            out.push('\n');
        }
        let start = out.len();
        write_line(line, spaces, bytes_max, out);
        if out.len() > bytes_max {
            return;
        }
        let kept = out[start..].trim_end().len();
        if kept == 0 {
            out.truncate(before);
            blank_lines += usize::from(before > begun);
        } else {
            out.truncate(start + kept);
            blank_lines = 0;
        }
    }
}

fn write_line(line: &str, spaces: Spaces, bytes_max: usize, out: &mut String) {
    if line.is_ascii() {
        write_characters(line.chars(), spaces, bytes_max, out);
    } else {
        write_characters(Seen { rest: line.chars(), before: ' ', marks: 0 }.nfc(), spaces, bytes_max, out);
    }
}

fn write_characters(line: impl Iterator<Item = char>, spaces: Spaces, bytes_max: usize, out: &mut String) {
    // A space is written only before what follows it, so that none stands at the beginning or at the end.
    let mut space_waits = false;
    let mut is_first = true;
    let mut spaces_written = 0;
    for letter in line {
        if letter == ' ' || letter == '\t' {
            match spaces {
                Spaces::Kept if spaces_written < SPACES_MAX => {
                    out.push(letter);
                    spaces_written += 1;
                }
                Spaces::Kept => {}
                Spaces::Folded => space_waits = !is_first,
            }
        } else if !letter.is_control() {
            if std::mem::take(&mut space_waits) {
                out.push(' ');
            }
            out.push(letter);
            is_first = false;
            spaces_written = 0;
        }
        if out.len() > bytes_max {
            return;
        }
    }
}

/// The lines of a text, whatever they end with.
struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let is_end =
            |letter| matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let Some(end) = self.0.find(is_end) else { return Some(std::mem::take(&mut self.0)) };
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix("\r\n").unwrap_or_else(|| {
            let mut letters = rest.chars();
            letters.next();
            letters.as_str()
        });
        Some(line)
    }
}

/// The characters of a line that are seen, with plain spaces between them.
struct Seen<'a> {
    rest: std::str::Chars<'a>,
    before: char,
    marks: usize,
}

impl Iterator for Seen<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            let letter = self.rest.next()?;
            let letter = if letter.is_whitespace() && letter != '\t' { ' ' } else { letter };
            if canonical_combining_class(letter) == 0 {
                self.marks = 0;
            } else {
                self.marks += 1;
            }
            if self.marks > MARKS_MAX || is_unseen(letter) || (is_joiner(letter) && !joins(self.before)) {
                continue;
            }
            self.before = letter;
            return Some(letter);
        }
    }
}

fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}')
}

/// Joiners shape letters of scripts beyond the Latin one, and emoji; elsewhere they only hide a word from whoever searches.
fn joins(before: char) -> bool {
    before > '\u{2ff}' && !is_joiner(before)
}

fn is_unseen(letter: char) -> bool {
    // Before marks and letters are put together: what stood between them would keep them apart.
    let is_control = letter.is_control() && letter != '\t';
    let is_noncharacter =
        matches!(u32::from(letter), 0xfdd0..=0xfdef) || u32::from(letter) & 0xfffe == 0xfffe;
    let is_unseen = matches!(
        letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{e000}'..='\u{e002}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    is_control || is_unseen || is_noncharacter
}
