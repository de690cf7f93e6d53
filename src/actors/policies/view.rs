//! The policy that is in force, as those who serve requests see it.

use std::sync::{Arc, PoisonError, RwLock};

use crate::models::{Permission, PermissionSet, Role, TeamRole};

/// The answers of a policy to everything that can be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    roles: [PermissionSet; Role::ALL.len()],
    team_roles: [PermissionSet; TeamRole::ALL.len()],
}

impl Policy {
    /// The outcome of asking `is_allowed` with each role, of users and of members, and each permission.
    pub(super) fn ask<E>(
        mut is_allowed: impl FnMut(&str, &str, Permission) -> Result<bool, E>,
    ) -> Result<Self, E> {
        let mut policy = Self::default();
        for (role, set) in Role::ALL.iter().zip(&mut policy.roles) {
            *set = all_allowed(|permission| is_allowed("roles", role.as_str(), permission))?;
        }
        for (role, set) in TeamRole::ALL.iter().zip(&mut policy.team_roles) {
            *set = all_allowed(|permission| is_allowed("team_roles", role.as_str(), permission))?;
        }
        Ok(policy)
    }

    /// What users of that role may do.
    #[must_use]
    pub const fn of_role(&self, role: Role) -> PermissionSet {
        self.roles[role as usize]
    }

    /// What members of that role may do with what belongs to their team.
    #[must_use]
    pub const fn of_team_role(&self, role: TeamRole) -> PermissionSet {
        self.team_roles[role as usize]
    }

    /// The roles in a team that let a member do so.
    #[must_use]
    pub fn team_roles_with(&self, permission: Permission) -> Vec<TeamRole> {
        TeamRole::ALL.iter().copied().filter(|role| self.of_team_role(*role).has(permission)).collect()
    }
}

fn all_allowed<E>(mut is_allowed: impl FnMut(Permission) -> Result<bool, E>) -> Result<PermissionSet, E> {
    let asked = Permission::ALL.iter().map(|permission| Ok((*permission, is_allowed(*permission)?)));
    let answers: Vec<(Permission, bool)> = asked.collect::<Result<_, E>>()?;
    Ok(answers.into_iter().filter(|(_, is_allowed)| *is_allowed).map(|(permission, _)| permission).collect())
}

/// The policy in force; clones are the same one. Before the first is put in force nobody may do anything.
#[derive(Clone, Debug, Default)]
pub struct PolicyView(Arc<RwLock<Policy>>);

impl PolicyView {
    /// One with a policy in force.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(RwLock::new(policy)))
    }

    /// The policy, as it is now.
    #[must_use]
    pub fn now(&self) -> Policy {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another one in force; false when it is the same.
    pub fn put(&self, policy: Policy) -> bool {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, policy) != policy
    }
}
