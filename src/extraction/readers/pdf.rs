//! PDFs, page by page, through `pdf-extract`, which says where each letter stands; `pdf_lines` makes text of that.
//!
//! The library panics at much that it does not expect, and can be led round in circles. A panic costs the page that it is on;
//! what ends a process ends the child.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{Dictionary, Document, Error, Object, ObjectId, output_doc_page};

use super::super::Refusal;
use super::super::draft::Draft;
use super::pdf_lines::Lines;

/// How far a page may stand from the root of the tree of pages. The library follows parents without end.
const PARENTS_MAX: usize = 64;
/// How many pages there may be: the library looks for each of them from the first on.
const PAGES_MAX: usize = 10_000;

pub(super) fn read(bytes: &[u8], draft: &mut Draft) -> Result<(), Refusal> {
    let mut document = load(bytes)?;
    let pages = document.get_pages();
    if pages.is_empty() {
        return Err(Refusal::Damaged);
    }
    if pages.len() > PAGES_MAX {
        return Err(Refusal::TooMuchText);
    }
    for page in pages.values() {
        judge_parents(&document, *page)?;
    }
    without_images(&mut document);
    if let Some(title) = title(&document) {
        draft.name(&title);
    }
    let mut pages_read = 0;
    for number in pages.keys() {
        let mut lines = Lines::default();
        let output = catch_unwind(AssertUnwindSafe(|| output_doc_page(&document, &mut lines, *number)));
        // What was read of a page before it broke is text all the same.
        pages_read += usize::from(matches!(output, Ok(Ok(()))) || !lines.is_empty());
        draft.page = Some(*number);
        lines.write(draft)?;
    }
    if pages_read == 0 { Err(Refusal::Damaged) } else { Ok(()) }
}

fn load(bytes: &[u8]) -> Result<Document, Refusal> {
    let loaded = catch_unwind(|| Document::load_mem(bytes)).map_err(|_panic| Refusal::Damaged)?;
    match loaded {
        // Many are encrypted with no password, only to forbid that they are printed.
        Ok(document) if document.is_encrypted() => decrypted(document),
        Ok(document) => Ok(document),
        Err(Error::InvalidPassword | Error::Decryption(_) | Error::UnsupportedSecurityHandler(_)) => {
            Err(Refusal::Encrypted)
        }
        Err(_) => Err(Refusal::Damaged),
    }
}

fn decrypted(mut document: Document) -> Result<Document, Refusal> {
    let decrypted = catch_unwind(AssertUnwindSafe(move || document.decrypt("").map(|()| document)));
    decrypted.ok().and_then(Result::ok).ok_or(Refusal::Encrypted)
}

fn judge_parents(document: &Document, page: ObjectId) -> Result<(), Refusal> {
    let mut node = page;
    for _ in 0..PARENTS_MAX {
        let parent =
            document.get_dictionary(node).and_then(|node| node.get(b"Parent")).and_then(Object::as_reference);
        match parent {
            Ok(parent) => node = parent,
            Err(_) => return Ok(()),
        }
    }
    Err(Refusal::TooDeep)
}

/// Empties the images: the library looks for text in whatever a page shows.
fn without_images(document: &mut Document) {
    for object in document.objects.values_mut() {
        let Object::Stream(stream) = object else { continue };
        if matches!(stream.dict.get(b"Subtype").and_then(Object::as_name), Ok(b"Image")) {
            stream.dict.remove(b"Filter");
            stream.set_content(Vec::new());
        }
    }
}

/// What the document calls itself.
fn title(document: &Document) -> Option<String> {
    let information: &Dictionary = match document.trailer.get(b"Info").ok()? {
        Object::Reference(id) => document.get_dictionary(*id).ok()?,
        Object::Dictionary(information) => information,
        _ => return None,
    };
    let title = information.get(b"Title").ok()?;
    catch_unwind(AssertUnwindSafe(|| pdf_extract::decode_text_string(title).ok())).ok().flatten()
}
