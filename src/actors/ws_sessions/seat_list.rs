//! Seats that the register has to look after, handed to it from any thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::seat::Seat;

/// A list that ends with the register: seats hold it, too, and must not be held by it for ever. Each seat is in it once
/// at most, so it is as long as there are sessions.
#[derive(Debug, Clone)]
pub(super) struct SeatList(Arc<Mutex<Option<Vec<Arc<Seat>>>>>);

impl Default for SeatList {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }
}

impl SeatList {
    pub(super) fn push(&self, seat: Arc<Seat>) {
        if let Some(seats) = &mut *self.lock() {
            seats.push(seat);
        }
    }

    pub(super) fn take(&self) -> Vec<Arc<Seat>> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Nobody looks any more.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Arc<Seat>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
