//! The bytes of an entry, piece by piece.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use crate::models::knowledge::{ContentHash, ContentHasher};
use crate::models::store::knowledge_files::{self as files, FileId};
use crate::models::store::{SharedDb, StoreError};

/// What comes of a file, and what it is known by once all of it has come.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    seen: Arc<Mutex<(ContentHasher, u64)>>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { seen: Arc::new(Mutex::new((ContentHasher::of_bytes(), 0))) }
    }

    pub(super) fn take(&self, bytes: &[u8]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0.update(bytes);
        seen.1 += bytes.len() as u64;
    }

    /// What it is known by, and how many bytes there were.
    pub(super) fn sum(&self) -> (ContentHash, i64) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.0.clone().finish(), i64::try_from(seen.1).unwrap_or(i64::MAX))
    }
}

/// The pieces of a file, each read when the one before it is taken.
pub(super) fn file(shared_db: SharedDb, id: FileId) -> impl Stream<Item = Result<Bytes, StoreError>> {
    stream::try_unfold(0, move |number| {
        let shared_db = shared_db.clone();
        async move {
            let connection = shared_db.connection().await?;
            let piece = files::read(&connection, id, number).await?;
            Ok(piece.map(|piece| (Bytes::from(piece), number + 1)))
        }
    })
}

/// What is in memory already.
pub(super) fn memory(bytes: Bytes) -> impl Stream<Item = Result<Bytes, StoreError>> {
    stream::once(async move { Ok(bytes) })
}

/// The same pieces, counted.
pub(super) fn counted<S>(pieces: S, tally: Tally) -> impl Stream<Item = Result<Bytes, StoreError>>
where
    S: Stream<Item = Result<Bytes, StoreError>>,
{
    pieces.inspect(move |piece| {
        if let Ok(piece) = piece {
            tally.take(piece);
        }
    })
}
