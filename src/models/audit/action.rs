//! What can be done, one word each. The statements in `store/sql/` write them; a test compares.

use crate::models::text_enum::text_enum;

text_enum! {
    /// What somebody did, or was denied.
    pub enum AuditAction {
        /// An agent was drafted.
        AgentCreate = "agent.create",
        /// An agent was edited.
        AgentChange = "agent.change",
        /// An agent was offered.
        AgentPublish = "agent.publish",
        /// An agent is offered no longer.
        AgentRetire = "agent.retire",
        /// An agent was deleted.
        AgentDelete = "agent.delete",
        /// An API key was made.
        ApiKeyCreate = "api_key.create",
        /// An API key was made in the place of another, which ends.
        ApiKeyRotate = "api_key.rotate",
        /// An API key was revoked.
        ApiKeyRevoke = "api_key.revoke",
        /// An instance was made.
        InstanceCreate = "instance.create",
        /// An instance was changed.
        InstanceChange = "instance.change",
        /// An instance is to be live.
        InstanceStart = "instance.start",
        /// An instance is to be halted.
        InstanceStop = "instance.stop",
        /// An instance was taken from its worker.
        InstanceRequeue = "instance.requeue",
        /// An instance was deleted.
        InstanceDelete = "instance.delete",
        /// Something was put into a knowledge base.
        KnowledgeEntryCreate = "knowledge.entry.create",
        /// An entry of a knowledge base was changed.
        KnowledgeEntryChange = "knowledge.entry.change",
        /// An entry that had failed is to be read once more.
        KnowledgeEntryRetry = "knowledge.entry.retry",
        /// An entry is to be read anew.
        KnowledgeEntryReindex = "knowledge.entry.reindex",
        /// The reading of an entry was called off.
        KnowledgeEntryCancel = "knowledge.entry.cancel",
        /// An entry was taken out of a knowledge base.
        KnowledgeEntryDelete = "knowledge.entry.delete",
        /// Entries of a knowledge base are to be read anew.
        KnowledgeReindex = "knowledge.reindex",
        /// A team was made.
        TeamCreate = "team.create",
        /// A team was changed.
        TeamChange = "team.change",
        /// A team was deleted.
        TeamDelete = "team.delete",
        /// Somebody was taken into a team.
        TeamMemberAdd = "team.member.add",
        /// A member of a team was given another role.
        TeamMemberChange = "team.member.change",
        /// Somebody left a team, or was taken out of it.
        TeamMemberRemove = "team.member.remove",
        /// An account was made.
        UserCreate = "user.create",
        /// Somebody changed their account.
        UserChange = "user.change",
        /// Somebody closed their account.
        UserClose = "user.close",
        /// An account was given another role.
        UserRoleChange = "user.role.change",
        /// An account was closed to its owner.
        UserDisable = "user.disable",
        /// An account was opened to its owner again.
        UserEnable = "user.enable",
        /// A user may have more or fewer things.
        UserQuotaChange = "user.quota.change",
        /// Somebody changed their password.
        UserPasswordChange = "user.password.change",
        /// A token for another password was used.
        UserPasswordReset = "user.password.reset",
        /// A token for another password was made.
        UserPasswordResetIssue = "user.password_reset.issue",
        /// Somebody signed in.
        SessionBegin = "session.begin",
        /// A session was ended by its user, or because its refresh token came twice.
        SessionEnd = "session.end",
        /// A dead letter is to be sent again.
        DeadLetterRedrive = "dead_letter.redrive",
        /// Dead letters are to be sent again.
        DeadLetterRedriveMany = "dead_letter.redrive_many",
        /// A dead letter was put away.
        DeadLetterDiscard = "dead_letter.discard",
        /// A window of the event log is to be published once more.
        ReplayStart = "replay.start",
        /// A replay was ended.
        ReplayCancel = "replay.cancel",
        /// A row was made by plain SQL.
        SqlInsert = "sql.insert",
        /// A row was changed by plain SQL.
        SqlUpdate = "sql.update",
        /// A row was deleted by plain SQL.
        SqlDelete = "sql.delete",
        /// Requests were refused for want of a proof or a right.
        RequestDeny = "request.deny",
    }
}
