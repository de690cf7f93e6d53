//! What bytes are: sniffed, not believed. A name or a wish decides only between what the same bytes could be.

use super::magic;
use super::{Refusal, Seems, decode};
use crate::models::knowledge::Format;

/// How much of a document tells what it is; more may be given.
pub const HEAD_BYTES: usize = 8_192;

/// Says what a document is by its first bytes ([`HEAD_BYTES`] are enough), so that it can be refused before the rest has come.
///
/// # Errors
/// When it is of a kind that is not read, encrypted or empty. What is taken may still be refused when it is read.
pub fn sniff(head: &[u8], name: Option<&str>) -> Result<Format, Refusal> {
    format_of(head, None, name)
}

/// The same for whoever has been told what it is, too.
pub(super) fn format_of(head: &[u8], wish: Option<Format>, name: Option<&str>) -> Result<Format, Refusal> {
    if head.is_empty() {
        return Err(Refusal::Empty);
    }
    // Whoever makes PDFs may write something before them, and readers look for the mark in the first kilobyte.
    if position(&head[..head.len().min(1_024)], b"%PDF-").is_some() {
        return Ok(Format::Pdf);
    }
    if head.starts_with(b"PK\x03\x04") {
        return magic::office(head);
    }
    if let Some(seems) = magic::seems(head) {
        let is_encrypted = seems == Seems::OldOffice && position(head, &wide("EncryptedPackage")).is_some();
        return Err(if is_encrypted { Refusal::Encrypted } else { Refusal::UnsupportedType { seems } });
    }
    let encoding = decode::encoding_of(head)?;
    let (text, _) = encoding.decode_with_bom_removal(&head[..head.len().min(HEAD_BYTES)]);
    let told = wish.or_else(|| by_name(name));
    by_text(&text, told)
}

/// Tells apart what is text. What shows its kind is of that kind; otherwise it is what it is said to be, or plain.
fn by_text(text: &str, told: Option<Format>) -> Result<Format, Refusal> {
    let text = text.trim_start();
    let beginning: String = text.chars().take(1_024).collect::<String>().to_ascii_lowercase();
    if is_vtt(text) {
        return Ok(Format::Vtt);
    }
    if is_srt(text) {
        return Ok(Format::Srt);
    }
    if is_page(&beginning) {
        return Ok(Format::Html);
    }
    if beginning.starts_with("<?xml") || beginning.starts_with("<svg") {
        let seems = if beginning.contains("<svg") { Seems::Image } else { Seems::Xml };
        return Err(Refusal::UnsupportedType { seems });
    }
    for (start, seems) in [("{\\rtf", Seems::RichText), ("%!ps", Seems::PostScript)] {
        if beginning.starts_with(start) {
            return Err(Refusal::UnsupportedType { seems });
        }
    }
    match told {
        // Bytes that are text are neither of these, whatever somebody says.
        None | Some(Format::Pdf | Format::Docx) => {
            let is_fragment = told.is_none() && ELEMENTS.iter().any(|element| opens(&beginning, element));
            Ok(if is_fragment { Format::Html } else { Format::Text })
        }
        Some(told) => Ok(told),
    }
}

/// What a piece of a page begins with. Markdown may begin with them, too, but is called so.
const ELEMENTS: [&str; 10] = ["div", "p", "h1", "h2", "table", "ul", "ol", "article", "section", "main"];

fn opens(text: &str, element: &str) -> bool {
    let rest = text.strip_prefix('<').and_then(|text| text.strip_prefix(element));
    rest.is_some_and(|rest| rest.starts_with(['>', ' ', '\n', '\r', '\t', '/']))
}

fn is_page(beginning: &str) -> bool {
    let mut text = beginning;
    // Comments and the declaration of XML may stand before the page.
    loop {
        text = text.trim_start();
        let end = if text.starts_with("<!--") {
            text.find("-->").map(|end| end + 3)
        } else if text.starts_with("<?xml") {
            text.find("?>").map(|end| end + 2)
        } else {
            return text.starts_with("<!doctype html")
                || ["html", "head", "body"].iter().any(|element| opens(text, element));
        };
        match end {
            Some(end) => text = &text[end..],
            None => return false,
        }
    }
}

fn is_vtt(text: &str) -> bool {
    text.strip_prefix("WEBVTT")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

/// A number, and below it two times.
fn is_srt(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_number =
        lines.next().is_some_and(|line| line.len() < 10 && line.bytes().all(|byte| byte.is_ascii_digit()));
    is_number && lines.next().is_some_and(|line| super::readers::subtitles::times(line).is_some())
}

fn by_name(name: Option<&str>) -> Option<Format> {
    let (_, extension) = name?.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "md" | "markdown" | "mdown" | "mkd" => Some(Format::Markdown),
        "htm" | "html" | "xhtml" => Some(Format::Html),
        "srt" => Some(Format::Srt),
        "vtt" => Some(Format::Vtt),
        "txt" | "text" => Some(Format::Text),
        _ => None,
    }
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}
