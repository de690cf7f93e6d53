//! Teams: made, named, joined, left and deleted.
//!
//! - **Owns:** the way to the rows of `teams` and `team_members`, how large teams may be, and the statements that those share
//!   who open sockets (`door.rs`).
//! - **Receives:** the messages of `messages.rs` from `http::user`; every one of them says what the caller reaches.
//! - **Sends:** nothing to other actors; triggers tell of members through the outbox of `user_psql`, and wake those who listen.
//! - **Invariant:** what is answered is in force: the projection in `shared_psql`, by which everything of a team is reached, is no
//!   older than the answer. A team has an owner. Nothing is made in a team that is gone, nor left behind by one that goes.
//! - **On failure:** keeps no state. What was committed and is not in force yet, the relay brings into force.

mod door;
mod error;
mod making;
mod members;
mod messages;
pub mod rules;
mod settings;

pub use error::TeamError;
pub use messages::{
    CreateTeam, DeleteTeam, FindTeam, ListMemberships, ListTeams, PutMember, RemoveMember, RenameTeam,
};
pub use settings::TeamSettings;

use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};

use self::door::{Porter, Questions};
use super::revocations::RevocationView;
use super::system::{Answer, Lifeline};
use super::team_projection::{self, Settled};
use crate::models::store::teams::{self, Standing};
use crate::models::store::{SharedDb, Transaction, UserDb, UserSide, sessions};
use crate::models::{Made, Membership, Page, Reach, Team, TeamId, TeamRole, WholeTeam};

/// The actor. All of its answers overlap: the pool is the bound, and the database keeps writers of one team apart.
pub struct Teams {
    works: Works,
    questions: Questions,
    /// Until it is at work.
    porter: Option<Porter>,
    lifeline: Lifeline,
}

#[derive(Clone)]
struct Works {
    user_db: UserDb,
    shared_db: SharedDb,
    /// Whether keys are what they were: what ends here is shown to it first.
    ended: RevocationView,
    settings: TeamSettings,
}

impl Teams {
    /// The name of its handle.
    pub const NAME: &'static str = "teams";

    /// How many may ask at the door to the sockets at once, in a lane of their own: thousands who come there keep nobody from
    /// their teams.
    pub const AT_THE_DOOR_MAX: usize = door::WAITING_MAX;

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub fn new(
        user_db: UserDb,
        shared_db: SharedDb,
        ended: RevocationView,
        settings: TeamSettings,
        lifeline: Lifeline,
    ) -> Self {
        let (questions, porter) = Porter::new(user_db.clone(), shared_db.clone(), ended.clone());
        let works = Works { user_db, shared_db, ended, settings };
        Self { works, questions, porter: Some(porter), lifeline }
    }
}

impl Actor for Teams {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if let Some(porter) = self.porter.take() {
            // In the actor's own context: it ends with it, and its panic is its own.
            context.spawn(porter.run().into_actor(self));
        }
        self.lifeline.ready();
    }
}

impl Handler<CreateTeam> for Teams {
    type Result = Answer<Result<Made<WholeTeam>, TeamError>>;

    fn handle(&mut self, order: CreateTeam, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move { works.create(&order).await })
    }
}

impl Handler<ListTeams> for Teams {
    type Result = Answer<Result<Page<Team>, TeamError>>;

    fn handle(
        &mut self,
        ListTeams { reach, before, limit }: ListTeams,
        _context: &mut Self::Context,
    ) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.user_db.connection().await?;
            Ok(teams::list(&session, reach, before, limit).await?)
        })
    }
}

impl Handler<FindTeam> for Teams {
    type Result = Answer<Result<WholeTeam, TeamError>>;

    fn handle(&mut self, FindTeam { reach, id }: FindTeam, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move {
            let session = works.user_db.connection().await?;
            teams::find(&session, reach, id).await?.ok_or(TeamError::NotFound(id))
        })
    }
}

impl Handler<RenameTeam> for Teams {
    type Result = Answer<Result<WholeTeam, TeamError>>;

    fn handle(&mut self, order: RenameTeam, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move { works.rename(order).await })
    }
}

impl Handler<DeleteTeam> for Teams {
    type Result = Answer<Result<(), TeamError>>;

    fn handle(&mut self, order: DeleteTeam, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move { works.delete(order).await })
    }
}

impl Handler<PutMember> for Teams {
    type Result = Answer<Result<WholeTeam, TeamError>>;

    fn handle(&mut self, order: PutMember, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move { works.put_member(order).await })
    }
}

impl Handler<RemoveMember> for Teams {
    type Result = Answer<Result<(), TeamError>>;

    fn handle(&mut self, order: RemoveMember, _context: &mut Self::Context) -> Self::Result {
        let works = self.works.clone();
        self.lifeline.answer(async move { works.remove_member(order).await })
    }
}

impl Handler<ListMemberships> for Teams {
    type Result = Answer<Result<Vec<Membership>, TeamError>>;

    fn handle(
        &mut self,
        ListMemberships { reach }: ListMemberships,
        _context: &mut Self::Context,
    ) -> Self::Result {
        self.lifeline.answer(door::answer(self.questions.leave(reach)))
    }
}

impl Works {
    async fn rename(&self, order: RenameTeam) -> Result<WholeTeam, TeamError> {
        let RenameTeam { reach, id, name, expected_revision, origin } = order;
        let mut session = self.user_db.connection().await?;
        let transaction = session.transaction().await?;
        sessions::name_origin(&transaction, &origin).await?;
        let _standing = Self::lock(&transaction, reach, id, expected_revision).await?;
        if let Some(name) = name {
            teams::rename(&transaction, id, &name, &origin).await?;
        }
        let team = teams::find(&transaction, reach, id).await?;
        transaction.commit().await?;
        team.ok_or(TeamError::NotFound(id))
    }

    async fn delete(&self, order: DeleteTeam) -> Result<(), TeamError> {
        let DeleteTeam { reach, id, expected_revision, origin } = order;
        let mut session = self.user_db.connection().await?;
        let transaction = session.transaction().await?;
        sessions::name_origin(&transaction, &origin).await?;
        let _standing = Self::lock(&transaction, reach, id, expected_revision).await?;
        let closing = teams::begin_closing(&transaction, id, &origin).await?;
        transaction.commit().await?;
        drop(session);
        let settled = team_projection::settle(&self.user_db, &self.shared_db, closing).await;
        match settled.map_err(TeamError::Unprojected)? {
            Settled::Deleted => Ok(()),
            Settled::InUse => Err(TeamError::InUse(id)),
        }
    }

    /// Brings what was committed into force.
    async fn project(&self, id: TeamId) -> Result<(), TeamError> {
        let projected = team_projection::project(&self.user_db, &self.shared_db, id).await;
        projected.map_err(TeamError::Unprojected)
    }

    /// Locks the team for somebody who may do what is asked for.
    async fn lock(
        transaction: &Transaction<'_, UserSide>,
        reach: Reach,
        id: TeamId,
        expected_revision: Option<i64>,
    ) -> Result<Standing, TeamError> {
        let standing = Self::permit(teams::lock(transaction, reach, id).await?, reach, id)?;
        if expected_revision.is_some_and(|expected| expected != standing.revision) {
            return Err(TeamError::Stale(id));
        }
        Ok(standing)
    }

    /// Whoever is in the team and may see it is told that they may not do this to it; for anybody else there is no such team.
    fn permit(standing: Option<Standing>, reach: Reach, id: TeamId) -> Result<Standing, TeamError> {
        let standing = standing.ok_or(TeamError::NotFound(id))?;
        if reach.team_roles.has(standing.role) {
            Ok(standing)
        } else if reach.seeing_roles.has(standing.role) {
            Err(TeamError::RoleTooLow(id))
        } else {
            Err(TeamError::NotFound(id))
        }
    }

    /// The same caller, whatever their role is.
    fn everything(reach: Reach) -> Reach {
        Reach { team_roles: TeamRole::ALL.iter().copied().collect(), ..reach }
    }
}
