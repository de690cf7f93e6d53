//! What `CatalogEditor` understands. All of it is sent by `http::admin`.

use actix::Message;

use super::CatalogError;
use crate::models::{Agent, AgentDraft, AgentId, IdempotencyKey, Made, Origin, Page, PageLimit, UserId};

/// Writes a new agent, as a draft that users do not see.
#[derive(Debug, Message)]
#[rtype(result = "Result<Made<Agent>, CatalogError>")]
pub struct CreateAgent {
    /// The agent, whose fields keep the rules.
    pub draft: AgentDraft,
    /// The administrator who writes it.
    pub author: UserId,
    /// What the wish may be sent again with; then it is answered with the draft as it was then.
    pub key: Option<IdempotencyKey>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Offers an agent in its present version.
#[derive(Debug, Message)]
#[rtype(result = "Result<Agent, CatalogError>")]
pub struct PublishAgent {
    /// Which.
    pub id: AgentId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Offers an agent no longer; its instances go on.
#[derive(Debug, Message)]
#[rtype(result = "Result<Agent, CatalogError>")]
pub struct RetireAgent {
    /// Which.
    pub id: AgentId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Deletes an agent that no instance was made from.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), CatalogError>")]
pub struct DeleteAgent {
    /// Which.
    pub id: AgentId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Asks for one agent, whatever its status.
#[derive(Debug, Message)]
#[rtype(result = "Result<Agent, CatalogError>")]
pub struct FindAgent {
    /// Which.
    pub id: AgentId,
}

/// Asks for a page of all agents, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<Agent>, CatalogError>")]
pub struct ListAgents {
    /// Where the page before it ended.
    pub before: Option<AgentId>,
    /// How long the page may be.
    pub limit: PageLimit,
}
