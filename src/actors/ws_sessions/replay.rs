//! One page of the history for a session that resumes.

use std::sync::Arc;

use super::error::ReplayError;
use super::frame::EventFrame;
use super::log::EventLog;
use super::messages::{ReplayPage, Replayed};
use super::shelf::Page;
use super::turns::Turn;

/// Reads it from the log.
pub(super) async fn read_page(
    log: EventLog,
    rows_max: usize,
    ReplayPage { seat, after, to, turn }: ReplayPage,
) -> Result<Replayed, ReplayError> {
    if after >= to {
        return at_the_end(&log, turn, to).await;
    }
    let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
    let events = log.of_session(seat.audience(), after, to, rows_max).await?;
    // After the events: what is deleted between the two reads makes a gap of a page that is whole, and never hides one.
    if !reaches_back_to(&log, after, to).await? {
        return Ok(Replayed::Gap);
    }
    let is_last = i64::try_from(events.len()).is_ok_and(|rows| rows < rows_max);
    let reached = if is_last { to } else { events.last().map_or(to, |last| last.position) };
    let frames = events.iter().filter_map(EventFrame::of_log).map(Arc::new).collect();
    Ok(Replayed::Page(Page { frames, reached, turn: Some(turn) }))
}

/// The client stands at the end of what this replica has told, or ahead of it: that is well if another replica was
/// quicker, and a gap if the log has never been there, because it is another one or was put back to an older state.
async fn at_the_end(log: &EventLog, turn: Turn, to: i64) -> Result<Replayed, ReplayError> {
    if !log.has_reached(to).await? {
        return Ok(Replayed::Gap);
    }
    Ok(Replayed::Page(Page { frames: Vec::new(), reached: to, turn: Some(turn) }))
}

/// Whether the log still has the event after `after`. A log without any event has lost all up to `to`.
async fn reaches_back_to(log: &EventLog, after: i64, to: i64) -> Result<bool, ReplayError> {
    let oldest = log.oldest_position().await?.unwrap_or(to + 1);
    Ok(oldest <= after + 1)
}
