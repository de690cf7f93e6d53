//! Teams: users who share what they make.

use super::text_enum::text_enum;

text_enum! {
    /// What a member may do with what belongs to the team; never more than their role on the platform lets them.
    pub enum TeamRole {
        /// Everything, the team and its members included.
        Owner = "owner",
        /// Makes, changes and runs what belongs to the team.
        Developer = "developer",
        /// Looks, and changes nothing.
        Viewer = "viewer",
    }
}
