//! What somebody looks for: words, "phrases", begin* and -without.

use crate::models::document;
use crate::models::search::fold;

/// Longer is a text, not a question.
const QUERY_CHARS_MAX: usize = 500;
/// More say no more.
const TERMS_MAX: usize = 32;
/// A beginning of fewer letters begins half of all words.
const PREFIX_CHARS_MIN: usize = 2;
/// No word is longer.
const PREFIX_BYTES_MAX: usize = 100;

/// What a term asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermKind {
    /// A word in any of its forms; the more of them, the better.
    Word,
    /// Words that begin so; likewise.
    Prefix,
    /// Words in this order; nothing is found without it.
    Phrase,
    /// Nothing is found that has this.
    Without,
}

/// One part of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// What it asks for.
    pub kind: TermKind,
    /// Its words as they were typed.
    pub text: String,
}

/// A query, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// It, as it was typed.
    pub text: String,
    /// Its parts: at least one that something can be found by.
    pub terms: Vec<Term>,
}

impl SearchQuery {
    /// Reads what somebody typed. Nothing in it is an error but its length and its emptiness: what makes no sense as an
    /// operator is taken for what it looks like.
    ///
    /// # Errors
    /// What it must be like.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = document::line(text, QUERY_CHARS_MAX)?;
        let mut terms = Vec::new();
        let mut rest = text.as_str();
        while let Some((piece, behind)) = next_piece(rest) {
            rest = behind;
            if let Some(term) = piece.term()
                && !terms.contains(&term)
            {
                terms.push(term);
            }
        }
        if !terms.iter().any(|term| term.kind != TermKind::Without) {
            return Err("must have a word to look for".to_owned());
        }
        terms.truncate(TERMS_MAX);
        Ok(Self { text, terms })
    }
}

/// What stands between spaces, or between quotes.
struct Piece<'a> {
    text: &'a str,
    is_quoted: bool,
    is_without: bool,
}

fn next_piece(text: &str) -> Option<(Piece<'_>, &str)> {
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    let (is_without, text) = match text.strip_prefix('-') {
        Some(rest) if !rest.starts_with([' ', '-']) && !rest.is_empty() => (true, rest),
        _ => (false, text),
    };
    if let Some(quoted) = text.strip_prefix('"') {
        // A quote that is not closed goes to the end.
        let (inside, behind) = quoted.split_once('"').unwrap_or((quoted, ""));
        return Some((Piece { text: inside, is_quoted: true, is_without }, behind));
    }
    let end = text.find([' ', '"']).unwrap_or(text.len());
    let (word, behind) = text.split_at(end);
    Some((Piece { text: word, is_quoted: false, is_without }, behind))
}

impl Piece<'_> {
    /// `None` where there is no letter and no digit.
    fn term(&self) -> Option<Term> {
        // A path is another word without its first slash.
        let is_edge = |letter: char| !letter.is_alphanumeric();
        let text =
            self.text.trim_end_matches(is_edge).trim_start_matches(|letter| is_edge(letter) && letter != '/');
        if !text.contains(char::is_alphanumeric) {
            return None;
        }
        let is_begun = !self.is_quoted && self.text.ends_with('*');
        let kind = match (self.is_without, self.is_quoted) {
            (true, _) => TermKind::Without,
            (false, true) if text.split_whitespace().nth(1).is_some() => TermKind::Phrase,
            (false, false) if is_begun => match beginning(text) {
                Some(text) => return Some(Term { kind: TermKind::Prefix, text }),
                None => TermKind::Word,
            },
            (false, _) => TermKind::Word,
        };
        Some(Term { kind, text: text.to_owned() })
    }
}

/// The beginning of a word as words are compared, if it is one: folding may make several words of a letter, or marks.
fn beginning(text: &str) -> Option<String> {
    let folded = fold(text);
    let is_one = folded.len() <= PREFIX_BYTES_MAX
        && folded.chars().count() >= PREFIX_CHARS_MIN
        && folded.chars().all(char::is_alphanumeric);
    is_one.then_some(folded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(TermKind, String)> {
        SearchQuery::read(text).unwrap().terms.into_iter().map(|term| (term.kind, term.text)).collect()
    }

    #[test]
    fn words_phrases_beginnings_and_exclusions_are_told_apart() {
        use TermKind::{Phrase, Prefix, Without, Word};
        let terms = |terms: &[(TermKind, &str)]| -> Vec<(TermKind, String)> {
            terms.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect()
        };
        assert_eq!(
            read("¿Cómo  rota la «clave»?"),
            terms(&[(Word, "Cómo"), (Word, "rota"), (Word, "la"), (Word, "clave")])
        );
        assert_eq!(read(r#""dead letter" -queue"#), terms(&[(Phrase, "dead letter"), (Without, "queue")]));
        assert_eq!(read(r#"a -"two words""#), terms(&[(Word, "a"), (Without, "two words")]));
        assert_eq!(read("Configuraci* x*"), terms(&[(Prefix, "configuraci"), (Word, "x")]));
        assert_eq!(read(r#""one" "open end"#), terms(&[(Word, "one"), (Phrase, "open end")]));
        assert_eq!(
            read("user-name - -- kill -9"),
            terms(&[(Word, "user-name"), (Word, "kill"), (Without, "9")])
        );
        assert_eq!(read("same same"), terms(&[(Word, "same")]));
        assert_eq!(read("¿(/usr/local)?"), terms(&[(Word, "/usr/local")]));
        assert_eq!(read("⑴⑵* ﷺﷺ*"), terms(&[(Word, "⑴⑵"), (Word, "ﷺﷺ")]), "folded, they are no single word");
    }

    #[test]
    fn a_query_without_a_word_to_look_for_is_refused() {
        for text in ["", " ", "-a", "?!", "\"\"", "a\nb"] {
            assert!(SearchQuery::read(text).is_err(), "{text:?}");
        }
        assert!(SearchQuery::read(&"a".repeat(501)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_read_or_refused_and_terms_are_few_and_have_letters(text in "\\PC{0,300}") {
            if let Ok(query) = SearchQuery::read(&text) {
                prop_assert!(query.terms.len() <= TERMS_MAX);
                for term in query.terms {
                    prop_assert!(term.text.chars().any(char::is_alphanumeric));
                }
            }
        }
    }
}
