//! Who is in a team, and as what.

use super::{PutMember, RemoveMember, TeamError, Works};
use crate::models::store::{StoreError, Transaction, UserSide, sessions, teams};
use crate::models::{UserId, WholeTeam};

/// The names of the quotas.
const TEAMS: &str = "teams";
const MEMBERS: &str = "team_members";

impl Works {
    pub(super) async fn put_member(&self, order: PutMember) -> Result<WholeTeam, TeamError> {
        let id = order.id;
        let team = self.put(order).await?;
        self.project(id).await?;
        Ok(team)
    }

    async fn put(&self, order: PutMember) -> Result<WholeTeam, TeamError> {
        let PutMember { reach, id, user_id, role, expected_revision, origin } = order;
        {
            // So that nobody holds up the account of somebody whom they may not take in.
            let session = self.user_db.connection().await?;
            let standing = teams::standing(&session, reach, id).await?;
            Self::permit(standing, reach, id)?;
        }
        let mut session = self.user_db.connection().await?;
        let transaction = session.transaction().await?;
        sessions::name_origin(&transaction, &origin).await?;
        let is_open = teams::lock_user(&transaction, user_id).await?;
        let standing = Self::lock(&transaction, reach, id, expected_revision).await?;
        if standing.closing_at.is_some() {
            return Err(TeamError::Closing(id));
        }
        let last_owner = |error: StoreError| TeamError::of_member(error, user_id);
        if !teams::change_member(&transaction, id, user_id, role, &origin).await.map_err(last_owner)? {
            if !is_open {
                return Err(TeamError::UserNotFound(user_id));
            }
            if standing.members >= self.settings.members_max {
                let (used, limit) = (standing.members, self.settings.members_max);
                return Err(TeamError::QuotaExceeded { name: MEMBERS, used, limit });
            }
            self.check_count(&transaction, user_id).await?;
            teams::add_member(&transaction, id, user_id, role, &origin).await?;
        }
        // As somebody who may see it: they may just have given up that they may change it.
        let team = teams::find(&transaction, Self::everything(reach), id).await?;
        transaction.commit().await?;
        team.ok_or(TeamError::NotFound(id))
    }

    pub(super) async fn remove_member(&self, order: RemoveMember) -> Result<(), TeamError> {
        let (id, removed_themselves) = (order.id, order.user_id == order.reach.user_id);
        let removed = self.remove(order).await;
        let is_gone = match &removed {
            Ok(()) | Err(TeamError::MemberNotFound(_)) => true,
            Err(TeamError::NotFound(_)) => removed_themselves,
            Err(_other) => false,
        };
        // Whoever is told that somebody is not in it, may have been told before that this was not known.
        if is_gone {
            self.project(id).await?;
        }
        removed
    }

    async fn remove(&self, order: RemoveMember) -> Result<(), TeamError> {
        let RemoveMember { reach, id, user_id, expected_revision, origin } = order;
        // To leave needs no role.
        let reach = if user_id == reach.user_id { Self::everything(reach) } else { reach };
        let mut session = self.user_db.connection().await?;
        let transaction = session.transaction().await?;
        sessions::name_origin(&transaction, &origin).await?;
        let _standing = Self::lock(&transaction, reach, id, expected_revision).await?;
        let last_owner = |error: StoreError| TeamError::of_member(error, user_id);
        if !teams::remove_member(&transaction, id, user_id, &origin).await.map_err(last_owner)? {
            return Err(TeamError::MemberNotFound(user_id));
        }
        transaction.commit().await?;
        self.ended.doubt_user(user_id);
        Ok(())
    }

    /// Locks an account, and sees to it that it has room for one more team.
    pub(super) async fn check_place(
        &self,
        transaction: &Transaction<'_, UserSide>,
        user: UserId,
    ) -> Result<(), TeamError> {
        if !teams::lock_user(transaction, user).await? {
            return Err(TeamError::UserNotFound(user));
        }
        self.check_count(transaction, user).await
    }

    async fn check_count(
        &self,
        transaction: &Transaction<'_, UserSide>,
        user: UserId,
    ) -> Result<(), TeamError> {
        let (used, limit) =
            (teams::count_of_user(transaction, user).await?, self.settings.teams_per_user_max);
        if used >= limit { Err(TeamError::QuotaExceeded { name: TEAMS, used, limit }) } else { Ok(()) }
    }
}
