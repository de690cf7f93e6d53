//! Makes vectors of what stands in knowledge bases, by the operator's provider, so that it is found by what it means, too.
//!
//! - **Owns:** nothing for long: an entry is taken for as long as a request may take, renewed with each batch, and whoever does not come
//!   back loses it.
//! - **Receives:** nothing; it looks. New pieces want vectors by a trigger, whoever writes them.
//! - **Sends:** nothing; a search looks for new vectors by itself.
//! - **Invariant:** a vector is that of its piece: an entry that is read anew meanwhile keeps none of it. What is kept is not made
//!   again, and a provider that is away or refuses delays nothing but this.
//! - **On failure:** an entry waits for longer, and says why. All the work there is, is in the rows.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::system::{Backoff, Child, ChildSpec, Exit, Lifeline};
use crate::embeddings::{Embedder as Provider, EmbeddingError, Purpose};
use crate::models::UserId;
use crate::models::knowledge::Vector;
use crate::models::store::knowledge_vectors::{self as vectors, BarePiece, WaitingEntry};
use crate::models::store::{SharedDb, StoreError};

/// The name of its part of the tree.
pub const NAME: &str = "embedder";

/// How long an entry is taken for beside the time that a request may take: what is kept of it.
const KEEPING: Duration = Duration::from_secs(60);

/// How often it is looked for work that nobody told of.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// Batches of one entry before it is the next user's turn.
const TURN_BATCHES: usize = 8;

/// The pauses while the provider is away, unless it wants longer ones.
const AWAY: Backoff = Backoff { min: Duration::from_secs(1), max: Duration::from_secs(60) };

/// The pauses while the database is.
const LOST: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(2) };

/// How long a provider is left alone that knows us not.
const MISCONFIGURED_FOR: Duration = Duration::from_secs(60);

/// How long an entry waits that has a piece which the provider does not take: a model may be changed, or its limits.
const NOT_TAKEN_FOR: Duration = Duration::from_secs(3_600);

/// How long one waits whose pieces are about to go.
const UNREADY_FOR: Duration = Duration::from_secs(60);

/// How many such in a row are looked at before a pause.
const UNREADY_MAX: u32 = 16;

/// Pieces in a row that are not taken, before it is the provider that is taken for unwell.
const NOT_TAKEN_MAX: u32 = 8;

/// Statements in a row that make entries of another model wait: two models that begin together would take them from each other for ever.
const AGAIN_ROUNDS: usize = 50;

/// Entries of another model that are made to wait in one statement.
const AGAIN_AT_ONCE: i64 = 1_000;

/// How long after its start an embedder looks for vectors of another model, and how often: a process of the release before may go on
/// making such until it has gone. Not for ever: two models would take turns at the operator's cost.
const AGAIN_WITHIN: Duration = Duration::from_secs(900);
const AGAIN_EVERY: Duration = Duration::from_secs(10);

/// One that asks `provider`, one batch at a time: a provider's own limits are per account, and more at once would meet them sooner.
pub fn embedder(spec: ChildSpec, shared_db: SharedDb, provider: Provider) -> Child {
    Child::new(spec, move |lifeline| {
        let embedder = Embedder {
            shared_db: shared_db.clone(),
            batch: provider.settings().batch_max,
            provider: provider.clone(),
            last_user: UserId(Uuid::nil()),
            begun: Instant::now(),
            looked_for_others: None,
            refusals: 0,
            not_taken: 0,
            unready: 0,
        };
        Box::pin(embedder.live(lifeline))
    })
}

struct Embedder {
    shared_db: SharedDb,
    provider: Provider,
    /// Whose turn it was.
    last_user: UserId,
    /// Texts of the next request: fewer when one was not answered.
    batch: usize,
    begun: Instant,
    /// When vectors of another model were looked for last.
    looked_for_others: Option<Instant>,
    /// How often in a row the provider was away.
    refusals: u32,
    /// How many pieces in a row it did not take.
    not_taken: u32,
    /// How many entries in a row were about to lose their pieces.
    unready: u32,
}

/// What came of looking for work.
enum Worked {
    /// There is more, perhaps.
    On,
    /// There is none.
    Idle,
    /// The provider is not to be asked for a while.
    Pause(Duration),
}

/// What came of an entry.
enum Attended {
    /// All of its pieces have their vectors, or it has got others.
    Done,
    /// It has more of them than one turn is for.
    ItsTurnIsOver,
    /// Some of its pieces are not taken.
    Partly(EmbeddingError),
    /// The provider is not to be had.
    Refused(EmbeddingError),
}

impl Embedder {
    async fn live(mut self, lifeline: Lifeline) -> Exit {
        // Its provider is nobody's dependency: without it all else goes on, so it makes no process unready.
        lifeline.ready();
        let mut failures = 0;
        loop {
            let worked = tokio::select! {
                biased;
                () = lifeline.stop_requested() => return Exit::Stopped,
                worked = self.work() => worked,
            };
            let pause = match worked {
                Ok(Worked::On) => Duration::ZERO,
                Ok(Worked::Idle) => LOOKED_EVERY,
                Ok(Worked::Pause(pause)) => pause,
                Err(error) => {
                    failures += 1;
                    tracing::debug!(%error, "no vectors are made while shared_psql does not answer");
                    LOST.pause_now(failures)
                }
            };
            failures = if pause.is_zero() { 0 } else { failures };
            if !pause.is_zero() && lifeline.stops_within(pause).await {
                return Exit::Stopped;
            }
        }
    }

    async fn work(&mut self) -> Result<Worked, StoreError> {
        self.look_for_others().await?;
        let connection = self.shared_db.connection().await?;
        let (taken_for, model) = (self.taken_for_ms(), self.provider.model());
        let taken = vectors::claim(&connection, self.last_user, taken_for, model).await?;
        drop(connection);
        let Some(entry) = taken else { return Ok(Worked::Idle) };
        self.last_user = entry.user_id;
        let Some(epoch) = entry.epoch else {
            let has_failed = vectors::forget(&self.shared_db.connection().await?, entry.id).await?;
            if !has_failed {
                self.postpone(&entry, UNREADY_FOR, None).await?;
            }
            self.unready += 1;
            return Ok(if self.unready.is_multiple_of(UNREADY_MAX) { Worked::Idle } else { Worked::On });
        };
        self.unready = 0;
        match self.attend(&entry, epoch).await? {
            Attended::Done => Ok(Worked::On),
            Attended::ItsTurnIsOver => {
                self.postpone(&entry, Duration::ZERO, None).await?;
                Ok(Worked::On)
            }
            Attended::Partly(error) => {
                tracing::warn!(entry.id = %entry.id, %error, "pieces of an entry have no vectors; they are tried again in an hour");
                self.postpone(&entry, NOT_TAKEN_FOR, Some(&error.to_string())).await?;
                Ok(Worked::On)
            }
            Attended::Refused(error) => self.refused(&entry, &error).await,
        }
    }

    /// Has entries wait that have vectors of another model.
    async fn look_for_others(&mut self) -> Result<(), StoreError> {
        let is_due = match self.looked_for_others {
            None => true,
            Some(at) => at.elapsed() >= AGAIN_EVERY && self.begun.elapsed() < AGAIN_WITHIN,
        };
        if !is_due {
            return Ok(());
        }
        let connection = self.shared_db.connection().await?;
        for _round in 0..AGAIN_ROUNDS {
            if vectors::want_again(&connection, self.provider.model(), AGAIN_AT_ONCE).await? == 0 {
                break;
            }
        }
        self.looked_for_others = Some(Instant::now());
        Ok(())
    }

    /// Gives pieces of an entry their vectors, for one turn.
    async fn attend(&mut self, entry: &WaitingEntry, epoch: i64) -> Result<Attended, StoreError> {
        let (mut after, mut not_taken, mut batches) = (-1, None, 0);
        // Of an entry with a piece that is not taken all others are done at once: to find that piece costs a turn.
        while batches < TURN_BATCHES || not_taken.is_some() {
            let connection = self.shared_db.connection().await?;
            let (model, batch) = (self.provider.model(), i64::try_from(self.batch).unwrap_or(i64::MAX));
            let pieces = vectors::without_vector(&connection, entry.id, after, model, batch).await?;
            let Some(last) = pieces.last() else {
                if let Some(error) = not_taken {
                    return Ok(Attended::Partly(error));
                }
                vectors::finish(&connection, entry, epoch, model).await?;
                return Ok(Attended::Done);
            };
            if !vectors::postpone(&connection, entry, self.taken_for_ms(), None).await? {
                return Ok(Attended::Done);
            }
            // Not while a provider takes its time.
            drop(connection);
            match self.ask(&pieces).await {
                Ok(made) => {
                    (self.refusals, self.not_taken) = (0, 0);
                    batches += 1;
                    self.batch = self.batch.saturating_mul(2).min(self.provider.settings().batch_max);
                    after = last.number;
                    if !self.keep(entry, epoch, &made).await? {
                        // It is read anew, and will want vectors then.
                        return Ok(Attended::Done);
                    }
                }
                Err(error) => {
                    // Whatever it was, less may do. A single piece that is not taken is left out.
                    self.batch = (pieces.len() / 2).max(1);
                    match error {
                        EmbeddingError::NotTaken { .. } | EmbeddingError::NotVectors(_) => {
                            if pieces.len() == 1 {
                                self.not_taken += 1;
                                if self.not_taken >= NOT_TAKEN_MAX {
                                    return Ok(Attended::Refused(error));
                                }
                                after = last.number;
                                not_taken = Some(error);
                            }
                        }
                        EmbeddingError::Away { .. } | EmbeddingError::Misconfigured { .. } => {
                            return Ok(Attended::Refused(error));
                        }
                    }
                }
            }
        }
        Ok(Attended::ItsTurnIsOver)
    }

    /// How long an entry is taken for.
    fn taken_for_ms(&self) -> i64 {
        millis(self.provider.settings().timeout().saturating_add(KEEPING))
    }

    async fn ask(&self, pieces: &[BarePiece]) -> Result<Vec<(i32, Vector)>, EmbeddingError> {
        let texts: Vec<String> = pieces.iter().map(whole).collect();
        let embedded = self.provider.embed(Purpose::Document, &texts).await?;
        Ok(pieces.iter().map(|piece| piece.number).zip(embedded).collect())
    }

    async fn keep(
        &self,
        entry: &WaitingEntry,
        epoch: i64,
        made: &[(i32, Vector)],
    ) -> Result<bool, StoreError> {
        let mut connection = self.shared_db.connection().await?;
        let transaction = connection.transaction().await?;
        vectors::lock(&transaction, entry.knowledge_base_id).await?;
        let is_kept = vectors::insert(&transaction, entry, epoch, self.provider.model(), made).await?;
        transaction.commit().await?;
        Ok(is_kept)
    }

    async fn refused(&mut self, entry: &WaitingEntry, error: &EmbeddingError) -> Result<Worked, StoreError> {
        tracing::warn!(entry.id = %entry.id, %error, "vectors were not made; it is tried again");
        self.refusals = self.refusals.saturating_add(1);
        let pause = match error {
            EmbeddingError::Misconfigured { .. } => MISCONFIGURED_FOR,
            EmbeddingError::Away { retry_after, .. } => {
                retry_after.unwrap_or_default().max(AWAY.pause_now(self.refusals))
            }
            EmbeddingError::NotTaken { .. } | EmbeddingError::NotVectors(_) => AWAY.pause_now(self.refusals),
        };
        self.postpone(entry, pause, Some(&error.to_string())).await?;
        Ok(Worked::Pause(pause))
    }

    async fn postpone(
        &self,
        entry: &WaitingEntry,
        pause: Duration,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let connection = self.shared_db.connection().await?;
        let _or_replaced = vectors::postpone(&connection, entry, millis(pause), reason).await?;
        Ok(())
    }
}

fn millis(pause: Duration) -> i64 {
    i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)
}

/// A piece with the headings above it: alone, it often does not say what it is about. Not with its title, which may be changed without
/// its being read anew.
fn whole(piece: &BarePiece) -> String {
    let above = piece.headings.iter().map(String::as_str);
    above.chain([piece.text.as_str()]).collect::<Vec<&str>>().join("\n")
}
