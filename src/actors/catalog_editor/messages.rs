//! What `CatalogEditor` understands. All of it is sent by `http::admin`.

use actix::Message;

use super::CatalogError;
use super::definition::Definition;
use super::import::ImportedAgent;
use crate::models::{Agent, AgentDraft, AgentFilter, AgentId, AgentPatch, AgentVersion, Page, PageLimit};

/// Writes a new agent, as a draft that users do not see.
#[derive(Debug, Message)]
#[rtype(result = "Result<Agent, CatalogError>")]
pub struct CreateAgent {
    /// The agent, whose fields keep the rules.
    pub draft: AgentDraft,
}

/// Brings definitions in, all or none, and answers with what became of each, in their order.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<ImportedAgent>, CatalogError>")]
pub struct ImportAgents {
    /// The definitions, each with a code of its own.
    pub definitions: Vec<Definition>,
    /// Whether drafts among them are offered.
    pub publish: bool,
}

/// Changes what the patch names, whatever the agent's status. An edit of what was published makes its next version,
/// which is offered at once while the agent is.
#[derive(Debug, Message)]
#[rtype(result = "Result<Agent, CatalogError>")]
pub struct EditAgent {
    /// Which.
    pub id: AgentId,
    /// The changes, whose fields keep the rules; with the revision that they were made for, if that matters.
    pub patch: AgentPatch,
}

/// Offers an agent in its present version; one that was retired, again.
#[derive(Debug, Message)]
#[rtype(result = "Result<Agent, CatalogError>")]
pub struct PublishAgent {
    /// Which.
    pub id: AgentId,
}

/// Offers an agent no longer; its instances go on.
#[derive(Debug, Message)]
#[rtype(result = "Result<Agent, CatalogError>")]
pub struct RetireAgent {
    /// Which.
    pub id: AgentId,
}

/// Deletes an agent that no instance was made from.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), CatalogError>")]
pub struct DeleteAgent {
    /// Which.
    pub id: AgentId,
}

/// Asks for one agent, whatever its status.
#[derive(Debug, Message)]
#[rtype(result = "Result<Agent, CatalogError>")]
pub struct FindAgent {
    /// Which.
    pub id: AgentId,
}

/// Asks for a page of an agent's versions that were ever offered, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<AgentVersion>, CatalogError>")]
pub struct ListAgentVersions {
    /// Whose.
    pub id: AgentId,
    /// Where the page before it ended.
    pub before: Option<i32>,
    /// How long the page may be.
    pub limit: PageLimit,
}

/// Asks for a page of all agents that fit, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<Agent>, CatalogError>")]
pub struct ListAgents {
    /// Which of them.
    pub filter: AgentFilter,
    /// Where the page before it ended.
    pub before: Option<AgentId>,
    /// How long the page may be.
    pub limit: PageLimit,
}
