//! Text without marks: empty lines part its paragraphs.

use super::super::Refusal;
use super::super::draft::{Draft, Kind};

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Refusal> {
    let mut start = 0;
    let mut place = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            draft.push(Kind::Paragraph, &text[start..place])?;
            start = place + line.len();
        }
        place += line.len();
    }
    draft.push(Kind::Paragraph, &text[start..])
}
