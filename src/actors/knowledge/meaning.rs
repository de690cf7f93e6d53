//! What is nearest to a question by what it means: the vectors of a knowledge base, kept in memory while it is searched, and scored here.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{RwLock, Semaphore};
use tokio::time::timeout;

use crate::embeddings::{Embedder, EmbeddingError, Purpose};
use crate::models::KnowledgeBaseId;
use crate::models::knowledge::Vector;
use crate::models::store::knowledge_vectors as store;
use crate::models::store::{SharedDb, StoreError};

/// Vectors that are read in one statement.
const READ_AT_ONCE: i64 = 2_000;

/// How long a search waits until vectors of its knowledge base are read that are not in memory. Then it goes by words.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// How long the provider is not asked after it did not answer: searches need not wait for that one after the other.
const AWAY_FOR: Duration = Duration::from_secs(5);

/// Dimensions that are multiplied on the thread that everything else shares: a millisecond's worth.
const INLINE_MAX: usize = 2_000_000;

/// Questions whose vectors are remembered: a page that is turned asks the same again.
const QUESTIONS_MAX: usize = 1_000;

/// What a place takes, with nothing in it.
const PLACE_BYTES: usize = 512;

/// How long it is remembered that a knowledge base has more vectors than may be kept.
const TOO_LARGE_FOR: Duration = Duration::from_secs(600);

/// Finds by meaning. Cheap to clone.
#[derive(Clone)]
pub(super) struct Meaning {
    embedder: Embedder,
    shelf: Arc<Shelf>,
    questions: Arc<Mutex<HashMap<String, Arc<Vector>>>>,
    away_since: Arc<Mutex<Option<Instant>>>,
}

impl Meaning {
    pub(super) fn new(embedder: Embedder) -> Self {
        let bytes_max = embedder.settings().cache_bytes_max;
        let shelf = Arc::new(Shelf { bytes_max, sets: Mutex::default(), reading: Semaphore::new(1) });
        Self { embedder, shelf, questions: Arc::default(), away_since: Arc::default() }
    }

    /// Whose vectors are searched.
    pub(super) fn model(&self) -> &str {
        self.embedder.model()
    }

    /// How much it counts beside words.
    pub(super) fn weight(&self) -> f64 {
        self.embedder.settings().weight
    }

    /// What a question means.
    pub(super) async fn of(&self, question: &str) -> Result<Arc<Vector>, EmbeddingError> {
        if let Some(known) = lock(&self.questions).get(question) {
            return Ok(known.clone());
        }
        if lock(&self.away_since).is_some_and(|since| since.elapsed() < AWAY_FOR) {
            let reason = "the provider did not answer a moment ago".to_owned();
            return Err(EmbeddingError::Away { reason, retry_after: None });
        }
        let embedded = self.embedder.embed(Purpose::Query, &[question.to_owned()]).await;
        let is_away = matches!(embedded, Err(EmbeddingError::Away { .. }));
        *lock(&self.away_since) = is_away.then(Instant::now);
        let vector = embedded?.pop().ok_or(EmbeddingError::NotVectors("it is empty"))?;
        let vector = Arc::new(vector);
        let mut questions = lock(&self.questions);
        if questions.len() >= QUESTIONS_MAX {
            questions.clear();
        }
        questions.insert(question.to_owned(), vector.clone());
        Ok(vector)
    }

    /// The vectors of a knowledge base that are nearest, the nearest first, by their ids. `None` when there are more of them than
    /// there is memory for, or they are not in memory yet.
    pub(super) async fn nearest(
        &self,
        db: &SharedDb,
        base: KnowledgeBaseId,
        question: &Arc<Vector>,
        at_most: usize,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let set = self.shelf.take(base);
        let refreshed = timeout(READ_WITHIN, self.refresh(db, base, &set)).await;
        if !refreshed.unwrap_or(Ok(false))? {
            return Ok(None);
        }
        let found = self.score(&set, question, at_most).await;
        let living = store::list_living(&db.connection().await?, base, &found).await?;
        if living.len() == found.len() {
            return Ok(Some(found));
        }
        // Where some are gone, others are: all of them are looked for, and thrown out.
        {
            // Nothing is added between the two.
            let mut set = set.write().await;
            let living = store::list_ids(&db.connection().await?, base).await?;
            set.keep_only(&living);
        }
        Ok(Some(self.score(&set, question, at_most).await))
    }

    /// Reads what was written since. False when there is no room for it.
    async fn refresh(
        &self,
        db: &SharedDb,
        base: KnowledgeBaseId,
        set: &Arc<RwLock<Vectors>>,
    ) -> Result<bool, StoreError> {
        let model = self.embedder.model();
        let (known, is_too_large) = {
            let set = set.read().await;
            (set.last_id, set.is_too_large())
        };
        if is_too_large {
            return Ok(false);
        }
        if store::list_after(&db.connection().await?, base, known, model, 1).await?.is_empty() {
            return Ok(true);
        }
        // One at a time: what is being read is counted page by page, and one page is the most that is not. What was read when somebody
        // did not wait any longer is there for whoever comes next.
        let Ok(_turn) = self.shelf.reading.acquire().await else { return Ok(false) };
        let mut set = set.write().await;
        let connection = db.connection().await?;
        let mut has_swept = false;
        loop {
            let read = store::list_after(&connection, base, set.last_id, model, READ_AT_ONCE).await?;
            let is_last = i64::try_from(read.len()).is_ok_and(|rows| rows < READ_AT_ONCE);
            set.add(read);
            if set.bytes() > self.shelf.bytes_max && !has_swept {
                has_swept = true;
                set.keep_only(&store::list_ids(&connection, base).await?);
            }
            if set.bytes() > self.shelf.bytes_max {
                tracing::warn!(knowledge_base.id = %base, "a knowledge base has more vectors than may be in memory");
                *set = Vectors { too_large_since: Some(Instant::now()), ..Vectors::default() };
                self.shelf.note(base, 0);
                return Ok(false);
            }
            self.shelf.note(base, set.bytes());
            if is_last {
                return Ok(true);
            }
        }
    }

    async fn score(&self, set: &Arc<RwLock<Vectors>>, question: &Arc<Vector>, at_most: usize) -> Vec<i64> {
        let set = set.clone().read_owned().await;
        let similarity_min = self.embedder.settings().similarity_min;
        if set.steps.len() <= INLINE_MAX {
            return set.nearest(question, similarity_min, at_most);
        }
        let question = question.clone();
        let scored = move || set.nearest(&question, similarity_min, at_most);
        tokio::task::spawn_blocking(scored).await.unwrap_or_default()
    }
}

/// The vectors of one knowledge base, one after the other.
#[derive(Default)]
struct Vectors {
    /// All up to this id have been read.
    last_id: i64,
    /// Of the first one; others are left out.
    dimensions: usize,
    ids: Vec<i64>,
    scales: Vec<f32>,
    steps: Vec<i8>,
    /// When it was found to be more than may be kept.
    too_large_since: Option<Instant>,
}

impl Vectors {
    fn add(&mut self, page: Vec<store::KeptVector>) {
        // No more than it takes: a vector of bytes that doubles takes twice as much.
        let wanted =
            page.iter().filter_map(|kept| kept.vector.as_ref()).map(|vector| vector.steps.len()).sum();
        self.steps.reserve_exact(wanted);
        for kept in page {
            self.last_id = kept.id;
            let Some(vector) = kept.vector else { continue };
            if self.ids.is_empty() {
                self.dimensions = vector.steps.len();
            }
            if vector.steps.len() == self.dimensions && self.dimensions > 0 {
                self.ids.push(kept.id);
                self.scales.push(vector.scale);
                self.steps.extend(vector.steps);
            }
        }
    }

    /// Throws out what is not there any more. Both are in order.
    fn keep_only(&mut self, living: &[i64]) {
        let dimensions = self.dimensions;
        let mut kept = 0;
        for place in 0..self.ids.len() {
            if living.binary_search(&self.ids[place]).is_err() {
                continue;
            }
            self.ids[kept] = self.ids[place];
            self.scales[kept] = self.scales[place];
            self.steps.copy_within(place * dimensions..(place + 1) * dimensions, kept * dimensions);
            kept += 1;
        }
        self.ids.truncate(kept);
        self.scales.truncate(kept);
        self.steps.truncate(kept * dimensions);
    }

    fn is_too_large(&self) -> bool {
        self.too_large_since.is_some_and(|since| since.elapsed() < TOO_LARGE_FOR)
    }

    fn bytes(&self) -> usize {
        self.steps.len() + self.scales.len() * size_of::<f32>() + self.ids.len() * size_of::<i64>()
    }

    fn nearest(&self, question: &Vector, similarity_min: f32, at_most: usize) -> Vec<i64> {
        if self.dimensions == 0 || self.dimensions != question.steps.len() {
            return Vec::new();
        }
        let mut best: BinaryHeap<Reverse<Likeness>> = BinaryHeap::with_capacity(at_most + 1);
        let rows = self.ids.iter().zip(&self.scales).zip(self.steps.chunks_exact(self.dimensions));
        for ((id, scale), steps) in rows {
            let likeness = question.likeness(*scale, steps);
            if likeness < similarity_min {
                continue;
            }
            best.push(Reverse(Likeness { likeness, id: *id }));
            if best.len() > at_most {
                best.pop();
            }
        }
        best.into_sorted_vec().into_iter().map(|Reverse(found)| found.id).collect()
    }
}

/// How like one is; of two that are the same, the older first.
#[derive(PartialEq)]
struct Likeness {
    likeness: f32,
    id: i64,
}

impl Eq for Likeness {}

impl Ord for Likeness {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.likeness.total_cmp(&other.likeness).then(other.id.cmp(&self.id))
    }
}

impl PartialOrd for Likeness {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The knowledge bases that were searched last.
struct Shelf {
    bytes_max: usize,
    /// Whose turn it is to read what is not in memory.
    reading: Semaphore,
    sets: Mutex<Sets>,
}

#[derive(Default)]
struct Sets {
    by_base: HashMap<KnowledgeBaseId, Shelved>,
    /// Counts what is taken.
    taken: u64,
    /// Of all.
    bytes: usize,
}

struct Shelved {
    set: Arc<RwLock<Vectors>>,
    bytes: usize,
    taken: u64,
}

impl Shelf {
    fn take(&self, base: KnowledgeBaseId) -> Arc<RwLock<Vectors>> {
        let mut sets = lock(&self.sets);
        sets.taken += 1;
        let taken = sets.taken;
        if let Some(known) = sets.by_base.get_mut(&base) {
            known.taken = taken;
            return known.set.clone();
        }
        let set = Arc::default();
        sets.by_base.insert(base, Shelved { set: Arc::clone(&set), bytes: PLACE_BYTES, taken });
        sets.bytes += PLACE_BYTES;
        sets.make_room(self.bytes_max, base);
        set
    }

    /// Notes how large one is, and lets those go that were taken least lately.
    fn note(&self, base: KnowledgeBaseId, bytes: usize) {
        let mut sets = lock(&self.sets);
        let Some(shelved) = sets.by_base.get_mut(&base) else { return };
        let before = std::mem::replace(&mut shelved.bytes, PLACE_BYTES + bytes);
        sets.bytes = sets.bytes + PLACE_BYTES + bytes - before;
        sets.make_room(self.bytes_max, base);
        #[expect(clippy::cast_precision_loss, reason = "a gauge for people")]
        metrics::gauge!("botberi_vector_cache_bytes").set(sets.bytes as f64);
    }
}

impl Sets {
    fn make_room(&mut self, bytes_max: usize, wanted: KnowledgeBaseId) {
        while self.bytes > bytes_max {
            let others = self.by_base.iter().filter(|(known, _)| **known != wanted);
            let Some((&oldest, _)) = others.min_by_key(|(_, shelved)| shelved.taken) else { return };
            self.bytes -= self.by_base.remove(&oldest).map_or(0, |shelved| shelved.bytes);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn kept(id: i64, values: &[f32]) -> store::KeptVector {
        store::KeptVector { id, vector: Vector::of(values) }
    }

    fn of(all: &[(i64, &[f32])]) -> Vectors {
        let mut vectors = Vectors::default();
        vectors.add(all.iter().map(|(id, values)| kept(*id, values)).collect());
        vectors
    }

    #[test]
    fn the_nearest_come_first_and_what_is_unlike_not_at_all() {
        let vectors =
            of(&[(1, &[0.0, 1.0]), (2, &[1.0, 1.0]), (3, &[1.0, 0.0]), (4, &[1.0, 0.0]), (5, &[-1.0, 0.0])]);
        let question = Vector::of(&[2.0, 0.1]).unwrap();
        assert_eq!(vectors.nearest(&question, 0.3, 10), [3, 4, 2]);
        assert_eq!(vectors.nearest(&question, -1.0, 2), [3, 4]);
        assert!(Vectors::default().nearest(&question, -1.0, 2).is_empty());
    }

    #[test]
    fn what_is_gone_is_thrown_out_and_what_is_of_another_kind_left_out() {
        let mut vectors = of(&[(1, &[0.0, 1.0]), (2, &[1.0, 1.0]), (3, &[1.0, 0.0])]);
        vectors.add(vec![kept(4, &[1.0, 0.0, 0.0]), store::KeptVector { id: 5, vector: None }]);
        assert_eq!((vectors.ids.len(), vectors.last_id), (3, 5));
        vectors.keep_only(&[1, 3, 4, 5]);
        let question = Vector::of(&[1.0, 0.0]).unwrap();
        assert_eq!(vectors.nearest(&question, -1.0, 10), [3, 1]);
        let of_another = Vector::of(&[1.0, 0.0, 0.0]).unwrap();
        assert!(vectors.nearest(&of_another, -1.0, 10).is_empty());
    }

    #[test]
    fn those_that_were_taken_least_lately_make_room() {
        let shelf = Shelf { bytes_max: 10_000, sets: Mutex::default(), reading: Semaphore::new(1) };
        let bases: Vec<KnowledgeBaseId> = (0..4).map(|n| KnowledgeBaseId(Uuid::from_u128(n))).collect();
        for base in &bases[..3] {
            shelf.take(*base);
            shelf.note(*base, 2_500);
        }
        shelf.take(bases[0]);
        shelf.take(bases[3]);
        shelf.note(bases[3], 2_500);
        let there = |base: &KnowledgeBaseId| lock(&shelf.sets).by_base.contains_key(base);
        assert_eq!(bases.iter().map(there).collect::<Vec<bool>>(), [true, false, true, true]);
    }
}
