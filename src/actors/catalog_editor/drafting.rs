//! New agents, each made once however often its wish is sent.

use super::{CatalogError, CreateAgent, Works, taken};
use crate::models::store::idempotency::{self, Claim, Known};
use crate::models::store::{Session, SharedSide, agents};
use crate::models::{Agent, IdempotencyKey, Made, UserId};

/// What keys are used for here.
const ROUTE: &str = "POST /agents";

/// How often a key is tried that somebody else has, and then has not: each time another's work under it was refused.
const CLAIMS_MAX: usize = 3;

impl Works {
    pub(super) async fn draft(&self, order: &CreateAgent) -> Result<Made<Agent>, CatalogError> {
        let Some(key) = &order.key else {
            let session = self.shared_db.connection().await?;
            return Ok(Made::anew(insert(&session, order).await?));
        };
        for _try in 0..CLAIMS_MAX {
            if let Some(agent) = self.draft_under(order, (order.author, key)).await? {
                return Ok(Made::anew(agent));
            }
            let session = self.shared_db.connection().await?;
            match idempotency::find(&session, ROUTE, (order.author, key)).await? {
                Known::Made(thing) => return Ok(Made { thing, is_replayed: true }),
                Known::OtherWork => return Err(CatalogError::KeyReused),
                Known::Nothing => {}
            }
        }
        Err(CatalogError::KeyBusy)
    }

    /// `None` if the work under that key is done already. Whatever fails frees the key: the transaction takes it back.
    async fn draft_under(
        &self,
        order: &CreateAgent,
        claim: (UserId, &IdempotencyKey),
    ) -> Result<Option<Agent>, CatalogError> {
        let claims: [Claim<'_>; 1] = [claim];
        let mut session = self.shared_db.connection().await?;
        let transaction = session.transaction().await?;
        if idempotency::claim(&transaction, ROUTE, &claims).await?.is_empty() {
            transaction.rollback().await?;
            return Ok(None);
        }
        let agent = insert(&transaction, order).await?;
        idempotency::settle(&transaction, ROUTE, &[(claim, &agent)]).await?;
        transaction.commit().await?;
        Ok(Some(agent))
    }
}

async fn insert(db: &impl Session<SharedSide>, order: &CreateAgent) -> Result<Agent, CatalogError> {
    agents::insert(db, &order.draft, &order.origin).await.map_err(taken)
}
