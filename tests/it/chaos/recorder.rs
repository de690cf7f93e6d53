//! Where users write down what they did and saw. It only ever grows.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde_json::Value;
use tokio::time::Instant;

use super::checker::{Call, Moment, Outcome, Session, What};

/// The five fields that every message begins with, beside the event's own.
const ENVELOPE: [&str; 5] = ["event_id", "event_type", "schema_version", "position", "occurred_at"];

/// One for a run. Cheap to clone.
#[derive(Clone)]
pub(super) struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    began: Instant,
    /// The same moment by the clock of the machine.
    began_at: SystemTime,
    calls: Mutex<Vec<Call>>,
    sessions: Mutex<Vec<Session>>,
    latest: Mutex<[Latest; 2]>,
}

/// What happened last, for those who wait until all works again.
#[derive(Clone, Copy, Default)]
pub(super) struct Latest {
    /// When the change was sent that was acknowledged and sent last.
    pub(super) change: Moment,
    /// When the last event came to a follower.
    pub(super) frame: Moment,
}

impl Recorder {
    /// The clock of the run begins.
    pub(super) fn begin() -> Self {
        let shared = Shared {
            began: Instant::now(),
            began_at: SystemTime::now(),
            calls: Mutex::default(),
            sessions: Mutex::default(),
            latest: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn now(&self) -> Moment {
        self.shared.began.elapsed()
    }

    pub(super) fn moment(&self, instant: Instant) -> Moment {
        instant.saturating_duration_since(self.shared.began)
    }

    /// What Postgres calls so. It runs on the same machine.
    pub(super) fn moment_of(&self, time: SystemTime) -> Moment {
        time.duration_since(self.shared.began_at).unwrap_or_default()
    }

    pub(super) fn instant(&self, moment: Moment) -> Instant {
        self.shared.began + moment
    }

    pub(super) fn call(&self, call: Call) {
        let is_change = matches!(call.what, What::Create { .. } | What::Wish { .. });
        if is_change && matches!(call.outcome, Outcome::Done { .. }) {
            let mut latest = self.shared.latest.lock().unwrap();
            let latest = &mut latest[usize::from(call.is_direct)];
            latest.change = latest.change.max(call.sent);
        }
        self.shared.calls.lock().unwrap().push(call);
    }

    pub(super) fn frame_came(&self, at: Moment, is_direct: bool) {
        let mut latest = self.shared.latest.lock().unwrap();
        let latest = &mut latest[usize::from(is_direct)];
        latest.frame = latest.frame.max(at);
    }

    pub(super) fn session(&self, session: Session) {
        self.shared.sessions.lock().unwrap().push(session);
    }

    /// By way of the edge, or at the one replica.
    pub(super) fn latest(&self, is_direct: bool) -> Latest {
        self.shared.latest.lock().unwrap()[usize::from(is_direct)]
    }

    /// All of it.
    pub(super) fn take(&self) -> (Vec<Call>, Vec<Session>) {
        let calls = std::mem::take(&mut *self.shared.calls.lock().unwrap());
        let sessions = std::mem::take(&mut *self.shared.sessions.lock().unwrap());
        (calls, sessions)
    }
}

/// Of an event's own fields: the same in the log, on the bus and in a frame.
pub(super) fn digest(body: &Value) -> u64 {
    let mut own = body.clone();
    if let Some(fields) = own.as_object_mut() {
        for field in ENVELOPE {
            fields.remove(field);
        }
    }
    let mut hasher = DefaultHasher::new();
    own.to_string().hash(&mut hasher);
    hasher.finish()
}
