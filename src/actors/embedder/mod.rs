//! Makes vectors of what stands in knowledge bases, by the operator's provider, so that it is found by what it means, too.
//!
//! - **Owns:** nothing for long: an entry is taken for two minutes, renewed with each batch, and whoever does not come back loses it.
//! - **Receives:** nothing; it looks. New pieces want vectors by a trigger, whoever writes them.
//! - **Sends:** nothing; a search looks for new vectors by itself.
//! - **Invariant:** a vector is that of its piece: an entry that is read anew meanwhile keeps none of it. What was made is not made
//!   again, and a provider that is away or refuses delays nothing but this.
//! - **On failure:** an entry waits for longer, and says why. All the work there is, is in the rows.

use std::time::Duration;

use uuid::Uuid;

use super::system::{Backoff, Child, ChildSpec, Exit, Lifeline};
use crate::embeddings::{Embedder as Provider, EmbeddingError, Purpose};
use crate::models::UserId;
use crate::models::knowledge::Vector;
use crate::models::store::knowledge_vectors::{self as vectors, BarePiece, WaitingEntry};
use crate::models::store::{SharedDb, StoreError};

/// The name of its part of the tree.
pub const NAME: &str = "embedder";

/// How long an entry is taken for; it is renewed with each batch. Longer, and that of a process that was killed waits for longer.
const TAKEN_FOR_MS: i64 = 120_000;

/// How often it is looked for work that nobody told of.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// The pauses while the provider is away, unless it says how long.
const AWAY: Backoff = Backoff { min: Duration::from_secs(1), max: Duration::from_secs(60) };

/// The pauses while the database is.
const LOST: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(2) };

/// How long a provider is left alone that knows us not.
const MISCONFIGURED_FOR: Duration = Duration::from_secs(60);

/// How long an entry waits whose texts the provider does not take: a model may be changed, or its limits.
const NOT_TAKEN_FOR: Duration = Duration::from_secs(3_600);

/// How long one waits that is being read anew.
const UNREADY_FOR: Duration = Duration::from_secs(5);

/// Entries of another model that are made to wait in one statement.
const AGAIN_AT_ONCE: i64 = 1_000;

/// One that asks `provider`, one batch at a time: a provider's own limits are per account, and more at once would meet them sooner.
pub fn embedder(spec: ChildSpec, shared_db: SharedDb, provider: Provider) -> Child {
    Child::new(spec, move |lifeline| {
        let (shared_db, provider) = (shared_db.clone(), provider.clone());
        Box::pin(Embedder { shared_db, provider, lifeline, last_user: UserId(Uuid::nil()) }.live())
    })
}

struct Embedder {
    shared_db: SharedDb,
    provider: Provider,
    lifeline: Lifeline,
    /// Whose turn it was.
    last_user: UserId,
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

impl Embedder {
    async fn live(mut self) -> Exit {
        // Its provider is nobody's dependency: without it all else goes on, so it makes no process unready.
        self.lifeline.ready();
        let (mut failures, mut refusals, mut is_of_this_model) = (0, 0, false);
        loop {
            let lifeline = self.lifeline.clone();
            let worked = tokio::select! {
                biased;
                () = lifeline.stop_requested() => return Exit::Stopped,
                worked = self.work(&mut is_of_this_model, refusals) => worked,
            };
            let pause = match worked {
                Ok(Worked::On) => {
                    (failures, refusals) = (0, 0);
                    Duration::ZERO
                }
                Ok(Worked::Idle) => LOOKED_EVERY,
                Ok(Worked::Pause(pause)) => {
                    refusals += 1;
                    pause
                }
                Err(error) => {
                    failures += 1;
                    tracing::debug!(%error, "no vectors are made while shared_psql does not answer");
                    LOST.pause_now(failures)
                }
            };
            if !pause.is_zero() && self.lifeline.stops_within(pause).await {
                return Exit::Stopped;
            }
        }
    }

    async fn work(&mut self, is_of_this_model: &mut bool, refusals: u32) -> Result<Worked, StoreError> {
        if !*is_of_this_model {
            let connection = self.shared_db.connection().await?;
            let again = vectors::want_again(&connection, self.provider.model(), AGAIN_AT_ONCE).await?;
            *is_of_this_model = again == 0;
            return Ok(Worked::On);
        }
        let Some(entry) = self.take().await? else { return Ok(Worked::Idle) };
        self.last_user = entry.user_id;
        let Some(epoch) = entry.epoch else {
            self.postpone(&entry, UNREADY_FOR, None).await?;
            return Ok(Worked::On);
        };
        match self.attend(&entry, epoch).await? {
            Ok(()) => Ok(Worked::On),
            Err(error) => self.refused(&entry, &error, refusals).await,
        }
    }

    async fn take(&self) -> Result<Option<WaitingEntry>, StoreError> {
        vectors::claim(&self.shared_db.connection().await?, self.last_user, TAKEN_FOR_MS).await
    }

    /// Gives all pieces of an entry their vectors. The inner error is the provider's.
    async fn attend(
        &self,
        entry: &WaitingEntry,
        epoch: i64,
    ) -> Result<Result<(), EmbeddingError>, StoreError> {
        let (mut after, batch) = (-1, i64::try_from(self.provider.settings().batch_max).unwrap_or(i64::MAX));
        loop {
            let connection = self.shared_db.connection().await?;
            let model = self.provider.model();
            let pieces = vectors::without_vector(&connection, entry.id, after, model, batch).await?;
            let Some(last) = pieces.last() else {
                vectors::finish(&connection, (entry.id, epoch), model).await?;
                return Ok(Ok(()));
            };
            after = last.number;
            vectors::postpone(&connection, entry.id, TAKEN_FOR_MS, None).await?;
            // Not while a provider takes its time.
            drop(connection);
            let made = match self.ask(entry, &pieces).await {
                Ok(made) => made,
                Err(error) => return Ok(Err(error)),
            };
            if !self.keep(entry, epoch, &made).await? {
                // It is read anew, and will want vectors then.
                return Ok(Ok(()));
            }
        }
    }

    async fn ask(
        &self,
        entry: &WaitingEntry,
        pieces: &[BarePiece],
    ) -> Result<Vec<(i32, Vector)>, EmbeddingError> {
        let texts: Vec<String> = pieces.iter().map(|piece| whole(entry.title.as_deref(), piece)).collect();
        let begun = std::time::Instant::now();
        let embedded = self.provider.embed(Purpose::Document, &texts).await;
        metrics::histogram!("botberi_embedding_seconds", "purpose" => "document")
            .record(begun.elapsed().as_secs_f64());
        let outcome = if embedded.is_ok() { "made" } else { "failed" };
        metrics::counter!("botberi_embeddings_total", "purpose" => "document", "outcome" => outcome)
            .increment(texts.len() as u64);
        Ok(pieces.iter().map(|piece| piece.number).zip(embedded?).collect())
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
        let is_kept = vectors::insert(&transaction, (entry.id, epoch), self.provider.model(), made).await?;
        transaction.commit().await?;
        Ok(is_kept)
    }

    async fn refused(
        &self,
        entry: &WaitingEntry,
        error: &EmbeddingError,
        refusals: u32,
    ) -> Result<Worked, StoreError> {
        tracing::warn!(entry.id = %entry.id, %error, "vectors were not made; it is tried again");
        let (waits, pauses) = match error {
            EmbeddingError::Away { retry_after, .. } => {
                let pause = retry_after.unwrap_or_else(|| AWAY.pause_now(refusals.saturating_add(1)));
                (pause, Some(pause))
            }
            EmbeddingError::Misconfigured { .. } => (MISCONFIGURED_FOR, Some(MISCONFIGURED_FOR)),
            // Others may be taken.
            EmbeddingError::NotTaken { .. } | EmbeddingError::NotVectors(_) => (NOT_TAKEN_FOR, None),
        };
        self.postpone(entry, waits, Some(&error.to_string())).await?;
        Ok(pauses.map_or(Worked::On, Worked::Pause))
    }

    async fn postpone(
        &self,
        entry: &WaitingEntry,
        pause: Duration,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        vectors::postpone(&self.shared_db.connection().await?, entry.id, pause_ms, reason).await
    }
}

/// A piece with what stands above it: alone, it often does not say what it is about.
fn whole(title: Option<&str>, piece: &BarePiece) -> String {
    let above = title.into_iter().chain(piece.headings.iter().map(String::as_str));
    above.chain([piece.text.as_str()]).collect::<Vec<&str>>().join("\n")
}
