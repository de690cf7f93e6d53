//! Documents of Word: an archive of XML parts, of which those are read that hold text.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::super::draft::Draft;
use super::super::{Limits, Refusal, Seems};
use super::docx_body;
use super::docx_styles::Styles;
use super::xml::{Met, Part, attribute};

/// How many files the archive may list. A long thesis has hundreds, of which most are images.
const FILES_MAX: usize = 10_000;
/// How many times its packed size a part may be. XML packs well, and this is a lot more.
const RATIO_MAX: u64 = 250;
/// What is smaller is no bomb, whatever its ratio.
const HARMLESS_BYTES: u64 = 1 << 20;

pub(super) fn read(bytes: &[u8], limits: &Limits, draft: &mut Draft) -> Result<(), Refusal> {
    let mut package = Package::open(bytes, limits)?;
    let main = package.main_part()?;
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let styles = match package.part(&format!("{folder}/styles.xml"))? {
        Some(part) => Styles::read(part)?,
        None => Styles::default(),
    };
    if let Some(mut part) = package.part("docProps/core.xml")?
        && let Some(title) = title(&mut part)?
    {
        draft.name(&title);
    }
    let body = package.part(&main)?.ok_or(Refusal::Damaged)?;
    docx_body::read(body, &styles, draft)?;
    // Notes are cited like what they stand under; headers and footers repeat on every page and say little.
    for name in ["footnotes.xml", "endnotes.xml"] {
        if let Some(notes) = package.part(&format!("{folder}/{name}"))? {
            docx_body::read(notes, &styles, draft)?;
        }
    }
    Ok(())
}

struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// How many bytes may still come out of it.
    bytes_left: u64,
}

impl<'a> Package<'a> {
    fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_broken| Refusal::Damaged)?;
        if archive.len() > FILES_MAX {
            return Err(Refusal::TooLargeUnpacked);
        }
        Ok(Self { archive, bytes_left: limits.unpacked_bytes_max })
    }

    /// The name of the part that is the document.
    fn main_part(&mut self) -> Result<String, Refusal> {
        const USUAL: &str = "word/document.xml";
        for (name, seems) in
            [("xl/workbook.xml", Seems::Spreadsheet), ("ppt/presentation.xml", Seems::Presentation)]
        {
            if self.archive.index_for_name(name).is_some() {
                return Err(Refusal::UnsupportedType { seems });
            }
        }
        let mut named = None;
        if let Some(mut relations) = self.part("_rels/.rels")? {
            loop {
                match relations.next()? {
                    Met::Start(start)
                        if attribute(&start, "Type")
                            .is_some_and(|kind| kind.ends_with("/officeDocument")) =>
                    {
                        named = attribute(&start, "Target");
                    }
                    Met::Finished => break,
                    _ => {}
                }
            }
        }
        let named = named.map(|name| name.trim_start_matches('/').to_owned());
        let found = named.filter(|name| self.archive.index_for_name(name).is_some());
        match found {
            Some(name) => Ok(name),
            None if self.archive.index_for_name(USUAL).is_some() => Ok(USUAL.to_owned()),
            None => Err(Refusal::UnsupportedType { seems: Seems::Archive }),
        }
    }

    /// A part, if there is one of this name.
    fn part(&mut self, name: &str) -> Result<Option<Part<impl Read + use<'_, 'a>>>, Refusal> {
        let Some(index) = self.archive.index_for_name(name) else { return Ok(None) };
        let file = self.archive.by_index(index).map_err(|error| match error {
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Refusal::Encrypted,
            _ => Refusal::Damaged,
        })?;
        // What is declared may be a lie, so what comes is counted, too; but a bomb need not be unpacked to be known.
        let credible = file.compressed_size().saturating_mul(RATIO_MAX).max(HARMLESS_BYTES);
        if file.size() > self.bytes_left.min(credible) {
            return Err(Refusal::TooLargeUnpacked);
        }
        // What is longer than it declares ends within an element, and is damaged.
        let declared = file.size();
        self.bytes_left -= declared;
        Ok(Some(Part::new(file.take(declared))))
    }
}

/// What the document's properties call it.
fn title(properties: &mut Part<impl Read>) -> Result<Option<String>, Refusal> {
    let mut title = None;
    loop {
        match properties.next()? {
            Met::Start(start) => {
                title = (start.local_name().as_ref() == "title").then(String::new);
            }
            Met::Text(text) => {
                if let Some(title) = &mut title {
                    title.push_str(&text);
                }
            }
            Met::End(name) if name == b"title" => return Ok(title),
            Met::End(_) => title = None,
            Met::Finished => return Ok(None),
        }
    }
}
