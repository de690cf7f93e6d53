//! A search: what the terms mean, what was probably meant where one means nothing, and the best chunks.

use std::sync::Arc;
use std::time::Duration;

use super::meaning::Meaning;
use super::plan::{self, Asked};
use super::{KnowledgeError, SearchKnowledge, Works, seen};
use crate::models::KnowledgeBaseId;
use crate::models::knowledge::{Found, SearchQuery, Term, TermKind, Vector, VectorUse};
use crate::models::search::fold;
use crate::models::store::knowledge_search::{self as store, ByMeaning, TermMeaning};
use crate::models::store::{Session, SharedSide, StoreError, knowledge_bases as bases};

/// Words that one of which there is nothing may have meant.
const GUESSES_MAX: i64 = 3;
/// Words of one query that are guessed at.
const GUESSED_MAX: usize = 4;
/// Words of one beginning, and beginnings of one query, that are looked up.
const BEGUN_MAX: i64 = 12;
const BEGINNINGS_MAX: usize = 2;

/// Pieces by words, and pieces by meaning, that are looked at when both are fused.
const OF_EACH: i64 = 50;

/// How long a search waits for its turn. Longer, and they fill the actor that others ask for other things.
const WAITS_WITHIN: Duration = Duration::from_secs(2);

impl Works {
    pub(super) async fn search(&self, question: SearchKnowledge) -> Result<Found, KnowledgeError> {
        let SearchKnowledge { reach, instance, query, limit } = question;
        let base = {
            let session = self.shared_db.connection().await?;
            seen(bases::find(&session, reach, instance).await?, instance)?.id
        };
        // Before there is a place, and without a connection: it may take as long as the provider likes.
        let (meant, mut vectors) = self.meant(&query).await;
        let place = self.searches.enter(reach.user_id, WAITS_WITHIN).await;
        let Some(_place) = place else { return Err(KnowledgeError::Busy) };
        let nearest = match &meant {
            Some(meant) => self.nearest(base, meant).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a search goes by words alone");
                None
            }),
            None => None,
        };
        if meant.is_some() && nearest.is_none() {
            vectors = VectorUse::Unavailable;
        }
        let session = self.shared_db.connection().await?;
        let mut asked: Vec<Asked> =
            query.terms.into_iter().map(|term| Asked { term, is_guess: false }).collect();
        asked.extend(begun(&session, base, &asked).await?);
        let mut meanings = meanings(&session, base, &asked, 0).await?;
        let guesses = guesses(&session, base, &asked, &meanings).await?;
        if !guesses.is_empty() {
            let known = asked.len();
            asked.extend(guesses);
            meanings.extend(self::meanings(&session, base, &asked, known).await?);
        }
        let queries = plan::plan(&asked, &meanings);
        // One statement, and so one moment: each entry is found as a whole or not at all.
        let hits = match nearest {
            Some(nearest) if !nearest.is_empty() => {
                let weight = self.meaning.as_ref().map_or(0.0, Meaning::weight);
                let by_meaning = ByMeaning { nearest: &nearest, of_each: OF_EACH.max(limit), weight };
                store::search_both(&session, base, &queries, limit, by_meaning).await?
            }
            _ if queries.is_empty() => Vec::new(),
            _ => store::search(&session, base, &queries, limit).await?,
        };
        Ok(Found { hits, vectors })
    }

    /// What the query means, if that is to be gone by.
    async fn meant(&self, query: &SearchQuery) -> (Option<Arc<Vector>>, VectorUse) {
        let Some(meaning) = &self.meaning else { return (None, VectorUse::Off) };
        let is_strict = |term: &Term| matches!(term.kind, TermKind::Phrase | TermKind::Without);
        if query.terms.iter().any(is_strict) {
            return (None, VectorUse::WordsOnly);
        }
        match meaning.of(&query.text).await {
            Ok(meant) => (Some(meant), VectorUse::Used),
            Err(error) => {
                tracing::debug!(%error, "a search goes by words alone");
                (None, VectorUse::Unavailable)
            }
        }
    }

    async fn nearest(
        &self,
        base: KnowledgeBaseId,
        meant: &Arc<Vector>,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let Some(meaning) = &self.meaning else { return Ok(None) };
        let at_most = usize::try_from(OF_EACH).unwrap_or(usize::MAX);
        meaning.nearest(&self.shared_db, base, meant, at_most).await
    }
}

/// What the terms mean, from the one at `first` on.
async fn meanings(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    asked: &[Asked],
    first: usize,
) -> Result<Vec<TermMeaning>, StoreError> {
    let terms: Vec<Term> = asked.iter().skip(first).map(|asked| asked.term.clone()).collect();
    let meanings = store::meanings(db, base, &terms, plan::COUNTED_MAX).await?;
    Ok(meanings.into_iter().map(|meaning| TermMeaning { term: meaning.term + first, ..meaning }).collect())
}

/// For beginnings of words: the words of the knowledge base that begin so. The index has stems only, which may be shorter.
async fn begun(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    asked: &[Asked],
) -> Result<Vec<Asked>, StoreError> {
    let mut words = Vec::new();
    for prefix in asked.iter().filter(|asked| asked.term.kind == TermKind::Prefix).take(BEGINNINGS_MAX) {
        words.extend(store::beginning(db, base, &prefix.term.text, BEGUN_MAX).await?);
    }
    let word = |text| Asked { term: Term { kind: TermKind::Word, text }, is_guess: false };
    Ok(words.into_iter().map(word).collect())
}

/// For words that say something and of which there is nothing: those that are there and look like them.
async fn guesses(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    asked: &[Asked],
    meanings: &[TermMeaning],
) -> Result<Vec<Asked>, StoreError> {
    let is_missing = |place: usize| {
        let mut means = meanings.iter().filter(|meaning| meaning.term == place && !meaning.query.is_empty());
        let first = means.next();
        first.is_some_and(|first| first.found == 0) && means.all(|meaning| meaning.found == 0)
    };
    let missing: Vec<String> = (asked.iter().enumerate())
        .filter(|(place, asked)| asked.term.kind == TermKind::Word && is_missing(*place))
        .map(|(_, asked)| fold(&asked.term.text))
        .take(GUESSED_MAX)
        .collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let words: Vec<&str> = missing.iter().map(String::as_str).collect();
    let alike = store::alike(db, base, &words, GUESSES_MAX).await?;
    let guess = |(_, text)| Asked { term: Term { kind: TermKind::Word, text }, is_guess: true };
    Ok(alike.into_iter().map(guess).collect())
}
