//! What knows a format, one file each. A reader writes blocks into a draft and refuses what it cannot read; it bounds depth by
//! itself, the draft bounds the text, and what else a library does with a hostile file is bounded by the process.

mod docx;
mod docx_body;
mod docx_styles;
mod html;
mod html_elements;
mod lists;
mod markdown;
mod pdf;
mod pdf_lines;
mod plain;
pub(super) mod subtitles;
mod xml;

use super::draft::Draft;
use super::{Limits, Refusal, decode};
use crate::models::knowledge::Format;

/// Reads a document that was found to be of this format.
pub(super) fn read(format: Format, bytes: &[u8], limits: &Limits, draft: &mut Draft) -> Result<(), Refusal> {
    match format {
        Format::Text => plain::read(&decode::characters(bytes)?, draft),
        Format::Markdown => markdown::read(&decode::characters(bytes)?, draft),
        Format::Html => html::read_bytes(bytes, draft),
        Format::Pdf => pdf::read(bytes, draft),
        Format::Docx => docx::read(bytes, limits, draft),
        Format::Srt | Format::Vtt => subtitles::read(&decode::characters(bytes)?, draft),
    }
}
