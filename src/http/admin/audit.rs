//! The audit log: who changed what, whether anybody has tampered with it, and all of it as lines.

use std::future::ready;
use std::io;

use actix_web::HttpResponse;
use actix_web::body::BodyStream;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::IntoParams;
use uuid::Uuid;

use super::audit_view::{RecordView, ReportView};
use crate::actors::audit_trail::{
    AuditTrail, ExportAudit, ExportPage, ExportPlace, GoOn, ListAudit, Verification,
};
use crate::actors::system::Handle;
use crate::http::extract::Parameters;
use crate::http::fields::{Fault, Fields, ReadFields, parsed, text};
use crate::http::identity::{Caller, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::audit::{
    AuditAction, AuditAnchor, AuditChain, AuditFilter, AuditOutcome, ExportedEnd, ExportedRow,
};
use crate::models::{Page, UserId};

/// Longer than any id.
const TARGET_BYTES_MAX: usize = 255;

/// Anchors that one look can be asked to meet.
const ANCHORS_MAX: usize = 20;

/// Which rows a list shows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    #[param(ignore)]
    paging: Paging,
    /// Only what this user did.
    #[param(nullable = false)]
    actor_id: Option<UserId>,
    /// Only this.
    #[param(nullable = false)]
    action: Option<AuditAction>,
    /// Only what was done to the thing of this id.
    #[param(nullable = false, max_length = 255)]
    target_id: Option<String>,
    /// Only what was done, or only what was denied.
    #[param(nullable = false)]
    outcome: Option<AuditOutcome>,
    /// Not before.
    #[param(nullable = false, example = "2026-11-30T00:00:00Z")]
    since: Option<Timestamp>,
    /// Before.
    #[param(nullable = false, example = "2026-12-01T00:00:00Z")]
    until: Option<Timestamp>,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.uuid().is_ok());
        let actor_id = fields.optional("actor_id", |value| parsed(value, "the id of a user"));
        let action = fields.optional("action", |value| parsed(value, "an action, such as instance.create"));
        let target_id = fields.optional("target_id", target);
        let outcome = fields.optional("outcome", |value| parsed(value, "done or denied"));
        let since = fields.optional("since", |value| parsed(value, "a time, such as 2026-11-30T00:00:00Z"));
        let until = fields.optional("until", |value| parsed(value, "a time, such as 2026-11-30T00:00:00Z"));
        Some(Self {
            paging: paging?,
            actor_id: actor_id?,
            action: action?,
            target_id: target_id?,
            outcome: outcome?,
            since: since?,
            until: until?,
        })
    }
}

/// Postgres keeps no NUL, so no id has one.
fn target(value: Value) -> Result<String, Fault> {
    let id = text(value)?;
    if id.len() > TARGET_BYTES_MAX || id.contains('\0') {
        return Err(format!("must have at most {TARGET_BYTES_MAX} bytes, none of them zero"));
    }
    Ok(id)
}

/// List who changed what
///
/// Both logs in one, the newest first: what was done, by whom, from where and to what; and what was denied. A row names fields that
/// changed, never what is in them.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "Audit", operation_id = "listAudit", security(("bearer" = ["audit:read"])),
    params(Paging, Selection),
    responses((status = 200, description = "A page of rows.", body = Page<RecordView>)),
)]
pub(super) async fn list(
    _admin: Caller<needs::AuditRead>,
    trail: Data<Handle<AuditTrail>>,
    Parameters(selection): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let Selection { paging, actor_id, action, target_id, outcome, since, until } = selection;
    let filter = AuditFilter { actor_id, action, target_id, outcome, since, until };
    let before: Option<Uuid> = paging.cursor.and_then(|cursor| cursor.uuid().ok());

    let page = trail.ask(ListAudit { filter, before, limit: paging.limit }).await?;

    Ok(HttpResponse::Ok().json(page.map(RecordView::from)))
}

/// What a look has to meet.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Anchors {
    /// Anchors of earlier looks, which were kept elsewhere, with commas between them.
    #[param(value_type = Option<String>, nullable = false, max_length = 2000)]
    anchors: Vec<AuditAnchor>,
}

impl ReadFields for Anchors {
    fn read(fields: &mut Fields) -> Option<Self> {
        let anchors = fields.optional("anchors", anchors)?;
        Some(Self { anchors: anchors.unwrap_or_default() })
    }
}

fn anchors(value: Value) -> Result<Vec<AuditAnchor>, Fault> {
    let text = text(value)?;
    let anchors: Result<Vec<AuditAnchor>, _> =
        text.split(',').filter(|anchor| !anchor.is_empty()).map(str::parse).collect();
    let anchors = anchors.map_err(|error| error.to_string())?;
    if anchors.len() > ANCHORS_MAX {
        return Err(format!("must be at most {ANCHORS_MAX} anchors"));
    }
    Ok(anchors)
}

/// Look whether anybody has tampered with the log
///
/// Follows both chains from their first links: each row is hashed again, the end of each chain is compared with what the other
/// database holds of it, and rows without a link are counted. Keep the `anchor` of each chain where nobody who owns the databases
/// can change it, and bring it along the next time. It takes about a second for a hundred thousand rows.
#[utoipa::path(
    get, path = "/api/v1/audit/verify", tag = "Audit", operation_id = "verifyAudit", security(("bearer" = ["audit:read"])),
    params(Anchors),
    responses((status = 200, description = "What came of it.", body = ReportView)),
)]
pub(super) async fn verify(
    _admin: Caller<needs::AuditRead>,
    trail: Data<Handle<AuditTrail>>,
    Parameters(Anchors { anchors }): Parameters<Anchors>,
) -> Result<HttpResponse, Problem> {
    let mut verification = Verification::new(anchors);
    while !verification.is_done() {
        verification = trail.ask(GoOn(verification)).await?;
    }

    Ok(HttpResponse::Ok().json(ReportView::from(verification.reports())))
}

/// Export the log
///
/// All rows that are sealed, as lines of JSON, the oldest first: first the chain of `user_psql`, then that of `shared_psql`. Each line
/// has the row's `seq` and `hash`, and each field as the text that the hash is over; the last line of a chain has its `anchor`. An
/// export without both of those is not whole. `botberi audit verify --export FILE` checks it without a database.
#[utoipa::path(
    get, path = "/api/v1/audit/export", tag = "Audit", operation_id = "exportAudit", security(("bearer" = ["audit:read"])),
    responses((
        status = 200, description = "The lines.", body = String, content_type = "application/x-ndjson",
        example = json!("{\"chain\":\"user_psql\",\"seq\":1,\"hash\":\"5e88...\",\"id\":\"0199a3f0-...\",\"action\":\"user.create\"}\n{\"chain\":\"user_psql\",\"anchor\":\"user_psql:1:5e88...\"}\n")
    )),
)]
pub(super) async fn export(
    _admin: Caller<needs::AuditRead>,
    trail: Data<Handle<AuditTrail>>,
) -> Result<HttpResponse, Problem> {
    let place = ExportPlace::begin(AuditChain::User);
    // The first page before the answer: what keeps it from being read is a problem, and not half an export.
    let first = trail.ask(ExportAudit { place }).await?;

    let next = first.next;
    let rest = stream::try_unfold(next, move |place| {
        let trail = trail.clone();
        async move {
            let Some(place) = place else { return Ok(None) };
            // The connection breaks then: the end of the export is missing, and whoever checks it is told.
            let page = trail
                .ask(ExportAudit { place })
                .await
                .map_err(|error| io::Error::other(error.to_string()))?;
            let next = page.next;
            Ok::<_, io::Error>(Some((lines(&page)?, next)))
        }
    });
    let first = stream::once(ready(lines(&first)));
    let body = BodyStream::new(Box::pin(first.chain(rest)));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/x-ndjson"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\""))
        .body(body))
}

/// A page as lines.
fn lines(page: &ExportPage) -> io::Result<Bytes> {
    let chain = page.place.chain;
    let mut out = Vec::new();
    for (head, entry) in &page.links {
        line(&mut out, &ExportedRow { chain, head: *head, entry: entry.as_ref() })?;
    }
    if let Some(head) = page.end {
        line(&mut out, &ExportedEnd(AuditAnchor { chain, head }))?;
    }
    Ok(out.into())
}

fn line(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.push(b'\n');
    Ok(())
}
