//! What the audit log says.

use super::super::{Audited, Call, Chain, Kind, Outcome, What};
use super::{Plant, forget, is_wish, late, pick};

pub(super) const PLANTS: &[Plant] = &[
    ("a change has no row in the audit log", Kind::Unaudited, |history, nth| {
        forget(&mut history.audited, nth, |_| true)
    }),
    ("a change has two rows in the audit log", Kind::AuditedTwice, |history, nth| {
        let Some(row) = pick(&mut history.audited, nth, |_| true) else { return false };
        let again = row.clone();
        history.audited.push(again);
        true
    }),
    ("a row of the audit log is of no change", Kind::AuditedAndNotDone, |history, nth| {
        let Some(row) = pick(&mut history.audited, nth, |_| true) else { return false };
        let mut never = row.clone();
        never.request = Some("a request that did nothing".to_owned());
        history.audited.push(never);
        true
    }),
    ("a row of the audit log names no request", Kind::AuditedAndNotDone, |history, nth| {
        let Some(row) = pick(&mut history.audited, nth, |_| true) else { return false };
        row.request = None;
        true
    }),
    ("a wish that was in force already has a row", Kind::AuditedAndNotDone, |history, nth| {
        let written: Vec<_> = history.writes.iter().filter_map(|write| write.request.clone()).collect();
        let idle = |call: &Call| {
            is_wish(call) && matches!(call.outcome, Outcome::Done { .. }) && !written.contains(&call.request)
        };
        let Some(call) = pick(&mut history.calls, nth, idle) else { return false };
        let request = Some(call.request.clone());
        let Some(row) = history.audited.first() else { return false };
        let row = Audited { request, ..row.clone() };
        history.audited.push(row);
        true
    }),
    ("a request that was refused has a row", Kind::AuditedAndNotDone, |history, nth| {
        let requests: Vec<_> = history.audited.iter().filter_map(|row| row.request.clone()).collect();
        let audited = |call: &Call| requests.contains(&call.request);
        let Some(call) = pick(&mut history.calls, nth, audited) else { return false };
        call.outcome = Outcome::Refused { status: 503, code: "service_busy".to_owned() };
        true
    }),
    ("a row of the audit log names somebody else", Kind::AuditedFalsely, |history, nth| {
        let requests: Vec<_> = history.calls.iter().map(|call| call.request.clone()).collect();
        let known = |row: &Audited| row.request.as_ref().is_some_and(|request| requests.contains(request));
        let Some(row) = pick(&mut history.audited, nth, known) else { return false };
        row.by = "user mallory".to_owned();
        true
    }),
    ("a row of the audit log names another action", Kind::AuditedFalsely, |history, nth| {
        let Some(row) = pick(&mut history.audited, nth, |_| true) else { return false };
        row.action = "instance.requeue".to_owned();
        true
    }),
    ("a sign-in begins or ends without a row", Kind::Unaudited, |history, nth| {
        let certain: Vec<_> = history
            .calls
            .iter()
            .filter(|call| matches!(call.what, What::Begin { .. } | What::End { .. }))
            .filter(|call| matches!(call.outcome, Outcome::Done { .. }))
            .map(|call| call.request.clone())
            .collect();
        forget(&mut history.audited_accounts, nth, |request| certain.contains(request))
    }),
    ("somebody is taken into the team without a row", Kind::Unaudited, |history, _| {
        let is_change = |call: &&Call| matches!(call.what, What::Join { .. } | What::Leave { .. });
        // Nothing can be in doubt yet.
        let Some(first) = history.calls.iter().find(is_change) else { return false };
        let request = first.request.clone();
        history.audited_accounts.retain(|audited| *audited != request);
        matches!(first.outcome, Outcome::Done { .. })
    }),
    ("a sign-in begins or ends with two rows", Kind::AuditedTwice, |history, nth| {
        let Some(request) = pick(&mut history.audited_accounts, nth, |_| true) else { return false };
        let again = request.clone();
        history.audited_accounts.push(again);
        true
    }),
    ("a sign-in that was refused has a row", Kind::AuditedAndNotDone, |history, nth| {
        let begins = |call: &Call| matches!(call.what, What::Begin { .. });
        let Some(call) = pick(&mut history.calls, nth, begins) else { return false };
        call.outcome = Outcome::Refused { status: 503, code: "dependency_unavailable".to_owned() };
        true
    }),
    ("a renewal has a row", Kind::AuditedAndNotDone, |history, nth| {
        let renews = |call: &Call| matches!(call.what, What::Renew { .. });
        let Some(call) = pick(&mut history.calls, nth, renews) else { return false };
        let request = call.request.clone();
        history.audited_accounts.push(request);
        true
    }),
    ("the end of a chain is not sealed", Kind::Unsealed, |history, nth| {
        let Some(chain) = pick(&mut history.chains, nth, |_| true) else { return false };
        chain.unsealed = 1;
        true
    }),
    ("a row waits for its seal for long", Kind::Unsealed, |history, _| {
        late(history, |look, id| look.unsealed.insert(id))
    }),
    ("a chain is not as it was sealed", Kind::ChainBroken, |history, nth| {
        let Some(Chain { fault, .. }) = pick(&mut history.chains, nth, |_| true) else { return false };
        *fault = Some("row_changed at 42".to_owned());
        true
    }),
];
