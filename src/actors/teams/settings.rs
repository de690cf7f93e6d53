//! How large teams may be: the section `[teams]` of the configuration.

use serde::Deserialize;

use crate::faults::Faults;

/// What everybody may have.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamSettings {
    /// Teams that one user is in, whatever as; 0 to 1,000.
    pub teams_per_user_max: i64,
    /// Members of one team; 1 to 1,000.
    pub members_max: i64,
}

impl TeamSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("teams_per_user_max", self.teams_per_user_max, 0..=1_000);
        faults.range("members_max", self.members_max, 1..=1_000);
    }
}
