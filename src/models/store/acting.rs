//! Who acts, as the statements take it: the view `audit_entries` of the migrations reads it again.

use serde_json::{Value, json};

use crate::models::audit::ActorKind;
use crate::models::origin::Origin;

/// One parameter for all that an audit row says of whom a change came from.
pub(super) fn acting(origin: &Origin) -> Value {
    let actor = origin.actor.as_deref();
    json!({
        "actor_kind": actor.map_or(ActorKind::Nobody, |actor| actor.kind),
        "actor_id": actor.and_then(|actor| actor.id),
        "actor_name": actor.and_then(|actor| actor.name.as_deref()),
        "credential_id": actor.and_then(|actor| actor.credential_id),
        "address": actor.and_then(|actor| actor.address),
        "request_id": origin.request_id,
        "traceparent": origin.traceparent_text(),
    })
}
