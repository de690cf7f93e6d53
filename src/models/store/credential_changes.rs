//! What has changed about credentials that replicas remember, in `user_psql`.

use super::error::StoreError;
use super::session::{self, Session, UserSide};
use crate::models::ids::{ApiKeyId, UserId};

const LIST_SINCE: &str = include_str!("sql/credential_changes/list_since.sql");

/// A key or a membership that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialChange {
    /// Tells it from others.
    pub number: i64,
    /// Whose.
    pub user_id: UserId,
    /// The key; none for what concerns everything that this user comes with.
    pub api_key_id: Option<ApiKeyId>,
}

/// What has changed, and from where on to ask the next time.
#[derive(Clone, Debug)]
pub struct ChangedSince {
    /// Transactions before this one have nothing new to tell.
    pub horizon: i64,
    /// In no order; some may have been told before.
    pub changes: Vec<CredentialChange>,
}

/// What the transactions from `since` on have changed within the last hour.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_since(db: &impl Session<UserSide>, since: i64) -> Result<ChangedSince, StoreError> {
    let rows = session::rows(db, LIST_SINCE, &[&since]).await?;
    let Some(first) = rows.first() else {
        return Err(StoreError::Shape("the changed credentials have no horizon".to_owned()));
    };
    let horizon = first.try_get("horizon")?;
    let mut changes = Vec::new();
    for row in &rows {
        if let Some(number) = row.try_get("id")? {
            let (user_id, api_key_id) = (row.try_get("user_id")?, row.try_get("api_key_id")?);
            changes.push(CredentialChange { number, user_id, api_key_id });
        }
    }
    Ok(ChangedSince { horizon, changes })
}
