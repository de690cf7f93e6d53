//! From the bytes of a document to text that can be searched and cited: read in a child process that can do nothing else.
//!
//! A document is hostile until it was read. So the parent never looks into one: [`Extractor`] starts this program once more
//! ([`serve`] is what it does then), pipes the bytes into it, and believes only an answer that keeps the limits.
//!
//! In the child, in this order:
//!
//! 1. `confinement` takes away what is not needed for reading: files, sockets, other programs, memory and time without end.
//! 2. `sniff` decides what the bytes are; names are only heard where bytes do not say.
//! 3. `readers` write blocks into a `draft`, which normalises them (`normalise`) and holds the bound on text.
//! 4. `chunking` cuts the draft into chunks at `borders` that are seen in the text.
//!
//! Why it is like this, and what is weak about it: `docs/decisions/0021-documents-are-read-in-a-child.md`.

mod borders;
mod child;
mod chunking;
mod confinement;
mod decode;
mod draft;
mod ending;
mod magic;
mod normalise;
mod protocol;
mod readers;
mod refusal;
mod serve;
mod sniff;
mod wish;

#[cfg(test)]
mod tests;

pub use crate::models::knowledge::Format;
pub use child::{ExtractionError, Extractor};
pub use confinement::ChildLimits;
pub use refusal::{Refusal, Seems};
pub use serve::serve;
pub use sniff::{HEAD_BYTES, sniff};
pub use wish::{Extracted, Limits, Wish};

use draft::Draft;

/// Reads a document, whatever process this is: for one that is confined, and for tests.
///
/// # Errors
/// When there is no text to be had of it within the limits.
pub fn extract(bytes: &[u8], wish: &Wish, limits: &Limits) -> Result<Extracted, Refusal> {
    let format = sniff::format_of(bytes, wish.format, wish.name.as_deref())?;
    let mut draft = Draft::new(limits);
    readers::read(format, bytes, limits, &mut draft)?;
    if draft.blocks.is_empty() {
        return Err(if format == Format::Pdf { Refusal::NoText } else { Refusal::Empty });
    }
    let chunks = chunking::cut(&draft, limits)?;
    Ok(Extracted { format, title: draft.title, text: draft.text, chunks })
}
