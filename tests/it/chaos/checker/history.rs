//! What is recorded of a run: by the clients, by the tap, by Postgres itself and by those who look on. Nothing of it is what
//! the service says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long after the beginning of the run, by the one clock of those who record.
pub(crate) type Moment = Duration;

/// Everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) calls: Vec<Call>,
    pub(crate) sessions: Vec<Session>,
    /// The event log with all that was ever in it, by the order of its ids.
    pub(crate) log: Vec<Logged>,
    /// Every message of the bus, in the order in which it was heard.
    pub(crate) told: Vec<Told>,
    /// Every write to `instances` that was committed. Of one instance they are in the order in which they were made.
    pub(crate) writes: Vec<Write>,
    /// The instances at the end.
    pub(crate) rows: Vec<Row>,
    /// What the audit log of `shared_psql` says was done to instances.
    pub(crate) audited: Vec<Audited>,
    /// The requests in the audit log of `user_psql` that are said to have begun or ended a sign-in, a key or a membership; each
    /// as often as it is there.
    pub(crate) audited_accounts: Vec<String>,
    /// The audit logs' chains at the end, as the platform's own verification found them.
    pub(crate) chains: Vec<Chain>,
    pub(crate) looks: Vec<Look>,
    pub(crate) faults: Vec<Fault>,
    /// Marks of the messages that nobody can read, and of those that are among the dead letters at the end.
    pub(crate) poisons: Vec<String>,
    pub(crate) dead_letters: BTreeSet<String>,
    /// The most memory that each process had, in KiB.
    pub(crate) memory: BTreeMap<String, u64>,
    /// Where the log was cut during the run, in the order in which it was.
    pub(crate) cuts: Vec<Cut>,
    /// Processes that ended by themselves, or not in order when they were asked to.
    pub(crate) deaths: Vec<String>,
}

/// One request of a client.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Its `X-Request-Id`: what Postgres notes beside what followed from it.
    pub(crate) request: String,
    /// Whose it is, as the audit log writes it: `user` or `api_key`, and the user's id.
    pub(crate) by: String,
    /// With what it came. None for what needs nothing.
    pub(crate) used: Option<Used>,
    pub(crate) what: What,
    pub(crate) sent: Moment,
    /// When its client knew what became of it, or gave up.
    pub(crate) done: Moment,
    pub(crate) outcome: Outcome,
    /// Sent to the one replica that some faults hit alone, and not by way of the edge.
    pub(crate) is_direct: bool,
}

/// A sign-in or an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) name: String,
    /// What was sent of it is good for so long, if nobody ends it.
    pub(crate) good_until: Moment,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A new instance with this mark in it. The mark is the `Idempotency-Key`, too, where it is sent again with the same.
    Create { mark: String },
    /// Somebody's own instance.
    Wish { instance: String, wish: Wish, if_match: Option<i64> },
    /// Reads one of one's own.
    Read { instance: String },
    /// Tries to read another's.
    Peek { instance: String },
    /// Signs in, or makes a key.
    Begin { credential: String },
    /// Spends the refresh token of a sign-in.
    Renew { credential: String },
    /// Spends it a second time.
    Reuse { credential: String },
    /// Signs out, or revokes a key.
    End { credential: String },
    /// Comes with something that is over.
    Trespass { credential: String },
    /// Asks for a ticket.
    Ticket,
    /// Opens a socket with a ticket.
    Enter { ticket: String },
    /// Takes somebody into the team.
    Join { member: String },
    /// Takes somebody out.
    Leave { member: String },
    /// Tries to read what is the team's.
    ReadShared { instance: String },
}

impl What {
    /// The instance that it names.
    pub(crate) fn instance(&self) -> &str {
        match self {
            Self::Wish { instance, .. }
            | Self::Read { instance }
            | Self::Peek { instance }
            | Self::ReadShared { instance } => instance,
            Self::Create { .. }
            | Self::Begin { .. }
            | Self::Renew { .. }
            | Self::Reuse { .. }
            | Self::End { .. }
            | Self::Trespass { .. }
            | Self::Ticket
            | Self::Enter { .. }
            | Self::Join { .. }
            | Self::Leave { .. } => "",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Start,
    Stop,
    Retitle,
    Delete,
}

/// What became of a request, as far as its client can know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A good answer. `revision` where it shows one.
    Done { instance: String, revision: Option<i64> },
    /// An answer that promises that nothing was changed.
    Refused { status: u16, code: String },
    /// No answer, or one that promises nothing.
    Unknown { why: String },
    /// An error that is no problem document, and so promises nothing.
    Bare { status: u16 },
}

/// One session of a follower, on a socket or by server-sent events.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) follower: String,
    pub(crate) user: String,
    /// The only instance that it has subscribed to, if it has.
    pub(crate) only: Option<String>,
    /// When its client began to open it: who may hear what is decided after that.
    pub(crate) asked: Moment,
    /// Where it resumed.
    pub(crate) since: Option<i64>,
    /// The position that it was greeted with.
    pub(crate) greeted_at: i64,
    /// When what it was opened with ends.
    pub(crate) good_until: Moment,
    /// How long its client has not read, in all: so far it may be behind what was sent.
    pub(crate) paused: Duration,
    pub(crate) frames: Vec<Frame>,
    /// How it ended.
    pub(crate) end: String,
    /// With the one replica that some faults hit alone.
    pub(crate) is_direct: bool,
}

/// A frame, and when it came.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) at: Moment,
    pub(crate) says: Says,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Says {
    Event {
        position: i64,
        event: String,
        digest: u64,
    },
    /// Everything up to here has been sent: a heartbeat, or the end of a resume.
    Reached(i64),
    Gap {
        from: i64,
        to: i64,
    },
    /// The subscription holds from here on.
    Narrowed,
}

/// One event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) position: Option<i64>,
    pub(crate) event: String,
    pub(crate) key: String,
    /// When it happened.
    pub(crate) at: Moment,
    pub(crate) user: Option<String>,
    /// The team that it concerns: its members hear of it, and its user only as one of them.
    pub(crate) team: Option<String>,
    pub(crate) instance: Option<String>,
    pub(crate) revision: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) epoch: Option<i64>,
    /// The mark in the configuration of a new instance.
    pub(crate) mark: Option<String>,
    /// Of its own fields.
    pub(crate) digest: u64,
}

/// One message as it was heard.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) at: Moment,
    pub(crate) position: i64,
    pub(crate) event: String,
    pub(crate) instance: Option<String>,
    pub(crate) revision: Option<i64>,
    pub(crate) digest: u64,
}

/// The columns of an instance that decide who may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) owner: Option<String>,
    pub(crate) epoch: i64,
    pub(crate) status: String,
    pub(crate) desired: String,
    pub(crate) revision: i64,
}

/// One write, as a trigger has noted it in the transaction that made it.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) instance: String,
    /// The life of the process that wrote.
    pub(crate) process: String,
    /// The request that the row names now, if the write set another.
    pub(crate) request: Option<String>,
    /// None for an insert.
    pub(crate) before: Option<Claim>,
    /// None for a delete.
    pub(crate) after: Option<Claim>,
    /// Whether the row is the same as before in every column: a wish that was in force already.
    pub(crate) changes_nothing: bool,
    /// Where the epoch changed: whether the owner before had a lease that ran, and had not come back in that very moment.
    pub(crate) owner_lived: bool,
    /// Whether the deadline before was over.
    pub(crate) was_overdue: bool,
    /// Whether deadline, attempts, reason or what the owner has read changed.
    pub(crate) changes_work: bool,
}

/// An instance at the end.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) instance: String,
    pub(crate) status: String,
    pub(crate) desired: String,
    pub(crate) reason: Option<String>,
    pub(crate) revision: i64,
    /// Whether a replica with a running lease owns it.
    pub(crate) is_kept: bool,
}

/// A row of the audit log: something that was done to an instance.
#[derive(Debug, Clone)]
pub(crate) struct Audited {
    pub(crate) request: Option<String>,
    /// As in [`Call`].
    pub(crate) by: String,
    pub(crate) action: String,
    pub(crate) instance: String,
}

/// The chain of one audit log.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) name: String,
    /// Rows that nobody has sealed, long after the last of them.
    pub(crate) unsealed: i64,
    /// What is wrong with it: with its links, its rows, or the anchors that were kept during the run.
    pub(crate) fault: Option<String>,
}

/// The beginning of the log is taken away, as it has been kept for its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// Just before anybody could have seen it.
    pub(crate) at: Moment,
    /// The last position that is gone.
    pub(crate) to: i64,
}

/// What somebody saw who looked at the rows during the run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    pub(crate) at: Moment,
    /// On their way, with a deadline that is over.
    pub(crate) overdue: BTreeSet<String>,
    /// On their way, with neither owner nor deadline, or with an owner that is dead.
    pub(crate) unattended: BTreeSet<String>,
    /// Rows of the audit log that nobody has sealed.
    pub(crate) unsealed: BTreeSet<String>,
    /// Who owns anything.
    pub(crate) owners: BTreeSet<String>,
}

/// Something that was done to the platform.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: String,
    pub(crate) began: Moment,
    /// When the cause was gone: what is measured from here is the platform's own time.
    pub(crate) healed: Moment,
    /// When the next one began, or the run was over.
    pub(crate) until: Moment,
    /// The life of a process that was killed with it.
    pub(crate) killed: Option<String>,
    /// Whether it hit the one replica alone that some go to directly.
    pub(crate) hits_one: bool,
}

/// What is too long, and too much.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// For a row past its deadline, or without an owner, while nothing is broken.
    pub(crate) unattended: Duration,
    /// The same, whatever is broken.
    pub(crate) unattended_ever: Duration,
    pub(crate) recovery: Duration,
    pub(crate) memory_kib: u64,
    /// How long a request whose client has given up may still take effect.
    pub(crate) late_effect: Duration,
}
