//! Which styles of a document are those of its headings.

use std::collections::HashMap;
use std::io::Read;

use super::super::Refusal;
use super::xml::{Met, Part, attribute};

/// How far a style may stand from the one that says that it is a heading's.
const BASES_MAX: usize = 16;
/// The outline levels of headings; the one behind them is body text.
const LEVELS: u8 = 9;

/// The styles that a document's paragraphs name by their ids.
#[derive(Debug, Default)]
pub(super) struct Styles(HashMap<String, Style>);

#[derive(Debug, Default)]
struct Style {
    /// The style that it is like, but for what it says itself.
    base: Option<String>,
    /// `Some(None)` says that it is no heading, although its base is.
    level: Option<Option<u8>>,
}

impl Styles {
    pub(super) fn read(mut part: Part<impl Read>) -> Result<Self, Refusal> {
        let mut styles = HashMap::new();
        let mut current: Option<(String, Style)> = None;
        loop {
            match part.next()? {
                Met::Start(start) if start.local_name().as_ref() == "style" => {
                    current = attribute(&start, "styleId").map(|id| (id, Style::default()));
                }
                Met::Start(start) => {
                    let Some((_, style)) = &mut current else { continue };
                    let value = attribute(&start, "val");
                    match (start.local_name().as_ref(), value) {
                        ("basedOn", value) => style.base = value,
                        ("outlineLvl", Some(value)) => style.level = Some(level_of(&value)),
                        // Ids are in the language of whoever wrote it; the names of these styles are not.
                        ("name", Some(name)) if style.level.is_none() => {
                            style.level = by_name(&name).map(Some)
                        }
                        _ => {}
                    }
                }
                Met::End(name) if name == b"style" => styles.extend(current.take()),
                Met::End(_) | Met::Text(_) => {}
                Met::Finished => return Ok(Self(styles)),
            }
        }
    }

    /// The level of the headings that have this style, from 1 to 6.
    pub(super) fn heading(&self, id: &str) -> Option<u8> {
        let mut id = id;
        for _ in 0..BASES_MAX {
            let Some(style) = self.0.get(id) else { return by_name(id) };
            match (style.level, &style.base) {
                (Some(level), _) => return level,
                (None, Some(base)) => id = base,
                (None, None) => return None,
            }
        }
        None
    }
}

/// The level of a heading whose outline level stands in the document, counted from 0.
pub(super) fn level_of(outline: &str) -> Option<u8> {
    let outline: u8 = outline.parse().ok().filter(|level| *level < LEVELS)?;
    Some((outline + 1).min(6))
}

fn by_name(name: &str) -> Option<u8> {
    let name = name.to_lowercase();
    if matches!(name.as_str(), "title" | "título" | "titulo" | "titel" | "titre") {
        return Some(1);
    }
    let words = ["heading", "título", "titulo", "ttulo", "überschrift", "berschrift", "titre", "titolo"];
    let number = words.iter().find_map(|word| name.strip_prefix(word))?.trim();
    let level: u8 = number.parse().ok()?;
    (1..=LEVELS).contains(&level).then(|| level.min(6))
}
