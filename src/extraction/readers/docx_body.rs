//! The paragraphs and tables of a document of Word.

use std::io::Read;

use quick_xml::events::BytesStart;

use super::super::Refusal;
use super::super::draft::{Draft, Kind};
use super::docx_styles::{Styles, level_of};
use super::xml::{Met, Part, attribute};

pub(super) fn read(mut part: Part<impl Read>, styles: &Styles, draft: &mut Draft) -> Result<(), Refusal> {
    let mut body = Body {
        draft,
        styles,
        paragraphs: Vec::new(),
        rows: Vec::new(),
        is_text: false,
        in_properties: 0,
        skipped: 0,
    };
    loop {
        match part.next()? {
            Met::Start(start) => body.start(&start),
            Met::End(name) => body.end(&name)?,
            Met::Text(text) if body.is_text && body.skipped == 0 => body.write(&text),
            Met::Text(_) => {}
            Met::Finished => return Ok(()),
        }
    }
}

/// A paragraph that is being read.
#[derive(Default)]
struct Paragraph {
    text: String,
    heading: Option<u8>,
    is_item: bool,
}

struct Body<'a> {
    draft: &'a mut Draft,
    styles: &'a Styles,
    /// Paragraphs stand within paragraphs: a box of text in one has its own.
    paragraphs: Vec<Paragraph>,
    /// So do tables within tables: the cells of each row that is open.
    rows: Vec<Vec<String>>,
    is_text: bool,
    /// How deep the place is in what only says how things look.
    in_properties: u32,
    /// How deep it is in what is not to be read.
    skipped: u32,
}

/// What was taken out of the text, and what says once more what is said beside it.
fn is_skipped(name: &str) -> bool {
    matches!(name, "del" | "moveFrom" | "Fallback")
}

impl Body<'_> {
    fn start(&mut self, start: &BytesStart<'_>) {
        let local = start.local_name();
        let name: &str = local.as_ref();
        if self.skipped > 0 || is_skipped(name) {
            self.skipped += u32::from(is_skipped(name));
            return;
        }
        match name {
            "p" => self.paragraphs.push(Paragraph::default()),
            "t" => self.is_text = true,
            "tr" => self.rows.push(Vec::new()),
            "tc" => {
                if let Some(row) = self.rows.last_mut() {
                    row.push(String::new());
                }
            }
            "pPr" => self.in_properties += 1,
            "tab" if self.in_properties == 0 => self.write("\t"),
            "br" | "cr" => self.write("\n"),
            "noBreakHyphen" => self.write("-"),
            "pStyle" | "outlineLvl" | "numPr" => self.property(name, attribute(start, "val")),
            _ => {}
        }
    }

    fn property(&mut self, name: &str, value: Option<String>) {
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        match (name, value) {
            ("pStyle", Some(style)) => paragraph.heading = self.styles.heading(&style),
            // What a paragraph says itself comes before what its style says.
            ("outlineLvl", Some(level)) => paragraph.heading = level_of(&level),
            ("numPr", _) => paragraph.is_item = true,
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8]) -> Result<(), Refusal> {
        if self.skipped > 0 {
            self.skipped -= u32::from(std::str::from_utf8(name).is_ok_and(is_skipped));
            return Ok(());
        }
        match name {
            b"t" => self.is_text = false,
            b"pPr" => self.in_properties = self.in_properties.saturating_sub(1),
            b"p" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.add(&paragraph)?;
                }
            }
            b"tr" => {
                let Some(row) = self.rows.pop() else { return Ok(()) };
                let cells: Vec<&str> =
                    row.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
                let row = cells.join(" | ");
                match self.cell() {
                    Some(outer) => outer.push_str(&row),
                    None => self.draft.push(Kind::TableRow, &row)?,
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn write(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    /// The innermost cell that is open.
    fn cell(&mut self) -> Option<&mut String> {
        self.rows.last_mut().and_then(|row| row.last_mut())
    }

    fn add(&mut self, paragraph: &Paragraph) -> Result<(), Refusal> {
        if let Some(cell) = self.cell() {
            cell.push_str(&paragraph.text.replace('\n', " "));
            cell.push(' ');
            return Ok(());
        }
        match paragraph.heading {
            Some(level) => self.draft.push(Kind::Heading(level), &paragraph.text),
            None if paragraph.is_item && !paragraph.text.trim().is_empty() => {
                self.draft.push(Kind::ListItem, &format!("- {}", paragraph.text))
            }
            None => self.draft.push(Kind::Paragraph, &paragraph.text),
        }
    }
}
