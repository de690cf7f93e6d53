//! Words that somebody looks for, whatever their case and accents.

use unicode_normalization::UnicodeNormalization as _;

use super::document;

/// Longer is a mistake or an attack on whoever compares.
const TEXT_CHARS_MAX: usize = 200;
const WORDS_MAX: usize = 16;

/// Combining marks: what is left of an accent when its letter is taken away.
const MARKS: std::ops::RangeInclusive<char> = '\u{300}'..='\u{36F}';

/// A text as it is compared: compatibility forms taken apart, accents dropped, lower case, one kind of
/// sigma. SQL has the same as `search_fold`.
#[must_use]
pub fn fold(text: &str) -> String {
    let letters = text.nfkd().filter(|letter| !MARKS.contains(letter));
    let lower = letters.flat_map(char::to_lowercase);
    lower.map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// What a thing must have in its text to be found: all of these words, anywhere, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Reads what somebody typed. Nothing but space is no word, and leaves nothing out.
    ///
    /// # Errors
    /// What it must be like.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let words: Vec<String> = document::line(text, TEXT_CHARS_MAX)?.split_whitespace().map(fold).collect();
        if words.len() > WORDS_MAX {
            return Err(format!("must have {WORDS_MAX} words at most"));
        }
        Ok(Self(words))
    }

    /// Whether all of them are in a text that is folded already.
    #[must_use]
    pub fn are_in(&self, folded: &str) -> bool {
        self.0.iter().all(|word| folded.contains(word.as_str()))
    }

    /// The words.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// The name of a category or a capability that somebody filters by, folded.
///
/// # Errors
/// What it must be like.
pub fn name(text: &str) -> Result<String, String> {
    document::line(text, TEXT_CHARS_MAX).map(|line| fold(&line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_widths_make_no_difference() {
        for (written, folded) in [
            ("Café", "cafe"),
            ("ÄÖÜ", "aou"),
            ("ПРИВЕТ", "привет"),
            ("ﬁne Ｗｉｄｅ", "fine wide"),
            ("İstanbul", "istanbul"),
        ] {
            assert_eq!(fold(written), folded);
            assert_eq!(fold(folded), folded);
        }
    }

    #[test]
    fn all_words_must_be_there_in_any_order() {
        let words = Words::read("  Précios   DINÁMICOS ").unwrap();
        assert!(words.are_in(&fold("Motor de precios dinamicos, o: dinámicos précios")));
        assert!(!words.are_in(&fold("Motor de precios")));
        assert!(Words::read(" ").unwrap().are_in(""));
    }

    #[test]
    fn what_is_looked_for_is_bounded() {
        assert!(Words::read(&"a".repeat(200)).is_ok());
        assert!(Words::read(&"a".repeat(201)).is_err());
        assert!(Words::read(&"a ".repeat(17)).is_err());
        assert!(Words::read("a\0b").is_err());
        for refused in ["", " ", "a\nb"] {
            assert!(name(refused).is_err(), "{refused:?}");
        }
    }
}
