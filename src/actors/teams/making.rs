//! New teams, each made once however often its wish is sent.

use super::{CreateTeam, TeamError, Works};
use crate::models::store::{Transaction, UserSide, idempotency, sessions, teams};
use crate::models::{Made, Reach, TeamId, TeamRole, TeamRoles, WholeTeam};

/// What keys are used for here.
const ROUTE: &str = "POST /teams";

impl Works {
    pub(super) async fn create(&self, order: &CreateTeam) -> Result<Made<WholeTeam>, TeamError> {
        let claim = order.key.as_ref().map(|key| (order.owner, key));
        let work = async |transaction: &Transaction<'_, UserSide>| self.make(transaction, order).await;
        let made = idempotency::once(&self.user_db, ROUTE, claim, work).await?;
        // Also one that was made before: whoever made it may have died before it was in force.
        self.project(made.thing.team.id).await?;
        Ok(made)
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
