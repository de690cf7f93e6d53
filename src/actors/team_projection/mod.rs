//! Brings what happens to teams in `user_psql` to `shared_psql`, where it is decided who reaches what. No actor: whoever changes
//! a team does it before answering, and the relay does it for those who died in between.
//!
//! A team travels as a whole, with its revision, and a state never replaces a later one. So it does not matter who brings it,
//! in which order, or how often.

mod closing;

pub use closing::{Settled, settle};

use thiserror::Error;

use crate::models::TeamId;
use crate::models::store::{SharedDb, StoreError, UserDb, team_projection, teams};

/// Which of the databases did not do its part.
#[derive(Debug, Error)]
pub enum Unprojected {
    /// The one with the teams: nothing was changed by this step.
    #[error("user_psql: {0}")]
    User(#[source] StoreError),
    /// The one with the projection.
    #[error("shared_psql: {0}")]
    Shared(#[source] StoreError),
}

/// Brings the present state of a team over. Afterwards no statement in `shared_psql` decides by an earlier one.
///
/// # Errors
/// When either database fails. It may be tried again, by anybody.
pub async fn project(user_db: &UserDb, shared_db: &SharedDb, team: TeamId) -> Result<(), Unprojected> {
    let state = {
        let session = user_db.connection().await.map_err(Unprojected::User)?;
        teams::state(&session, team).await.map_err(Unprojected::User)?
    };
    let Some(state) = state else { return Ok(()) };
    apply(shared_db, &state).await.map_err(Unprojected::Shared)?;
    let session = user_db.connection().await.map_err(Unprojected::User)?;
    teams::mark_projected(&session, &state).await.map_err(Unprojected::User)
}

async fn apply(shared_db: &SharedDb, state: &teams::State) -> Result<(), StoreError> {
    let mut connection = shared_db.connection().await?;
    let transaction = connection.transaction().await?;
    team_projection::apply(&transaction, state).await?;
    transaction.commit().await
}
