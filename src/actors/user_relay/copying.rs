//! Copies account events into the log. What is told of a team there is known there, too: whoever hears of it and looks finds it so.

use std::collections::BTreeSet;

use super::Broken;
use crate::models::store::teams::{self, State};
use crate::models::store::user_outbox::{self, AccountEvent};
use crate::models::store::{SharedDb, StoreError, Transaction, UserDb, UserSide, team_projection};
use crate::models::{TeamId, UserId};

/// Events that are copied together.
const BATCH_ROWS_MAX: i64 = 500;

/// The event that an account is closed.
const USER_DELETED: &str = "user.deleted";

/// What the keys begin with of events about teams.
const OF_TEAMS: &str = "team.";

/// Copies what waits, up to a batch; false when nothing waits, or another replica is at it.
pub(super) async fn copy_some(user_db: &UserDb, shared_db: &SharedDb) -> Result<bool, Broken> {
    let mut connection = user_db.connection().await.map_err(Broken::User)?;
    if !user_outbox::has_unrelayed(&connection).await.map_err(Broken::User)? {
        return Ok(false);
    }
    let transaction = connection.transaction().await.map_err(Broken::User)?;
    if !user_outbox::take_turn(&transaction).await.map_err(Broken::User)? {
        return Ok(false);
    }
    let events = user_outbox::list_unrelayed(&transaction, BATCH_ROWS_MAX).await.map_err(Broken::User)?;
    if events.is_empty() {
        return Ok(false);
    }
    let states = team_states(&transaction, &events).await.map_err(Broken::User)?;
    // Committed there before it is marked here: never the other way round.
    let new = write(shared_db, &events, &states).await.map_err(Broken::Shared)?;
    user_outbox::mark_relayed(&transaction, &events).await.map_err(Broken::User)?;
    for state in &states {
        teams::mark_projected(&transaction, state).await.map_err(Broken::User)?;
    }
    transaction.commit().await.map_err(Broken::User)?;
    metrics::counter!("botberi_account_events_relayed_total").increment(new);
    Ok(true)
}

/// The present states of the teams that the events are about, in the order of their ids: whoever locks several does so.
async fn team_states(
    db: &Transaction<'_, UserSide>,
    events: &[AccountEvent],
) -> Result<Vec<State>, StoreError> {
    let of_teams = events.iter().filter(|event| event.routing_key.starts_with(OF_TEAMS));
    let ids: BTreeSet<TeamId> = of_teams.filter_map(|event| event.aggregate_id.parse().ok()).collect();
    let mut states = Vec::with_capacity(ids.len());
    for id in ids {
        states.extend(teams::state(db, id).await?);
    }
    Ok(states)
}

async fn write(shared_db: &SharedDb, events: &[AccountEvent], states: &[State]) -> Result<u64, StoreError> {
    let closed: Vec<UserId> =
        events.iter().filter(|event| event.routing_key == USER_DELETED).map(|event| event.user_id).collect();
    let mut connection = shared_db.connection().await?;
    let transaction = connection.transaction().await?;
    for state in states {
        team_projection::apply(&transaction, state).await?;
    }
    let new = user_outbox::copy_in(&transaction, events).await?;
    if !closed.is_empty() {
        user_outbox::note_deleted(&transaction, &closed).await?;
    }
    transaction.commit().await?;
    Ok(new)
}
