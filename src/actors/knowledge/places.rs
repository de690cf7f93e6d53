//! Places for searches: so many in a process, and no more than half of them for one user, who waits behind themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::models::UserId;

type ByUser = Arc<Mutex<HashMap<UserId, Arc<Semaphore>>>>;

/// The places of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct SearchPlaces {
    all: Arc<Semaphore>,
    by_user: ByUser,
    per_user: usize,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct SearchPlace {
    _one_of_all: OwnedSemaphorePermit,
    _one_of_theirs: Theirs,
}

/// What a user holds of their own places. Dropped last of all, it leaves nothing of them behind.
#[derive(Debug)]
struct Theirs {
    user: UserId,
    by_user: ByUser,
    places: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl SearchPlaces {
    pub(super) fn new(max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(max)), by_user: Arc::default(), per_user: max.div_ceil(2) }
    }

    /// Waits for a place; none when there is none in time.
    pub(super) async fn enter(&self, user: UserId, within: Duration) -> Option<SearchPlace> {
        timeout(within, self.take(user)).await.ok().flatten()
    }

    async fn take(&self, user: UserId) -> Option<SearchPlace> {
        let places = {
            let mut by_user = lock(&self.by_user);
            by_user.entry(user).or_insert_with(|| Arc::new(Semaphore::new(self.per_user))).clone()
        };
        // From here on: a wait that is given up leaves nothing behind, too.
        let mut theirs = Theirs { user, by_user: self.by_user.clone(), places, permit: None };
        theirs.permit = Some(theirs.places.clone().acquire_owned().await.ok()?);
        let one_of_all = self.all.clone().acquire_owned().await.ok()?;
        Some(SearchPlace { _one_of_all: one_of_all, _one_of_theirs: theirs })
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let mut by_user = lock(&self.by_user);
        drop(self.permit.take());
        // The map's and this one: nobody else holds or waits for one, and nobody can come while the map is locked.
        if Arc::strong_count(&self.places) == 2 {
            by_user.remove(&self.user);
        }
    }
}

fn lock(by_user: &Mutex<HashMap<UserId, Arc<Semaphore>>>) -> MutexGuard<'_, HashMap<UserId, Arc<Semaphore>>> {
    by_user.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn nobody_takes_all_places_and_nothing_is_left_of_those_who_have_gone() {
        let (places, one, other) = (SearchPlaces::new(4), UserId::new(), UserId::new());
        let first = places.enter(one, SOON).await.unwrap();
        let second = places.enter(one, SOON).await.unwrap();
        assert!(places.enter(one, SOON).await.is_none());
        let theirs = [places.enter(other, SOON).await.unwrap(), places.enter(other, SOON).await.unwrap()];
        assert!(places.enter(UserId::new(), SOON).await.is_none(), "there are four");
        drop(first);
        assert!(places.enter(one, SOON).await.is_some());
        drop((second, theirs));
        assert!(lock(&places.by_user).is_empty());
    }

    #[tokio::test]
    async fn a_single_place_is_one_for_everybody() {
        let places = SearchPlaces::new(1);
        let held = places.enter(UserId::new(), SOON).await;
        assert!(held.is_some() && places.enter(UserId::new(), SOON).await.is_none());
    }
}
