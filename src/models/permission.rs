//! What may be done, as policies, API keys and routes name it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text_enum::text_enum;

text_enum! {
    /// One thing that may be done.
    pub enum Permission {
        /// Look at one's own account.
        AccountRead = "account:read",
        /// Change one's own account, its password, and close it. No API key can have it.
        AccountManage = "account:manage",
        /// Look through the catalog.
        AgentList = "agent:list",
        /// Have an agent work on an input.
        AgentExecute = "agent:execute",
        /// Write the catalog.
        AgentManage = "agent:manage",
        /// List API keys.
        ApiKeyRead = "api_key:read",
        /// Make and revoke API keys. No API key can have it.
        ApiKeyManage = "api_key:manage",
        /// Read the audit log.
        AuditRead = "audit:read",
        /// Look at dead letters.
        DeadLetterRead = "dead_letter:read",
        /// Send dead letters again, or put them away.
        DeadLetterManage = "dead_letter:manage",
        /// Hear of events as they happen.
        EventRead = "event:read",
        /// Publish a window of the event log once more.
        EventReplay = "event:replay",
        /// Look at instances.
        InstanceRead = "instance:read",
        /// Make instances.
        InstanceCreate = "instance:create",
        /// Change instances.
        InstanceUpdate = "instance:update",
        /// Start and stop instances.
        InstanceControl = "instance:control",
        /// Delete instances.
        InstanceDelete = "instance:delete",
        /// Look at everybody's instances.
        InstanceReadAny = "instance:read_any",
        /// Start, stop and requeue everybody's instances.
        InstanceControlAny = "instance:control_any",
        /// Look at knowledge bases, and search them.
        KnowledgeRead = "knowledge:read",
        /// Add, change and delete what knowledge bases hold.
        KnowledgeManage = "knowledge:manage",
        /// See how far publishing is.
        OutboxRead = "outbox:read",
        /// Look at one's teams.
        TeamRead = "team:read",
        /// Make teams.
        TeamCreate = "team:create",
        /// Change a team, its members, and delete it.
        TeamManage = "team:manage",
        /// See what is used of what one may have.
        UsageRead = "usage:read",
        /// Look at everybody's accounts.
        UserRead = "user:read",
        /// Change everybody's roles, quotas and passwords. No API key can have it: it would take its own account.
        UserManage = "user:manage",
        /// Look at workflows.
        WorkflowRead = "workflow:read",
        /// Make workflows.
        WorkflowCreate = "workflow:create",
    }
}

impl Permission {
    /// Whether an API key can have it: a key that leaks must not be able to take the account, or to make more keys.
    #[must_use]
    pub const fn is_for_keys(self) -> bool {
        !matches!(self, Self::AccountManage | Self::ApiKeyManage | Self::UserManage)
    }

    /// What lets somebody see the thing that this is done to: whoever may see it is told that they may not do this to it, and
    /// whoever may not is told that there is no such thing.
    #[must_use]
    pub const fn to_see(self) -> Self {
        match self {
            Self::InstanceCreate | Self::InstanceUpdate | Self::InstanceControl | Self::InstanceDelete => {
                Self::InstanceRead
            }
            Self::KnowledgeManage => Self::KnowledgeRead,
            Self::TeamCreate | Self::TeamManage => Self::TeamRead,
            Self::WorkflowCreate => Self::WorkflowRead,
            itself => itself,
        }
    }

    /// Whether a key that belongs to a team can have it: what is a person's alone is none of the team's.
    #[must_use]
    pub const fn is_for_team_keys(self) -> bool {
        matches!(
            self,
            Self::AgentList
                | Self::AgentExecute
                | Self::EventRead
                | Self::InstanceRead
                | Self::InstanceCreate
                | Self::InstanceUpdate
                | Self::InstanceControl
                | Self::InstanceDelete
                | Self::KnowledgeRead
                | Self::KnowledgeManage
                | Self::TeamRead
                | Self::TeamManage
                | Self::WorkflowRead
                | Self::WorkflowCreate
        )
    }

    const fn bit(self) -> u64 {
        1 << self as u32
    }
}

/// Some permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PermissionSet(u64);

// Each has a bit.
const _: () = assert!(Permission::ALL.len() <= 64);

impl PermissionSet {
    /// Every permission.
    pub const ALL: Self = Self(u64::MAX >> (64 - Permission::ALL.len()));

    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are here and not there.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of their definition.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }

    /// Their names. Whatever no permission of this release is called is passed over, so that it permits nothing.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(|name| name.parse::<Permission>().ok()).collect()
    }

    /// As [`PermissionSet::of_names`] reads them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Permission::as_str).collect()
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for PermissionSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<Cow<'de, str>>::deserialize(deserializer)?;
        Ok(Self::of_names(names.iter().map(AsRef::as_ref)))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | permission.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let set: PermissionSet = [Permission::AgentList, Permission::WorkflowCreate].into_iter().collect();
        assert!(set.has(Permission::AgentList) && !set.has(Permission::AgentExecute));
        assert_eq!(set.names(), ["agent:list", "workflow:create"]);
        assert_eq!(PermissionSet::of_names(set.names()), set);
        assert_eq!(PermissionSet::of_names(["agent:fly", "agent:list"]).names(), ["agent:list"]);
        assert_eq!(PermissionSet::ALL.iter().count(), Permission::ALL.len());
        assert_eq!(PermissionSet::ALL.without(set).and(set), PermissionSet::default());
    }
}
