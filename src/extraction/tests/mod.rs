//! Documents of people, and of those who mean no good.

mod archives;
mod chunks;
mod confined;
mod hostile;
mod making;
mod markdown;
mod normalising;
mod pages;
mod pdfs;
mod properties;
mod sniffing;
mod subtitles;
mod texts;
mod words;

use super::{Extracted, Format, Limits, Refusal, Wish, extract};
use crate::models::knowledge::EntryDataType;

/// A wish for whatever the bytes are.
fn wish() -> Wish {
    Wish { format: None, name: None, data_type: EntryDataType::Document }
}

fn named(name: &str) -> Wish {
    Wish { name: Some(name.to_owned()), ..wish() }
}

fn read(bytes: &[u8]) -> Result<Extracted, Refusal> {
    extract(bytes, &wish(), &Limits::default())
}

fn read_as(bytes: &[u8], format: Format) -> Result<Extracted, Refusal> {
    extract(bytes, &Wish { format: Some(format), ..wish() }, &Limits::default())
}
