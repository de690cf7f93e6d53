//! Hears on `user_backend.kb_ingest` that something is queued.

use actix::{Actor, Context, Handler, MessageResult};
use serde::Deserialize;

use super::KbCall;
use crate::actors::event_consumers::{Bound, BusEvent, Deliver, NotTaken};
use crate::actors::system::Lifeline;
use crate::models::EntryStatus;

/// Wakes the readers of this process; which entry it is about they find out by themselves.
pub struct KbHints {
    call: KbCall,
    lifeline: Lifeline,
}

impl KbHints {
    /// The name of its handle.
    pub const NAME: &'static str = "kb_hints";

    /// One that wakes who waits for `call`.
    #[must_use]
    pub const fn new(call: KbCall, lifeline: Lifeline) -> Self {
        Self { call, lifeline }
    }
}

impl Actor for KbHints {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        self.lifeline.ready();
    }
}

impl Handler<Bound> for KbHints {
    type Result = MessageResult<Bound>;

    fn handle(&mut self, _bound: Bound, _context: &mut Self::Context) -> Self::Result {
        // Something may have been missed.
        self.call.call();
        MessageResult(Ok(()))
    }
}

impl Handler<Deliver> for KbHints {
    type Result = MessageResult<Deliver>;

    fn handle(&mut self, Deliver { events }: Deliver, _context: &mut Self::Context) -> Self::Result {
        if events.iter().any(is_queued) {
            self.call.call();
        }
        let taken: Result<(), NotTaken> = Ok(());
        MessageResult(taken)
    }
}

/// Readers cause most of these events themselves, and those tell them nothing.
fn is_queued(event: &BusEvent) -> bool {
    #[derive(Deserialize)]
    struct About {
        status: Option<EntryStatus>,
    }
    let about = serde_json::from_str::<About>(&event.body);
    about.map_or(true, |about| about.status.is_none_or(|status| status == EntryStatus::Queued))
}
