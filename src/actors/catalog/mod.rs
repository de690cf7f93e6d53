//! The published catalog in memory, for every thread that serves requests.
//!
//! - **Owns:** the snapshot in its [`CatalogView`]; readers load it and ask nobody.
//! - **Receives:** `Bound` and `Deliver` from the consumer of `user_backend.catalog.<replica>`.
//! - **Sends:** nothing.
//! - **Invariant:** what is shown was true at one moment, and is never replaced by something older. It decides nothing:
//!   whether an agent may be used is decided by the statement that makes the instance.
//! - **On failure:** the last snapshot stays readable; a rebuild reads it anew.

mod search;
mod view;

pub use search::CatalogFilter;
pub use view::{CatalogEntry, CatalogSnapshot, CatalogView};

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Actor, Context, Handler};

use super::event_consumers::{Bound, Deliver, NotTaken};
use super::probe;
use super::system::{Answer, Lifeline};
use crate::models::store::{SharedDb, StoreError, agents};

/// The first word of every routing key that this cares about.
const SUBJECT: &str = "agent";

/// The actor. Readings may overlap; each has a number, and an earlier one never replaces a later one.
pub struct Catalog {
    reader: Reader,
    lifeline: Lifeline,
}

#[derive(Clone)]
struct Reader {
    shared_db: SharedDb,
    view: CatalogView,
    begun: Arc<AtomicU64>,
}

impl Catalog {
    /// The name of its handle.
    pub const NAME: &'static str = "catalog";

    /// An actor that fills `view`, which outlives it.
    #[must_use]
    pub fn new(shared_db: SharedDb, view: CatalogView, lifeline: Lifeline) -> Self {
        let begun = Arc::new(AtomicU64::new(view.number()));
        Self { reader: Reader { shared_db, view, begun }, lifeline }
    }

    fn reload(&self) -> Answer<Result<(), NotTaken>> {
        let reader = self.reader.clone();
        self.lifeline.answer(async move {
            reader.read().await.map_err(|error| NotTaken::Later(format!("catalog: {error}")))
        })
    }
}

impl Reader {
    async fn read(&self) -> Result<(), StoreError> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let session = self.shared_db.connection().await?;
        let published = agents::load_published(&session).await?;
        let before = self.view.load();
        self.view.show(number, CatalogSnapshot::after(before.as_deref(), published));
        Ok(())
    }

    /// Reads the catalog if it was not read yet, else only sees whether the database is there.
    async fn check(self, is_read: bool) -> Result<(), String> {
        let found = if is_read { self.shared_db.check().await } else { self.read().await };
        found.map_err(|error| format!("shared_psql: {error}"))
    }
}

impl Actor for Catalog {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let reader = self.reader.clone();
        let is_read = Rc::new(Cell::new(false));
        probe::watch(context, &self.lifeline, "shared_psql", move || {
            let (reader, is_read) = (reader.clone(), is_read.clone());
            async move {
                let found = reader.check(is_read.get()).await;
                is_read.set(is_read.get() || found.is_ok());
                found
            }
        });
    }
}

impl Handler<Bound> for Catalog {
    type Result = Answer<Result<(), NotTaken>>;

    fn handle(&mut self, _bound: Bound, _context: &mut Self::Context) -> Self::Result {
        self.reload()
    }
}

impl Handler<Deliver> for Catalog {
    type Result = Answer<Result<(), NotTaken>>;

    fn handle(&mut self, Deliver { events }: Deliver, _context: &mut Self::Context) -> Self::Result {
        if events.iter().any(|event| event.routing_key.subject() == SUBJECT) {
            self.reload()
        } else {
            self.lifeline.answer(std::future::ready(Ok(())))
        }
    }
}
