//! How much of what is limited somebody has.

/// One user's usage. A limit is there if it is another number for this user than for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Instances that are not deleted; those that are stopped count.
    pub instances: i64,
    /// How many there may be of them.
    pub instances_max: Option<i64>,
    /// Entries in the knowledge bases of all instances that the user has made.
    pub knowledge_entries: i64,
    /// How many there may be of them.
    pub knowledge_entries_max: Option<i64>,
    /// What they take, in bytes.
    pub knowledge_bytes: i64,
    /// What they may take.
    pub knowledge_bytes_max: Option<i64>,
}

/// Limits that a user is given. The outer `None` leaves one as it is, the inner one is what holds for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// Of instances.
    pub instances_max: Option<Option<i64>>,
    /// Of entries of knowledge bases.
    pub knowledge_entries_max: Option<Option<i64>>,
    /// Of their bytes.
    pub knowledge_bytes_max: Option<Option<i64>>,
}

impl OwnLimits {
    /// What is changed, by the names of the columns.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let named = [
            ("instances_max", self.instances_max),
            ("knowledge_entries_max", self.knowledge_entries_max),
            ("knowledge_bytes_max", self.knowledge_bytes_max),
        ];
        named.into_iter().filter_map(|(name, limit)| limit.map(|_any| name)).collect()
    }
}
