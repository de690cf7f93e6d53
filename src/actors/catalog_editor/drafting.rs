//! New agents, each made once however often its wish is sent.

use super::{CatalogError, CreateAgent, Works, taken};
use crate::models::store::{Session, SharedSide, Transaction, agents, idempotency};
use crate::models::{Agent, Made};

/// What keys are used for here.
const ROUTE: &str = "POST /agents";

impl Works {
    pub(super) async fn draft(&self, order: &CreateAgent) -> Result<Made<Agent>, CatalogError> {
        let Some(key) = &order.key else {
            // One statement needs no transaction around it.
            let session = self.shared_db.connection().await?;
            return Ok(Made::anew(insert(&session, order).await?));
        };
        let work = async |transaction: &Transaction<'_, SharedSide>| insert(transaction, order).await;
        idempotency::once(&self.shared_db, ROUTE, Some((order.author, key)), work).await
    }
}

async fn insert(db: &impl Session<SharedSide>, order: &CreateAgent) -> Result<Agent, CatalogError> {
    agents::insert(db, &order.draft, &order.origin).await.map_err(taken)
}
