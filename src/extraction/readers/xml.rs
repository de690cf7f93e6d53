//! XML parts of a document, event by event.

use std::io::{BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::super::Refusal;

/// How deep elements may be: whoever writes documents needs some dozens.
const DEPTH_MAX: usize = 1_024;

/// A part that is being read.
pub(super) struct Part<R> {
    reader: Reader<BufReader<R>>,
    buffer: Vec<u8>,
    depth: usize,
}

/// What is met in a part.
pub(super) enum Met<'a> {
    Start(BytesStart<'a>),
    End(Vec<u8>),
    Text(String),
    Finished,
}

impl<R: Read> Part<R> {
    pub(super) fn new(source: R) -> Self {
        let mut reader = Reader::from_reader(BufReader::new(source));
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_end_names = true;
        Self { reader, buffer: Vec::new(), depth: 0 }
    }

    /// The next start, end or text.
    ///
    /// Entities of its own make no document of the Office, and are where XML turns into gigabytes or into somebody's files: a
    /// part that declares any is damaged.
    pub(super) fn next(&mut self) -> Result<Met<'_>, Refusal> {
        self.buffer.clear();
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|_broken| Refusal::Damaged)?;
        Ok(match event {
            Event::Start(start) => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(Refusal::TooDeep);
                }
                Met::Start(start)
            }
            Event::End(end) => {
                self.depth = self.depth.saturating_sub(1);
                Met::End(end.local_name().as_ref().as_bytes().to_vec())
            }
            Event::Text(text) => Met::Text(text.xml10_content().into_owned()),
            Event::CData(text) => Met::Text(text.xml10_content().into_owned()),
            Event::GeneralRef(reference) => Met::Text(character(&reference)?.to_string()),
            Event::DocType(_) => return Err(Refusal::Damaged),
            // What is cut off within an element is damaged.
            Event::Eof if self.depth > 0 => return Err(Refusal::Damaged),
            Event::Eof => Met::Finished,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Met::Text(String::new()),
        })
    }
}

fn character(reference: &BytesRef<'_>) -> Result<char, Refusal> {
    if let Some(letter) = reference.resolve_char_ref().map_err(|_broken| Refusal::Damaged)? {
        return Ok(letter);
    }
    match reference.clone().into_inner().as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Refusal::Damaged),
    }
}

/// The value of an attribute, by its name without the namespace.
pub(super) fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = start.attributes().flatten();
    let found = attributes.find(|attribute| attribute.key.local_name().as_ref() == name)?;
    Some(found.value.into_owned())
}
