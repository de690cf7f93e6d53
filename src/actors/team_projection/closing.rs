//! The end of a team: a mark in `user_psql` first, then a look at what belongs to it, then its deletion or the mark's.
//!
//! Teams and instances are in two databases, so no single statement can see both. While the mark is there, and known in
//! `shared_psql`, nothing new can belong to the team: whoever makes an instance locks the team's row there, and so the projection
//! of the mark waits for all who came before. What is seen after it stays true as long as this mark is there; and the deletion
//! is made only under this very mark.

use super::{Unprojected, project};
use crate::models::TeamId;
use crate::models::store::teams::{self, Closing};
use crate::models::store::{SharedDb, StoreError, UserDb, team_projection};

/// How a deletion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The team is gone.
    Deleted,
    /// Something belongs to it: it goes on.
    InUse,
}

/// Brings a deletion that was begun to its end. Any number may do so at once.
///
/// # Errors
/// When either database fails. The mark stays, and it may be tried again, by anybody.
pub async fn settle(
    user_db: &UserDb,
    shared_db: &SharedDb,
    closing: Closing,
) -> Result<Settled, Unprojected> {
    project(user_db, shared_db, closing.team_id).await?;
    let is_in_use = is_in_use(shared_db, closing.team_id).await.map_err(Unprojected::Shared)?;
    let settled = if is_in_use {
        reopen(user_db, closing).await.map_err(Unprojected::User)?;
        Settled::InUse
    } else {
        delete(user_db, closing).await.map_err(Unprojected::User)?
    };
    project(user_db, shared_db, closing.team_id).await?;
    Ok(settled)
}

async fn is_in_use(shared_db: &SharedDb, team: TeamId) -> Result<bool, StoreError> {
    team_projection::has_instances(&shared_db.connection().await?, team).await
}

async fn reopen(user_db: &UserDb, closing: Closing) -> Result<(), StoreError> {
    teams::reopen(&user_db.connection().await?, closing).await
}

/// A mark that is gone was taken by somebody who has settled the same: then the team is gone, or it was in use.
async fn delete(user_db: &UserDb, closing: Closing) -> Result<Settled, StoreError> {
    let mut connection = user_db.connection().await?;
    let transaction = connection.transaction().await?;
    if teams::delete(&transaction, closing).await? {
        transaction.commit().await?;
        return Ok(Settled::Deleted);
    }
    let state = teams::state(&transaction, closing.team_id).await?;
    let is_gone = state.is_none_or(|state| state.deleted_at.is_some());
    Ok(if is_gone { Settled::Deleted } else { Settled::InUse })
}
