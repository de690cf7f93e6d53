//! How instances stand, in `shared_psql`.

use tokio_postgres::Row;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::InstanceId;
use crate::models::instance::Instance;
use crate::models::reach::Reach;
use crate::models::standing::{Life, Owner, QUEUE_POSITION_MAX, Standing};

const EXPLAIN: &str = include_str!("sql/instances/explain.sql");
const EXPLAIN_ANY: &str = include_str!("sql/instances/explain_any.sql");

/// One more than is told: so that it is known that there are more.
const COUNTED_MAX: i64 = QUEUE_POSITION_MAX + 1;

/// How an instance stands; `None` if nothing of that id is reached.
///
/// # Errors
/// Only those of the database itself.
pub async fn explain(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    id: InstanceId,
) -> Result<Option<Standing>, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach.into();
    let parameters: session::Parameters<'_> = &[&id, &user_id, &team_only, &team_roles.names(), &COUNTED_MAX];
    let row = session::optional(db, EXPLAIN, parameters).await?;
    row.as_ref().map(Standing::try_from).transpose()
}

/// How an instance stands, whoever's it is, also while it is being torn down. For administrators only.
///
/// # Errors
/// Only those of the database itself.
pub async fn explain_any(
    db: &impl Session<SharedSide>,
    id: InstanceId,
) -> Result<Option<Standing>, StoreError> {
    let row = session::optional(db, EXPLAIN_ANY, &[&id, &COUNTED_MAX]).await?;
    row.as_ref().map(Standing::try_from).transpose()
}

impl TryFrom<&Row> for Standing {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let instance = Instance::try_from(row)?;
        let owner = match instance.owner_replica {
            Some(replica) => Some(Owner { replica, life: life(row)? }),
            None => None,
        };
        Ok(Self {
            instance,
            owner,
            workers_alive: row.try_get("workers_alive")?,
            worker_beat_at: row.try_get("worker_beat_at")?,
            queue_position: row.try_get("queue_position")?,
            looked_at: row.try_get("looked_at")?,
        })
    }
}

fn life(row: &Row) -> Result<Option<Life>, StoreError> {
    let Some(beat_at) = row.try_get("owner_beat_at")? else { return Ok(None) };
    Ok(Some(Life {
        roles: row.try_get("owner_roles")?,
        started_at: row.try_get("owner_started_at")?,
        beat_at,
        is_stale: row.try_get("owner_is_stale")?,
    }))
}
