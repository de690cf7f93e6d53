//! What was denied, in the audit log of `shared_psql`.

use jiff::Timestamp;
use uuid::Uuid;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::audit::{ActorKind, Denied};
use crate::models::ids::UserId;

const INSERT: &str = include_str!("sql/audit_log/insert_denials.sql");

/// Writes a row for each count.
///
/// # Errors
/// Only those of the database itself.
pub async fn insert(db: &impl Session<SharedSide>, denied: &[Denied]) -> Result<(), StoreError> {
    let actors = || denied.iter().map(|denied| &denied.key.actor);
    let kinds: Vec<ActorKind> = actors().map(|actor| actor.kind).collect();
    let ids: Vec<Option<UserId>> = actors().map(|actor| actor.id).collect();
    let credentials: Vec<Option<Uuid>> = actors().map(|actor| actor.credential_id).collect();
    let addresses: Vec<Option<String>> = actors().map(|actor| Some(actor.address?.to_string())).collect();
    let routes: Vec<&str> = denied.iter().map(|denied| denied.key.route.as_str()).collect();
    let codes: Vec<&str> = denied.iter().map(|denied| denied.key.code).collect();
    let counts: Vec<i64> = denied.iter().map(|denied| denied.count).collect();
    let firsts: Vec<Timestamp> = denied.iter().map(|denied| denied.first_at).collect();
    let lasts: Vec<Timestamp> = denied.iter().map(|denied| denied.last_at).collect();
    let requests: Vec<&str> = denied.iter().map(|denied| denied.request_id.as_str()).collect();
    let parameters: session::Parameters<'_> =
        &[&kinds, &ids, &credentials, &addresses, &routes, &codes, &counts, &firsts, &lasts, &requests];
    let _all = session::run(db, INSERT, parameters).await?;
    Ok(())
}
