//! What is found in a knowledge base, in `shared_psql`.

use tokio_postgres::Row;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::KnowledgeBaseId;
use crate::models::knowledge::{Citation, Hit, LanguageHint, SnippetPart, Term, TermKind};

const TERMS: &str = include_str!("sql/knowledge_base_chunks/terms.sql");
const SEARCH: &str = include_str!("sql/knowledge_base_chunks/search.sql");
const SEARCH_BOTH: &str = include_str!("sql/knowledge_base_chunks/search_both.sql");
const BEGINNING: &str = include_str!("sql/knowledge_base_words/beginning.sql");
const ALIKE: &str = include_str!("sql/knowledge_base_words/alike.sql");

/// What `knowledge_breakable` puts into what stands without spaces for long.
const BREAK: char = '\u{e002}';

/// What `knowledge_shown` puts around a match: two characters of Unicode's private use area, which no chunk has: what is read of a
/// document is cleared of them.
const MATCH: [char; 2] = ['\u{e000}', '\u{e001}'];

/// What a term of a query is in one language of a knowledge base.
#[derive(Clone, Debug, PartialEq)]
pub struct TermMeaning {
    /// Which of the terms, from 0.
    pub term: usize,
    /// Whether it is one of the small words that stand in every sentence of some language.
    pub is_stop_word: bool,
    /// In which language.
    pub lang: LanguageHint,
    /// How many chunks there are in that language.
    pub chunks: i64,
    /// It, as Postgres writes a `tsquery`; empty where the term says nothing in that language, as `the` in English.
    pub query: String,
    /// How many chunks have it, up to the number that is counted to.
    pub found: i64,
}

/// Asks what terms are in the languages that there are chunks in, and how many chunks have them; no more than `count_to` of each
/// are counted.
///
/// # Errors
/// Only those of the database itself.
pub async fn meanings(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    terms: &[Term],
    count_to: i64,
) -> Result<Vec<TermMeaning>, StoreError> {
    let kinds: Vec<&str> = terms.iter().map(|term| kind_name(term.kind)).collect();
    let texts: Vec<&str> = terms.iter().map(|term| term.text.as_str()).collect();
    let rows = session::rows(db, TERMS, &[&base, &kinds, &texts, &count_to]).await?;
    rows.iter().map(TermMeaning::try_from).collect()
}

const fn kind_name(kind: TermKind) -> &'static str {
    match kind {
        TermKind::Word => "word",
        TermKind::Prefix => "prefix",
        TermKind::Phrase => "phrase",
        TermKind::Without => "without",
    }
}

/// For each word up to `limit` words of the knowledge base that are most like it, the most alike first.
///
/// # Errors
/// Only those of the database itself.
pub async fn alike(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    words: &[&str],
    limit: i64,
) -> Result<Vec<(usize, String)>, StoreError> {
    let rows = session::rows(db, ALIKE, &[&base, &words, &limit]).await?;
    rows.iter()
        .map(|row| {
            let ordinal: i64 = row.try_get("ordinal")?;
            Ok((place(ordinal), row.try_get("word")?))
        })
        .collect()
}

/// Up to `limit` words of the knowledge base that begin so.
///
/// # Errors
/// Only those of the database itself.
pub async fn beginning(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    beginning: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let rows = session::rows(db, BEGINNING, &[&base, &beginning, &limit]).await?;
    rows.iter().map(|row| Ok(row.try_get("word")?)).collect()
}

/// What is looked for in one language.
#[derive(Clone, Debug, PartialEq)]
pub struct LanguageQuery {
    /// Which.
    pub lang: LanguageHint,
    /// A `tsquery` that chooses the chunks which are scored.
    pub chosen: String,
    /// A `tsquery` of all that is shown as a match.
    pub shown: String,
    /// What scores: a `tsquery` and its weight.
    pub terms: Vec<(String, f64)>,
}

/// The best `limit` chunks, the best first.
///
/// # Errors
/// [`StoreError::Busy`] when it takes longer than a statement may.
pub async fn search(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    queries: &[LanguageQuery],
    limit: i64,
) -> Result<Vec<Hit>, StoreError> {
    found(db, base, queries, limit, None).await
}

/// What is nearest to a query by what it means, and how that is fused with what has its words.
#[derive(Clone, Copy, Debug)]
pub struct ByMeaning<'a> {
    /// Vectors by their ids, the nearest first.
    pub nearest: &'a [i64],
    /// How many of each list are looked at.
    pub of_each: i64,
    /// How much a place among them counts beside the same place among the words.
    pub weight: f64,
}

/// The best `limit` chunks by their words and by what they mean together.
///
/// # Errors
/// As [`search`].
pub async fn search_both(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    queries: &[LanguageQuery],
    limit: i64,
    by_meaning: ByMeaning<'_>,
) -> Result<Vec<Hit>, StoreError> {
    found(db, base, queries, limit, Some(by_meaning)).await
}

async fn found(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    queries: &[LanguageQuery],
    limit: i64,
    by_meaning: Option<ByMeaning<'_>>,
) -> Result<Vec<Hit>, StoreError> {
    let langs: Vec<LanguageHint> = queries.iter().map(|query| query.lang).collect();
    let chosen: Vec<&str> = queries.iter().map(|query| query.chosen.as_str()).collect();
    let shown: Vec<&str> = queries.iter().map(|query| query.shown.as_str()).collect();
    let terms = || queries.iter().flat_map(|query| query.terms.iter().map(move |term| (query.lang, term)));
    let term_langs: Vec<LanguageHint> = terms().map(|(lang, _)| lang).collect();
    let term_queries: Vec<&str> = terms().map(|(_, (query, _))| query.as_str()).collect();
    let weights: Vec<f64> = terms().map(|(_, (_, weight))| *weight).collect();
    let parameters: session::Parameters<'_> =
        &[&base, &langs, &chosen, &shown, &term_langs, &term_queries, &weights, &limit];
    let rows = match by_meaning {
        None => session::rows(db, SEARCH, parameters).await?,
        Some(ByMeaning { nearest, of_each, weight }) => {
            let more: session::Parameters<'_> = &[&nearest, &of_each, &weight];
            session::rows(db, SEARCH_BOTH, &[parameters, more].concat()).await?
        }
    };
    session::decode_all(&rows)
}

fn place(ordinal: i64) -> usize {
    usize::try_from(ordinal - 1).unwrap_or_default()
}

impl TryFrom<&Row> for TermMeaning {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            term: place(row.try_get("ordinal")?),
            is_stop_word: row.try_get("is_stop_word")?,
            lang: row.try_get("lang")?,
            chunks: row.try_get("chunks")?,
            query: row.try_get("query")?,
            found: row.try_get("found")?,
        })
    }
}

impl TryFrom<&Row> for Hit {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            entry_id: row.try_get("entry_id")?,
            chunk: row.try_get("number")?,
            score: row.try_get("score")?,
            text: row.try_get("content")?,
            snippet: snippet(row.try_get("shown")?),
            citation: Citation {
                title: row.try_get("title")?,
                file_name: row.try_get("file_name")?,
                source_url: row.try_get("source_url")?,
                data_type: row.try_get("data_type")?,
                lang_hint: row.try_get("lang_hint")?,
                headings: row.try_get("headings")?,
                start: row.try_get("starts_at")?,
                end: row.try_get("ends_at")?,
                page: row.try_get("page")?,
                start_ms: row.try_get("start_ms")?,
                end_ms: row.try_get("end_ms")?,
            },
        })
    }
}

/// Cuts a text where matches begin and end.
fn snippet(shown: &str) -> Vec<SnippetPart> {
    let mut parts: Vec<SnippetPart> = Vec::new();
    let mut is_match = false;
    for piece in shown.split_inclusive(MATCH) {
        let text = piece.trim_end_matches(MATCH).replace(BREAK, "");
        if !text.is_empty() {
            parts.push(SnippetPart { text, is_match });
        }
        is_match = piece.ends_with(MATCH[0]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_matches_begin_and_end() {
        let parts = |shown| -> Vec<(String, bool)> {
            snippet(shown).into_iter().map(|part| (part.text, part.is_match)).collect()
        };
        let part = |text: &str, is_match| (text.to_owned(), is_match);
        assert_eq!(parts("plain"), [part("plain", false)]);
        assert_eq!(
            parts("a \u{e000}hit\u{e001}, \u{e000}two\u{e001}"),
            [part("a ", false), part("hit", true), part(", ", false), part("two", true)]
        );
        assert_eq!(
            parts("lo\u{e002}ng \u{e000}h\u{e002}it\u{e001}"),
            [part("long ", false), part("hit", true)]
        );
        assert_eq!(parts(""), []);
    }
}
