//! The table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::checker::{History, Kind, Outcome, Recovery, Says, Violation, What, recoveries};
use super::schedule::Schedule;

/// What the columns of broken promises count.
const COLUMNS: [(&str, &[Kind]); 9] = [
    (
        "lost",
        &[
            Kind::AcknowledgedAndLost,
            Kind::WishNotInForce,
            Kind::MissingOnTheBus,
            Kind::Hole,
            Kind::NotSettled,
        ],
    ),
    ("twice", &[Kind::DoneTwice, Kind::RefusedAndDone, Kind::DeliveredTwice, Kind::RolledBackAndPublished]),
    (
        "credentials",
        &[Kind::GoodCredentialRefused, Kind::EndedCredentialTaken, Kind::SpentTwice, Kind::KeptFromMember],
    ),
    ("reordered", &[Kind::Reordered, Kind::StaleRead, Kind::Altered]),
    ("unsignalled gaps", &[Kind::UnsignalledGap, Kind::WrongGap]),
    ("stale writes", &[Kind::StaleWrite, Kind::ClaimedFromTheLiving, Kind::ConditionIgnored]),
    ("two epochs", &[Kind::TwoEpochs]),
    ("past deadline", &[Kind::PastDeadline]),
    (
        "audit",
        &[
            Kind::Unaudited,
            Kind::AuditedTwice,
            Kind::AuditedAndNotDone,
            Kind::AuditedFalsely,
            Kind::Unsealed,
            Kind::ChainBroken,
        ],
    ),
];

/// Of one kind of fault.
#[derive(Default)]
struct Line {
    times: usize,
    acknowledged: usize,
    worst: Worst,
}

/// The longest that each took; none when one never came.
#[derive(Default)]
struct Worst([Duration; 4], bool);

impl Worst {
    fn add(&mut self, recovery: &Recovery) {
        let parts = [recovery.write, recovery.bus, recovery.socket, recovery.owned];
        for (worst, part) in self.0.iter_mut().zip(parts) {
            match part {
                Some(part) => *worst = part.max(*worst),
                None => self.1 = true,
            }
        }
    }

    fn cells(&self) -> String {
        let cells: Vec<String> = self.0.iter().map(|worst| format!("{:.1}", worst.as_secs_f64())).collect();
        format!("{}{}", cells.join(" | "), if self.1 { " (one not at all)" } else { "" })
    }
}

pub(super) fn table(
    history: &History,
    violations: &[Violation],
    schedule: &Schedule,
    duration: Duration,
) -> String {
    let mut table = String::new();
    head(history, schedule, duration, &mut table);
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let _text = writeln!(
        table,
        "| fault | times | acknowledged | {} | write s | bus s | socket s | owned s |",
        names.join(" | ")
    );
    let _text = writeln!(table, "|{}", " --- |".repeat(7 + COLUMNS.len()));
    let counts: Vec<usize> = COLUMNS
        .iter()
        .map(|(_, kinds)| violations.iter().filter(|violation| kinds.contains(&violation.kind)).count())
        .collect();
    let mut all = Line::default();
    for (kind, line) in lines(history) {
        // A violation says what it was, not whose fault it is: where there is none, there is none of any.
        let cells: Vec<&str> = counts.iter().map(|count| if *count == 0 { "0" } else { "?" }).collect();
        let _text = writeln!(
            table,
            "| {kind} | {} | {} | {} | {} |",
            line.times,
            line.acknowledged,
            cells.join(" | "),
            line.worst.cells()
        );
        all.times += line.times;
        for (worst, part) in all.worst.0.iter_mut().zip(line.worst.0) {
            *worst = part.max(*worst);
        }
        all.worst.1 |= line.worst.1;
    }
    all.acknowledged = history.calls.iter().filter(|call| is_acknowledged(call)).count();
    let cells: Vec<String> = counts.iter().map(ToString::to_string).collect();
    let _text = writeln!(
        table,
        "| **all** | {} | {} | {} | {} |",
        all.times,
        all.acknowledged,
        cells.join(" | "),
        all.worst.cells()
    );
    foot(history, violations, &mut table);
    table
}

fn head(history: &History, schedule: &Schedule, duration: Duration, table: &mut String) {
    let minutes = duration.as_secs_f64() / 60.0;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let _text = writeln!(
        table,
        "{minutes:.1} minutes of chaos, seed {}, {} node(s) of RabbitMQ, {cores} cores, {} faults.\n",
        schedule.seed,
        schedule.rabbitmq_nodes,
        history.faults.len()
    );
}

fn lines(history: &History) -> BTreeMap<String, Line> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for recovery in recoveries(history) {
        let line = lines.entry(recovery.fault.kind.clone()).or_default();
        line.times += 1;
        line.worst.add(&recovery);
        let during = recovery.fault.began..recovery.fault.until;
        let acknowledged =
            history.calls.iter().filter(|call| is_acknowledged(call) && during.contains(&call.done));
        line.acknowledged += acknowledged.count();
    }
    lines
}

fn is_acknowledged(call: &super::checker::Call) -> bool {
    matches!(call.what, What::Create { .. } | What::Wish { .. })
        && matches!(call.outcome, Outcome::Done { .. })
}

/// What else there is to say: how much was looked at, and every kind of violation by its name.
fn foot(history: &History, violations: &[Violation], table: &mut String) {
    let count =
        |fits: &dyn Fn(&Outcome) -> bool| history.calls.iter().filter(|call| fits(&call.outcome)).count();
    let frames: usize = history.sessions.iter().map(|session| session.frames.len()).sum();
    let resumed = history.sessions.iter().filter(|session| session.since.is_some()).count();
    let gaps = history.sessions.iter().flat_map(|session| &session.frames);
    let cut_to = history.cuts.iter().map(|cut| cut.to).max().unwrap_or_default();
    let gaps = gaps.filter(|frame| matches!(frame.says, Says::Gap { .. })).count();
    let failed = history.rows.iter().filter(|row| row.status == "failed").count();
    let _text = writeln!(
        table,
        "\n{} requests: {} answered, {} refused with nothing changed, {} without an answer. {} events in the log, {} messages \
         on the bus, {} writes to instances, {} rows of the audit log about them, {frames} frames in {} sessions, {resumed} of which resumed. The log was cut {} times, up to position {cut_to}, and {gaps} gaps were told. {failed} of {} \
         instances ended `failed`, with a reason.",
        history.calls.len(),
        count(&|outcome| matches!(outcome, Outcome::Done { .. })),
        count(&|outcome| matches!(outcome, Outcome::Refused { .. })),
        count(&|outcome| matches!(outcome, Outcome::Unknown { .. } | Outcome::Bare { .. })),
        history.log.len(),
        history.told.len(),
        history.writes.len(),
        history.audited.len(),
        history.sessions.len(),
        history.cuts.len(),
        history.rows.len(),
    );
    let did = |fits: &dyn Fn(&What) -> bool| {
        let done = |call: &&super::checker::Call| matches!(call.outcome, Outcome::Done { .. });
        history.calls.iter().filter(done).filter(|call| fits(&call.what)).count()
    };
    let over =
        history.calls.iter().filter(|call| matches!(call.what, What::Trespass { .. } | What::Reuse { .. }));
    let _text = writeln!(
        table,
        "\n{} sign-ins and keys, {} renewals, {} ends; {} times somebody came with what was over; {} sockets and streams opened \
         with tickets.",
        did(&|what| matches!(what, What::Begin { .. })),
        did(&|what| matches!(what, What::Renew { .. })),
        did(&|what| matches!(what, What::End { .. })),
        over.count(),
        did(&|what| matches!(what, What::Enter { .. })),
    );
    let is_shared: BTreeSet<&str> =
        history.log.iter().filter(|event| event.team.is_some()).map(|event| event.event.as_str()).collect();
    let told = history.sessions.iter().flat_map(|session| &session.frames);
    let told = told.filter(
        |frame| matches!(&frame.says, Says::Event { event, .. } if is_shared.contains(event.as_str())),
    );
    let reads = history.calls.iter().filter(|call| matches!(call.what, What::ReadShared { .. })).count();
    let _text = writeln!(
        table,
        "\n{} times somebody was taken into the team, {} times out; {} events of what is its, told {} times; {} of {reads} reads \
         of it were answered.",
        did(&|what| matches!(what, What::Join { .. })),
        did(&|what| matches!(what, What::Leave { .. })),
        is_shared.len(),
        told.count(),
        did(&|what| matches!(what, What::ReadShared { .. })),
    );
    let most = history.memory.values().max().copied().unwrap_or_default();
    let _text = writeln!(
        table,
        "\nMemory: {} lives of processes, {} MiB at most (debug builds).",
        history.memory.len(),
        most / 1024
    );
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for violation in violations {
        *kinds.entry(violation.kind).or_default() += 1;
    }
    let _text =
        writeln!(table, "\nBroken promises: {kinds:?} of {} kinds that are looked for.", Kind::ALL.len());
}
