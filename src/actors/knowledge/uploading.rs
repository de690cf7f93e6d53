//! Files on their way in: piece by piece, so that no process ever holds one as a whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{AppendPiece, BeginUpload, DiscardUpload, EnterUploads, KNOWLEDGE_BYTES, KnowledgeError, Works};
use crate::extraction::{HEAD_BYTES, sniff};
use crate::models::UserId;
use crate::models::store::knowledge_files::{self as files, FileId};
use crate::models::store::usage;

/// Uploads that one user has under way in one process: a slow one holds its place as long as an upload may take.
const PER_USER_MAX: usize = 8;

/// The uploads of this process.
#[derive(Clone, Debug)]
pub(super) struct Uploads {
    all: Arc<Semaphore>,
    by_user: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// The place of one upload, until it is dropped.
#[derive(Debug)]
pub struct Place {
    user: UserId,
    by_user: Arc<Mutex<HashMap<UserId, usize>>>,
    _one_of_all: OwnedSemaphorePermit,
}

impl Uploads {
    pub(super) fn new(max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(max)), by_user: Arc::default() }
    }

    /// Nobody waits: whoever sends a file holds a connection.
    fn enter(&self, user: UserId) -> Option<Place> {
        let one_of_all = self.all.clone().try_acquire_owned().ok()?;
        let mut by_user = counts(&self.by_user);
        let count = by_user.entry(user).or_default();
        if *count >= PER_USER_MAX {
            return None;
        }
        *count += 1;
        drop(by_user);
        Some(Place { user, by_user: self.by_user.clone(), _one_of_all: one_of_all })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_user = counts(&self.by_user);
        if let Some(count) = by_user.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

fn counts(by_user: &Mutex<HashMap<UserId, usize>>) -> MutexGuard<'_, HashMap<UserId, usize>> {
    by_user.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Works {
    /// Before a byte of the file is read: whoever has no place holds no memory.
    pub(super) async fn enter_uploads(&self, wish: EnterUploads) -> Result<Place, KnowledgeError> {
        let EnterUploads { reach, instance } = wish;
        let place = self.uploads.enter(reach.user_id).ok_or(KnowledgeError::Busy)?;
        let session = self.shared_db.connection().await?;
        let base = Self::enter(&session, reach, instance).await?;
        let used = usage::find(&session, base.user_id).await?;
        let limit = used.knowledge_bytes_max.unwrap_or(self.quotas.knowledge_bytes_max);
        if used.knowledge_bytes >= limit {
            return Err(KnowledgeError::QuotaExceeded {
                name: KNOWLEDGE_BYTES,
                used: used.knowledge_bytes,
                limit,
            });
        }
        Ok(place)
    }

    pub(super) async fn begin_upload(&self, wish: BeginUpload) -> Result<FileId, KnowledgeError> {
        let BeginUpload { reach, instance, name, first } = wish;
        let head = first.get(..HEAD_BYTES).unwrap_or(&first);
        let _read_later = sniff(head, name.as_deref()).map_err(KnowledgeError::Unsupported)?;
        let session = self.shared_db.connection().await?;
        let base = Self::enter(&session, reach, instance).await?;
        let file = uuid::Uuid::now_v7();
        files::begin(&session, file, base.user_id).await?;
        files::append(&session, file, 0, &first).await?;
        Ok(file)
    }

    pub(super) async fn append(
        &self,
        AppendPiece { file, number, bytes }: AppendPiece,
    ) -> Result<(), KnowledgeError> {
        let session = self.shared_db.connection().await?;
        Ok(files::append(&session, file, number, &bytes).await?)
    }

    pub(super) async fn discard(&self, DiscardUpload { file }: DiscardUpload) -> Result<(), KnowledgeError> {
        let session = self.shared_db.connection().await?;
        Ok(files::discard(&session, file).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_has_some_of_the_places_and_gives_them_back() {
        let uploads = Uploads::new(PER_USER_MAX + 2);
        let (ada, bob) = (UserId::new(), UserId::new());
        let mut places: Vec<Place> = (0..PER_USER_MAX).map(|_| uploads.enter(ada).unwrap()).collect();
        assert!(uploads.enter(ada).is_none());
        let of_bob: Vec<Place> = (0..2).map(|_| uploads.enter(bob).unwrap()).collect();
        assert!(uploads.enter(bob).is_none(), "all places are taken");
        drop((places.pop(), of_bob));
        assert!(uploads.enter(ada).is_some());
        drop(places);
        assert!(counts(&uploads.by_user).is_empty());
    }
}
