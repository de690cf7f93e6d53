//! From bytes to a document, for texts that may be broken or meant to break us.

use std::fmt;
use std::path::Path;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use thiserror::Error;

/// Levels of lists and objects in a YAML text. A definition in a list needs three.
const DEPTH_MAX: usize = 32;

/// Values in a YAML text. As many as the largest import has, and not as many as fill the memory.
const NODES_MAX: usize = 100_000;

/// Bytes of the values of a YAML text after its aliases were followed; a text itself is smaller.
const VALUE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Aliases in a YAML text. Some share a prompt; nobody needs many.
const ALIASES_MAX: usize = 1_000;

/// How much of a parser's words goes back to whoever sent the text.
const REASON_CHARS_MAX: usize = 200;

/// How definitions are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionFormat {
    /// `.json`, `application/json`.
    Json,
    /// `.yaml` or `.yml`, `application/yaml`.
    Yaml,
}

impl DefinitionFormat {
    /// What a file's name promises; `None` when it is no name of a definition.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// What a media type promises, without its parameters; `None` when it is no type of a definition.
    #[must_use]
    pub fn of_media_type(essence: &str) -> Option<Self> {
        match essence {
            "application/json" => Some(Self::Json),
            "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Some(Self::Yaml),
            other if other.starts_with("application/") && other.ends_with("+json") => Some(Self::Json),
            other if other.starts_with("application/") && other.ends_with("+yaml") => Some(Self::Yaml),
            _ => None,
        }
    }

    /// What a text looks like that has no name and no type.
    #[must_use]
    pub fn of_text(bytes: &[u8]) -> Self {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if matches!(first, Some(b'{' | b'[')) { Self::Json } else { Self::Yaml }
    }
}

impl fmt::Display for DefinitionFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        })
    }
}

/// A text that is not what it is said to be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotReadable {
    /// Not a text.
    #[error("is not UTF-8")]
    NotUtf8,
    /// A text of another form, or one that would take too much to read.
    #[error("is not {format} that can be read: {reason}")]
    Malformed {
        /// What it should have been.
        format: DefinitionFormat,
        /// What the parser found, with its place.
        reason: String,
    },
}

/// Reads a text as one document. A key that is there twice is a fault: nobody knows which of them was meant.
///
/// # Errors
/// [`NotReadable`] when it is no such text, or nests, repeats or refers more than a definition could need.
pub fn parse(format: DefinitionFormat, bytes: &[u8]) -> Result<Value, NotReadable> {
    let text = std::str::from_utf8(bytes).map_err(|_not_utf8| NotReadable::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = match format {
        DefinitionFormat::Json => {
            serde_json::from_str::<Unambiguous>(text).map_err(|error| error.to_string())
        }
        DefinitionFormat::Yaml => serde_saphyr::from_str_with_options::<Unambiguous>(text, yaml_options())
            .map_err(|error| error.to_string()),
    };
    parsed.map(|document| document.0).map_err(|reason| {
        let reason = reason.lines().next().unwrap_or_default().chars().take(REASON_CHARS_MAX).collect();
        NotReadable::Malformed { format, reason }
    })
}

fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 4 * NODES_MAX,
            max_aliases: ALIASES_MAX,
            max_anchors: ALIASES_MAX,
            max_documents: 1,
            max_total_scalar_bytes: VALUE_BYTES_MAX,
        },
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        // `no` is a word, not false.
        strict_booleans: true,
        with_snippet: false,
    }
}

/// A JSON value out of whatever form, in which no object has a key twice.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that JSON has, too")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = serde_json::Number::from_f64(value);
        number.map(Value::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Unambiguous(value) = entries.next_value()?;
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key {key:?} is there twice")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
