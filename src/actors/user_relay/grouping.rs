//! Brings to an end what was begun with teams by somebody who died, or met an outage.

use super::Broken;
use crate::actors::team_projection::{Unprojected, project, settle};
use crate::models::TeamId;
use crate::models::store::teams;
use crate::models::store::{SharedDb, StoreError, UserDb};

/// Teams that are looked at in one turn.
const BATCH_ROWS_MAX: i64 = 50;

/// How old a deletion is that nobody works on any more: a request is given up earlier.
const STALE_MS: i64 = 15_000;

/// Brings over what is not known in `shared_psql`, and settles deletions; false when there was nothing to do.
pub(super) async fn group_some(user_db: &UserDb, shared_db: &SharedDb) -> Result<bool, Broken> {
    let (unprojected, stale) = waiting(user_db).await.map_err(Broken::User)?;
    let has_work = !(unprojected.is_empty() && stale.is_empty());
    for team in unprojected {
        project(user_db, shared_db, team).await.map_err(broken)?;
    }
    for closing in stale {
        let settled = settle(user_db, shared_db, closing).await.map_err(broken)?;
        tracing::info!(team.id = %closing.team_id, ?settled, "the deletion of a team was brought to its end");
    }
    Ok(has_work)
}

async fn waiting(user_db: &UserDb) -> Result<(Vec<TeamId>, Vec<teams::Closing>), StoreError> {
    let session = user_db.connection().await?;
    let unprojected = teams::list_unprojected(&session, BATCH_ROWS_MAX).await?;
    Ok((unprojected, teams::list_stale_closings(&session, STALE_MS, BATCH_ROWS_MAX).await?))
}

fn broken(error: Unprojected) -> Broken {
    match error {
        Unprojected::User(error) => Broken::User(error),
        Unprojected::Shared(error) => Broken::Shared(error),
    }
}
