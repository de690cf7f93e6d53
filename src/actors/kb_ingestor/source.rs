//! The bytes of an entry, piece by piece.

use bytes::Bytes;
use futures_util::{Stream, stream};

use crate::models::store::knowledge_files::{self as files, FileId};
use crate::models::store::{SharedDb, StoreError};

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
