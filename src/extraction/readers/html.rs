//! Pages. The text of a page is met in the order in which it is written; no tree is built, so depth costs nothing.

use encoding_rs::Encoding;
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use super::super::draft::{Draft, Kind};
use super::super::{Refusal, decode};
use super::html_elements::{Role, is_void, role};
use super::lists::{Lists, is_bare};

/// Where a page may name its encoding.
const META_BYTES: usize = 4_096;
pub(super) fn read_bytes(bytes: &[u8], draft: &mut Draft) -> Result<(), Refusal> {
    let text = match named_encoding(bytes) {
        Some(encoding) if Encoding::for_bom(bytes).is_none() => decode::characters_in(bytes, encoding),
        _ => decode::characters(bytes)?,
    };
    read(&text, draft)
}

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Refusal> {
    let mut emitter = DefaultEmitter::default();
    // What is in a script is no tag.
    emitter.naively_switch_states(true);
    let mut reading = Reading::new(draft);
    for token in Tokenizer::new_with_emitter(text, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => reading.start(&tag)?,
            Token::EndTag(tag) => reading.end(&tag.name)?,
            Token::String(text) => reading.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reading.finish_row()?;
    reading.flush()
}

/// What `<meta charset>`, or the older way with `content-type`, says near the beginning.
fn named_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes[..bytes.len().min(META_BYTES)].to_ascii_lowercase();
    let metas = memchr::memmem::find_iter(&head, b"<meta").map(|place| &head[place..]);
    let named = metas.filter_map(|meta| {
        let meta = &meta[..meta.iter().position(|byte| *byte == b'>').unwrap_or(meta.len())];
        let value = &meta[memchr::memmem::find(meta, b"charset")? + b"charset".len()..];
        let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
        let end = value.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"-_:".contains(byte)));
        Encoding::for_label(&value[..end.unwrap_or(value.len())])
    });
    // A page that could be read up to here is not in UTF-16, whatever it says.
    named.map(Encoding::output_encoding).next()
}

struct Reading<'a> {
    draft: &'a mut Draft,
    text: String,
    kind: Kind,
    lists: Lists,
    /// The cells of the row that is being read.
    row: Option<Vec<String>>,
    /// The element that is skipped, and how many of its name are open.
    skipped: Option<(Vec<u8>, u32)>,
    is_title: bool,
    preformatted: u32,
}

impl<'a> Reading<'a> {
    fn new(draft: &'a mut Draft) -> Self {
        let (text, kind, lists) = (String::new(), Kind::Paragraph, Lists::default());
        Self { draft, text, kind, lists, row: None, skipped: None, is_title: false, preformatted: 0 }
    }

    fn text(&mut self, text: &str) {
        if self.skipped.is_some() {
            return;
        }
        if self.preformatted > 0 && self.row.is_none() {
            self.text.push_str(text);
            return;
        }
        // In a page, the end of a line is a space.
        let is_space = |letter: char| matches!(letter, '\n' | '\r' | '\t' | '\u{c}');
        match text.contains(is_space) {
            true => self.text.push_str(&text.replace(is_space, " ")),
            false => self.text.push_str(text),
        }
    }

    fn start(&mut self, tag: &StartTag<()>) -> Result<(), Refusal> {
        let name: &[u8] = &tag.name;
        let role = role(name);
        if self.stays_skipped(name) {
            return Ok(());
        }
        let is_hidden = tag.attributes.contains_key(b"hidden".as_slice());
        if role == Role::Skipped || (is_hidden && !is_void(name)) {
            if !tag.self_closing {
                self.flush_unless(role == Role::Inline)?;
                self.skipped = Some((name.to_owned(), 1));
            }
            return Ok(());
        }
        self.open(role)
    }

    /// Counts what is opened within what is skipped. A forgotten end of a navigation ends where the page's matter begins.
    fn stays_skipped(&mut self, name: &[u8]) -> bool {
        let Some((skipped, open)) = &mut self.skipped else { return false };
        if skipped.as_slice() == b"nav" && matches!(name, b"main" | b"article" | b"body") {
            self.skipped = None;
            return false;
        }
        if skipped == name {
            *open = open.saturating_add(1);
        }
        true
    }

    fn open(&mut self, role: Role) -> Result<(), Refusal> {
        match role {
            Role::Inline | Role::Skipped => {}
            Role::LineBreak => self.text.push('\n'),
            Role::Title => {
                self.flush()?;
                self.is_title = true;
            }
            Role::Row => {
                self.finish_row()?;
                self.flush()?;
                self.row = Some(Vec::new());
            }
            Role::Cell => self.finish_cell(),
            Role::Heading(level) => self.begin(Kind::Heading(level))?,
            Role::Item => {
                self.begin(Kind::ListItem)?;
                self.text.push_str(&self.lists.mark());
            }
            Role::List | Role::NumberedList => {
                self.flush()?;
                self.lists.open((role == Role::NumberedList).then_some(1));
            }
            Role::Preformatted => {
                self.begin(Kind::Code)?;
                self.preformatted = self.preformatted.saturating_add(1);
            }
            Role::Block | Role::Table => self.part()?,
        }
        Ok(())
    }

    fn end(&mut self, name: &[u8]) -> Result<(), Refusal> {
        if let Some((skipped, open)) = &mut self.skipped {
            if skipped == name {
                *open -= 1;
                if *open == 0 {
                    self.skipped = None;
                }
            }
            return Ok(());
        }
        match role(name) {
            Role::Inline | Role::Skipped | Role::LineBreak => {}
            Role::Title => {
                if std::mem::take(&mut self.is_title) {
                    let title = std::mem::take(&mut self.text);
                    self.draft.name(&title);
                }
            }
            Role::Cell => self.finish_cell(),
            Role::Row | Role::Table => self.finish_row()?,
            Role::List | Role::NumberedList => {
                self.flush()?;
                self.lists.close();
            }
            Role::Preformatted => {
                self.flush()?;
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            Role::Block if self.kind == Kind::ListItem => self.part()?,
            Role::Block | Role::Heading(_) | Role::Item => self.flush()?,
        }
        Ok(())
    }

    /// Parts what follows from what came before: within an item, by a line; elsewhere by a block.
    fn part(&mut self) -> Result<(), Refusal> {
        if self.kind == Kind::ListItem && self.row.is_none() {
            if !is_bare(&self.text) {
                self.text.push('\n');
            }
            return Ok(());
        }
        self.flush()
    }

    fn begin(&mut self, kind: Kind) -> Result<(), Refusal> {
        self.flush()?;
        if self.row.is_none() {
            self.kind = kind;
        }
        Ok(())
    }

    fn flush_unless(&mut self, is_inline: bool) -> Result<(), Refusal> {
        if is_inline { Ok(()) } else { self.flush() }
    }

    /// Ends a block. In a row blocks are only words of a cell.
    fn flush(&mut self) -> Result<(), Refusal> {
        if self.row.is_some() {
            self.text.push(' ');
            return Ok(());
        }
        let kind = std::mem::replace(&mut self.kind, Kind::Paragraph);
        let text = std::mem::take(&mut self.text);
        if kind == Kind::ListItem && is_bare(&text) { Ok(()) } else { self.draft.push(kind, &text) }
    }

    fn finish_cell(&mut self) {
        let Some(row) = &mut self.row else { return };
        let cell = std::mem::take(&mut self.text);
        if !cell.trim().is_empty() {
            row.push(cell.replace('\n', " ").trim().to_owned());
        }
    }

    fn finish_row(&mut self) -> Result<(), Refusal> {
        self.finish_cell();
        match self.row.take() {
            Some(cells) => self.draft.push(Kind::TableRow, &cells.join(" | ")),
            None => self.flush(),
        }
    }
}
