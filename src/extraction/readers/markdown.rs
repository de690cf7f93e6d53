//! Markdown, by its own rules, with the tables, footnotes and front matter that many write.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use super::super::Refusal;
use super::super::draft::{Draft, Kind};
use super::html;
use super::lists::{Lists, is_bare};

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Refusal> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut reading = Reading {
        draft,
        text: String::new(),
        kind: Kind::Paragraph,
        lists: Lists::default(),
        place: Place::Text,
    };
    for event in Parser::new_ext(text, options) {
        reading.take(event)?;
    }
    reading.flush()
}

/// Where text goes that is met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    /// A block of HTML: its tags are not text.
    Html,
    /// What stands before the document about the document.
    FrontMatter,
}

struct Reading<'a> {
    draft: &'a mut Draft,
    /// The block that is being read.
    text: String,
    kind: Kind,
    lists: Lists,
    place: Place,
}

impl Reading<'_> {
    fn take(&mut self, event: Event<'_>) -> Result<(), Refusal> {
        match event {
            Event::Start(tag) => self.start(&tag)?,
            Event::End(tag) => self.end(tag)?,
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text.push_str(&text);
            }
            Event::Html(text) => self.text.push_str(&text),
            Event::SoftBreak => self.text.push(' '),
            Event::HardBreak => self.text.push('\n'),
            Event::Rule => self.flush()?,
            Event::InlineHtml(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: &Tag<'_>) -> Result<(), Refusal> {
        match tag {
            Tag::Heading { level, .. } => self.begin(Kind::Heading(number(*level))),
            Tag::Item => {
                self.begin(Kind::ListItem)?;
                self.text.push_str(&self.lists.mark());
                Ok(())
            }
            // A list within an item, or what an item says in several paragraphs.
            Tag::List(first) => {
                self.flush()?;
                self.lists.open(*first);
                Ok(())
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => self.begin(Kind::Code),
            Tag::TableHead | Tag::TableRow => self.begin(Kind::TableRow),
            Tag::HtmlBlock => self.begin_at(Place::Html),
            Tag::MetadataBlock(MetadataBlockKind::YamlStyle | MetadataBlockKind::PlusesStyle) => {
                self.begin_at(Place::FrontMatter)
            }
            Tag::Paragraph if self.kind == Kind::ListItem => {
                if !is_bare(&self.text) {
                    self.text.push('\n');
                }
                Ok(())
            }
            Tag::Paragraph | Tag::BlockQuote(_) | Tag::FootnoteDefinition(_) => self.begin(Kind::Paragraph),
            _ => Ok(()),
        }
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), Refusal> {
        match tag {
            TagEnd::TableCell => self.text.push_str(" | "),
            TagEnd::TableHead | TagEnd::TableRow => {
                let cells = self.text.trim_end_matches(" | ").len();
                self.text.truncate(cells);
                self.flush()?;
            }
            TagEnd::Heading(level) => {
                if level == HeadingLevel::H1 {
                    self.draft.name(&self.text);
                }
                self.flush()?;
            }
            TagEnd::Item | TagEnd::CodeBlock | TagEnd::FootnoteDefinition | TagEnd::BlockQuote(_) => {
                self.flush()?
            }
            TagEnd::Paragraph if self.kind != Kind::ListItem => self.flush()?,
            TagEnd::List(_) => {
                self.flush()?;
                self.lists.close();
            }
            TagEnd::HtmlBlock => {
                let text = std::mem::take(&mut self.text);
                html::read(&text, self.draft)?;
                self.place = Place::Text;
            }
            TagEnd::MetadataBlock(_) => {
                let text = std::mem::take(&mut self.text);
                if let Some(title) = title(&text) {
                    self.draft.name(title);
                }
                self.place = Place::Text;
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, kind: Kind) -> Result<(), Refusal> {
        self.flush()?;
        self.kind = kind;
        Ok(())
    }

    fn begin_at(&mut self, place: Place) -> Result<(), Refusal> {
        self.flush()?;
        self.place = place;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Refusal> {
        let kind = std::mem::replace(&mut self.kind, Kind::Paragraph);
        let text = std::mem::take(&mut self.text);
        // An item that only holds a list says nothing itself.
        if kind == Kind::ListItem && is_bare(&text) { Ok(()) } else { self.draft.push(kind, &text) }
    }
}

const fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// What the front matter calls the document.
fn title(front_matter: &str) -> Option<&str> {
    let line = front_matter.lines().find_map(|line| line.strip_prefix("title"))?;
    let value = line.trim_start().strip_prefix([':', '='])?;
    Some(value.trim().trim_matches(['"', '\'']))
}
