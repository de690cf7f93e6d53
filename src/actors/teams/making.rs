//! New teams, each made once however often its wish is sent.

use super::{CreateTeam, TeamError, Works};
use crate::models::store::idempotency::{self, Claim, Known};
use crate::models::store::{Transaction, UserSide, sessions, teams};
use crate::models::{IdempotencyKey, Made, Reach, TeamId, TeamRole, TeamRoles, WholeTeam};

/// What keys are used for here.
const ROUTE: &str = "POST /teams";

/// How often a key is tried that somebody else has, and then has not: each time another's work under it was refused.
const CLAIMS_MAX: usize = 3;

impl Works {
    pub(super) async fn create(&self, order: &CreateTeam) -> Result<Made<WholeTeam>, TeamError> {
        let made = self.make_once(order).await?;
        // Also one that was made before: whoever made it may have died before it was in force.
        self.project(made.thing.team.id).await?;
        Ok(made)
    }

    async fn make_once(&self, order: &CreateTeam) -> Result<Made<WholeTeam>, TeamError> {
        let Some(key) = &order.key else {
            let mut session = self.user_db.connection().await?;
            let transaction = session.transaction().await?;
            let team = self.make(&transaction, order).await?;
            transaction.commit().await?;
            return Ok(Made::anew(team));
        };
        for _try in 0..CLAIMS_MAX {
            if let Some(team) = self.make_under(order, key).await? {
                return Ok(Made::anew(team));
            }
            let session = self.user_db.connection().await?;
            match idempotency::find(&session, ROUTE, (order.owner, key)).await? {
                Known::Made(thing) => return Ok(Made { thing, is_replayed: true }),
                Known::OtherWork => return Err(TeamError::KeyReused),
                Known::Nothing => {}
            }
        }
        Err(TeamError::KeyBusy)
    }

    /// `None` if the work under that key is done already. Whatever fails frees the key: the transaction takes it back.
    async fn make_under(
        &self,
        order: &CreateTeam,
        key: &IdempotencyKey,
    ) -> Result<Option<WholeTeam>, TeamError> {
        let claim: Claim<'_> = (order.owner, key);
        let mut session = self.user_db.connection().await?;
        let transaction = session.transaction().await?;
        if idempotency::claim(&transaction, ROUTE, &[claim]).await?.is_empty() {
            transaction.rollback().await?;
            return Ok(None);
        }
        let team = self.make(&transaction, order).await?;
        idempotency::settle(&transaction, ROUTE, &[(claim, &team)]).await?;
        transaction.commit().await?;
        Ok(Some(team))
    }

    async fn make(
        &self,
        transaction: &Transaction<'_, UserSide>,
        order: &CreateTeam,
    ) -> Result<WholeTeam, TeamError> {
        let id = TeamId::new();
        sessions::name_origin(transaction, &order.origin).await?;
        self.check_place(transaction, order.owner).await?;
        teams::insert(transaction, id, &order.name, order.owner, &order.origin).await?;
        let all: TeamRoles = TeamRole::ALL.iter().copied().collect();
        let reach = Reach { team_roles: all, ..Reach::from(order.owner) };
        teams::find(transaction, reach, id).await?.ok_or(TeamError::NotFound(id))
    }
}
