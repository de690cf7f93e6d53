//! What a request reaches: by who asks, by the credential, and by what the policy says that roles in a team may do.

use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::needs::Need;
use super::{authenticate, identities};
use crate::actors::policies::Policy;
use crate::http::problem::Problem;
use crate::models::{Credential, Permission, Principal, Reach, TeamRoles, UserId};

/// A caller who may do what the route is for, with what of their own and of their teams they may do it to.
#[derive(Clone, Debug)]
pub struct Reaching<N: Need> {
    /// Who asks.
    pub holder: Principal,
    /// What for, and what the statement has to decide by.
    pub reach: Reach,
    need: PhantomData<N>,
}

impl<N: Need> Reaching<N> {
    /// Who asks.
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.holder.user_id
    }
}

impl<N: Need> FromRequest for Reaching<N> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let (authenticating, request) = (authenticate(request, N::PERMISSION), request.clone());
        Box::pin(async move {
            let holder = authenticating.await?;
            let reach = reach(&request, &holder, N::PERMISSION)?;
            Ok(Self { holder, reach, need: PhantomData })
        })
    }
}

/// What somebody reaches who does what is needed.
pub(in crate::http) fn reach(
    request: &HttpRequest,
    holder: &Principal,
    needed: Permission,
) -> Result<Reach, Problem> {
    Ok(by_policy(&identities(request)?.policies.now(), holder, needed))
}

fn by_policy(policy: &Policy, holder: &Principal, needed: Permission) -> Reach {
    let roles_with = |permission| -> TeamRoles { policy.team_roles_with(permission).into_iter().collect() };
    let seeing = needed.to_see();
    let may_see = policy.of_role(holder.role).has(seeing) && holder.granted().has(seeing);
    let team_only = match holder.credential {
        Credential::ApiKey { team_id, .. } => team_id,
        Credential::Session { .. } => None,
    };
    Reach {
        user_id: holder.user_id,
        team_only,
        team_roles: roles_with(needed),
        seeing_roles: if may_see { roles_with(seeing) } else { TeamRoles::default() },
    }
}
