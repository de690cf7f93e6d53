//! Dead letters, as administrators see them and decide about them.
//!
//! - **Owns:** nothing but its way to the database: the rows are the truth.
//! - **Receives:** the messages of `messages.rs` from `http::admin`.
//! - **Sends:** nothing. What is wished is written into the rows, and Postgres rings for whoever carries it out.
//! - **Invariant:** a wish is durable before it is answered; a letter that is handled stays as it is until it dies again.
//! - **On failure:** keeps no state, so a rebuild loses nothing.

mod error;
mod messages;

pub use error::DeadLetterError;
pub use messages::{
    DiscardDeadLetter, FindDeadLetter, ListDeadLetters, RedriveDeadLetter, RedriveDeadLetters, Wished,
};

use actix::{Actor, Context, Handler};

use super::system::{Answer, Lifeline};
use crate::models::store::{SharedDb, dead_letters};
use crate::models::{DeadLetter, DeadLetterId, DeadLetterState, OpenedLetter, Page};

/// Letters that one request can have sent again. More would be one long transaction.
pub const REDRIVES_MAX: u16 = 1_000;

/// The actor. All of its answers overlap: the pool is the bound, and the database keeps writers of one row apart.
pub struct DeadLetterRegistry {
    shared_db: SharedDb,
    lifeline: Lifeline,
}

impl DeadLetterRegistry {
    /// The name of its handle.
    pub const NAME: &'static str = "dead_letter_registry";

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub fn new(shared_db: SharedDb, lifeline: Lifeline) -> Self {
        Self { shared_db, lifeline }
    }
}

impl Actor for DeadLetterRegistry {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        self.lifeline.ready();
    }
}

impl Handler<ListDeadLetters> for DeadLetterRegistry {
    type Result = Answer<Result<Page<DeadLetter>, DeadLetterError>>;

    fn handle(&mut self, question: ListDeadLetters, _context: &mut Self::Context) -> Self::Result {
        let shared_db = self.shared_db.clone();
        self.lifeline.answer(async move {
            let ListDeadLetters { filter, state, before, limit } = question;
            let session = shared_db.connection().await?;
            Ok(dead_letters::list(&session, &filter, state, before, limit).await?)
        })
    }
}

impl Handler<FindDeadLetter> for DeadLetterRegistry {
    type Result = Answer<Result<OpenedLetter, DeadLetterError>>;

    fn handle(
        &mut self,
        FindDeadLetter { id }: FindDeadLetter,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let shared_db = self.shared_db.clone();
        self.lifeline.answer(async move {
            let session = shared_db.connection().await?;
            dead_letters::find(&session, id).await?.ok_or(DeadLetterError::NotFound(id))
        })
    }
}

impl Handler<RedriveDeadLetter> for DeadLetterRegistry {
    type Result = Answer<Result<DeadLetter, DeadLetterError>>;

    fn handle(&mut self, wish: RedriveDeadLetter, _context: &mut Self::Context) -> Self::Result {
        let shared_db = self.shared_db.clone();
        self.lifeline.answer(async move {
            let RedriveDeadLetter { id, by, origin } = wish;
            let session = shared_db.connection().await?;
            let is_wished = dead_letters::wish(&session, id, by, &origin).await?;
            let letter =
                dead_letters::find_summary(&session, id).await?.ok_or(DeadLetterError::NotFound(id))?;
            if is_wished { Ok(letter) } else { Err(refusal(id, &letter)) }
        })
    }
}

/// Why a letter cannot be sent again now.
fn refusal(id: DeadLetterId, letter: &DeadLetter) -> DeadLetterError {
    match (letter.state(), &letter.obstacle) {
        (DeadLetterState::Handled, _) => DeadLetterError::Handled(id),
        (DeadLetterState::Open, Some(obstacle)) => DeadLetterError::NotRedrivable(obstacle.clone()),
        // Open and free of obstacles: it was being sent when it was looked at, and was not taken.
        (DeadLetterState::Replaying | DeadLetterState::Open, _) => DeadLetterError::UnderWay(id),
    }
}

impl Handler<RedriveDeadLetters> for DeadLetterRegistry {
    type Result = Answer<Result<Wished, DeadLetterError>>;

    fn handle(&mut self, wish: RedriveDeadLetters, _context: &mut Self::Context) -> Self::Result {
        let shared_db = self.shared_db.clone();
        self.lifeline.answer(async move {
            let RedriveDeadLetters { filter, by, origin } = wish;
            let session = shared_db.connection().await?;
            let limit = i64::from(REDRIVES_MAX);
            let letters = dead_letters::wish_many(&session, &filter, limit, by, &origin).await?;
            Ok(Wished { letters, may_be_more: letters >= u64::from(REDRIVES_MAX) })
        })
    }
}

impl Handler<DiscardDeadLetter> for DeadLetterRegistry {
    type Result = Answer<Result<(), DeadLetterError>>;

    fn handle(&mut self, wish: DiscardDeadLetter, _context: &mut Self::Context) -> Self::Result {
        let shared_db = self.shared_db.clone();
        self.lifeline.answer(async move {
            let DiscardDeadLetter { id, by, origin } = wish;
            let session = shared_db.connection().await?;
            if dead_letters::discard(&session, id, by, &origin).await? {
                return Ok(());
            }
            let letter = dead_letters::find_summary(&session, id).await?;
            match letter.ok_or(DeadLetterError::NotFound(id))?.state() {
                DeadLetterState::Handled => Ok(()),
                DeadLetterState::Replaying | DeadLetterState::Open => Err(DeadLetterError::UnderWay(id)),
            }
        })
    }
}
