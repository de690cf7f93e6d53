//! How a query is put to Postgres: what chooses chunks, what scores them, and how much each term says.

use crate::models::LanguageHint;
use crate::models::knowledge::{Term, TermKind};
use crate::models::store::knowledge_search::{LanguageQuery, TermMeaning};

/// Chunks of one term that are counted; a term of more says next to nothing.
pub(super) const COUNTED_MAX: i64 = 5_000;

/// Chunks that are scored in one language, as far as terms can be left out for it: scoring is what a search costs.
const SCORED_MAX: i64 = 4_000;

/// How much a word says that is only like the one that was typed.
const LIKENESS: f64 = 0.5;

/// A term of a query, and how it came to be one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) term: Term,
    /// It stands for a word of which there is nothing.
    pub(super) is_guess: bool,
}

/// What to look for in each language. Nothing in a language of which nothing can be said.
pub(super) fn plan(asked: &[Asked], meanings: &[TermMeaning]) -> Vec<LanguageQuery> {
    let weights: Vec<f64> = (0..asked.len()).map(|term| weight(term, meanings)).collect();
    let says_something = |meaning: &&TermMeaning| !meaning.query.is_empty();
    let is_telling = |meaning: &TermMeaning| !meaning.is_stop_word && meaning.found > 0;
    // Small words count only where there are no others.
    let only_small = !meanings.iter().filter(says_something).any(is_telling);
    let counted: Vec<&TermMeaning> = meanings
        .iter()
        .filter(says_something)
        .filter(|meaning| only_small || !meaning.is_stop_word)
        .collect();
    LanguageHint::ALL.iter().filter_map(|lang| in_language(*lang, asked, &counted, &weights)).collect()
}

fn in_language(
    lang: LanguageHint,
    asked: &[Asked],
    meanings: &[&TermMeaning],
    weights: &[f64],
) -> Option<LanguageQuery> {
    let here = || {
        let of_lang = meanings.iter().filter(move |meaning| meaning.lang == lang);
        of_lang.filter_map(|meaning| asked.get(meaning.term).map(|asked| (asked, *meaning)))
    };
    let of_kind = |kind| here().filter(move |(asked, _)| asked.term.kind == kind).map(|(_, meaning)| meaning);

    let phrases: Vec<&TermMeaning> = of_kind(TermKind::Phrase).collect();
    let mut scoring: Vec<(&Asked, &TermMeaning)> =
        here().filter(|(asked, meaning)| asked.term.kind != TermKind::Without && meaning.found > 0).collect();
    if scoring.is_empty() || phrases.iter().any(|phrase| phrase.found == 0) {
        return None;
    }
    scoring.sort_by_key(|(_, meaning)| meaning.found);

    let any = any_of(informative(&scoring));
    let required = phrases.iter().map(|phrase| format!("({})", phrase.query));
    let refused = of_kind(TermKind::Without).map(|meaning| format!("!({})", meaning.query));
    // A phrase chooses by itself: words beside it only score.
    let choosing = if phrases.is_empty() { Some(format!("({any})")) } else { None };
    let chosen: Vec<String> = choosing.into_iter().chain(required).chain(refused).collect();
    let terms = scoring
        .iter()
        .map(|(asked, meaning)| {
            let guess = if asked.is_guess { LIKENESS } else { 1.0 };
            (meaning.query.clone(), guess * weights.get(meaning.term).copied().unwrap_or_default())
        })
        .collect();
    let shown = any_of(scoring.iter().map(|(_, meaning)| meaning.query.as_str()));
    Some(LanguageQuery { lang, chosen: chosen.join(" & "), shown, terms })
}

/// The rarest terms first, until so many chunks would be scored; always one.
fn informative<'a>(scoring: &'a [(&Asked, &TermMeaning)]) -> impl Iterator<Item = &'a str> {
    let mut scored = 0;
    scoring
        .iter()
        .enumerate()
        .take_while(move |(place, (_, meaning))| {
            scored += meaning.found;
            *place == 0 || scored <= SCORED_MAX
        })
        .map(|(_, (_, meaning))| meaning.query.as_str())
}

fn any_of<'a>(queries: impl Iterator<Item = &'a str>) -> String {
    queries.map(|query| format!("({query})")).collect::<Vec<String>>().join(" | ")
}

/// Inverse document frequency as BM25 has it: what stands everywhere says nothing. Over the whole knowledge base, whatever its
/// languages: a word of one is rare in the other, and says no more there for that.
fn weight(term: usize, meanings: &[TermMeaning]) -> f64 {
    let of_term = || meanings.iter().filter(|meaning| meaning.term == term);
    let count = |count: i64| f64::from(i32::try_from(count).unwrap_or(i32::MAX));
    let found = count(of_term().map(|meaning| meaning.found).sum());
    let all = count(of_term().map(|meaning| meaning.chunks).sum()).max(found);
    ((all - found + 0.5) / (found + 0.5)).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: TermKind, text: &str) -> Asked {
        Asked { term: Term { kind, text: text.to_owned() }, is_guess: false }
    }

    fn meaning(term: usize, query: &str, found: i64) -> TermMeaning {
        TermMeaning {
            term,
            is_stop_word: query == "'the'",
            lang: LanguageHint::English,
            chunks: 10_000,
            query: query.to_owned(),
            found,
        }
    }

    #[test]
    fn rare_terms_choose_and_all_of_them_score_by_their_rarity() {
        let asked = [asked(TermKind::Word, "queue"), asked(TermKind::Word, "lapin")];
        let meanings = [meaning(0, "'queue'", 4_999), meaning(1, "'lapin'", 3)];
        let [query] = &plan(&asked, &meanings)[..] else { panic!() };
        assert_eq!(query.chosen, "(('lapin'))");
        assert_eq!(query.shown, "('lapin') | ('queue')");
        let [(_, rare), (_, common)] = &query.terms[..] else { panic!() };
        assert!(*rare > 5.0 * common, "{rare} {common}");
    }

    #[test]
    fn a_phrase_is_required_and_what_is_excluded_is_not_found() {
        let asked = [
            asked(TermKind::Phrase, "dead letter"),
            asked(TermKind::Word, "queue"),
            asked(TermKind::Without, "old"),
        ];
        let meanings =
            [meaning(0, "'dead' <-> 'letter'", 5), meaning(1, "'queue'", 50), meaning(2, "'old'", 0)];
        let [query] = &plan(&asked, &meanings)[..] else { panic!() };
        assert_eq!(query.chosen, "('dead' <-> 'letter') & !('old')");
        assert_eq!(query.terms.len(), 2);
        let nothing = [meaning(0, "'dead' <-> 'letter'", 0), meaning(1, "'queue'", 50)];
        assert_eq!(plan(&asked, &nothing), []);
    }

    #[test]
    fn a_term_that_says_nothing_in_a_language_is_left_out_and_a_guess_says_less() {
        let words =
            [asked(TermKind::Word, "the"), Asked { is_guess: true, ..asked(TermKind::Word, "agent") }];
        let meanings = [meaning(0, "", 0), meaning(1, "'agent'", 10)];
        let [query] = &plan(&words, &meanings)[..] else { panic!() };
        let sure = [asked(TermKind::Word, "agent")];
        let [certain] = &plan(&sure, &[meaning(0, "'agent'", 10)])[..] else { panic!() };
        assert_eq!(query.terms.len(), 1);
        assert!(query.terms[0].1 < certain.terms[0].1);
        assert_eq!(plan(&words, &[meaning(0, "", 0)]), []);
    }

    #[test]
    fn small_words_count_only_where_there_are_no_others() {
        let words = [asked(TermKind::Word, "the"), asked(TermKind::Word, "agent")];
        let meanings = [meaning(0, "'the'", 3), meaning(1, "'agent'", 10)];
        let [query] = &plan(&words, &meanings)[..] else { panic!() };
        assert_eq!(query.shown, "('agent')");
        let [query] = &plan(&words[..1], &meanings[..1])[..] else { panic!() };
        assert_eq!(query.shown, "('the')");
    }

    #[test]
    fn a_word_weighs_the_same_in_every_language() {
        let words = [asked(TermKind::Word, "agent")];
        let spanish = TermMeaning { lang: LanguageHint::Spanish, found: 1, ..meaning(0, "'agent'", 1) };
        let [english, spanish] = &plan(&words, &[meaning(0, "'agent'", 400), spanish])[..] else { panic!() };
        assert!((english.terms[0].1 - spanish.terms[0].1).abs() < 1e-9);
    }
}
