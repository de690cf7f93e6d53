//! A platform in miniature that keeps every promise: the histories that it makes have no violation.

mod answering;
mod proving;
mod sharing;
mod telling;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{
    Bounds, Chain, Claim, Fault, History, Look, Moment, Outcome, Row, Session, Used, What, Wish, Write,
};

const USERS: [&str; 2] = ["ada", "eve"];
const PROCESSES: [&str; 2] = ["first", "second"];

pub(super) fn bounds() -> Bounds {
    Bounds {
        unattended: Duration::from_secs(5),
        unattended_ever: Duration::from_secs(60),
        recovery: Duration::from_secs(30),
        memory_kib: 1_000,
        late_effect: Duration::from_secs(10),
    }
}

/// One instance as it is now.
struct Instance {
    id: String,
    user: &'static str,
    /// It is the team's.
    is_shared: bool,
    claim: Claim,
}

/// A follower, and its session while it has one.
struct Follower {
    user: &'static str,
    only: Option<String>,
    session: Option<Session>,
    /// What it has seen.
    reached: i64,
    /// Was in the team when its session began.
    hears_of_the_team: bool,
}

pub(super) struct Model {
    history: History,
    now: Moment,
    instances: Vec<Instance>,
    followers: Vec<Follower>,
    requests: usize,
    /// What each user acts with.
    sign_ins: HashMap<&'static str, Used>,
    /// Who is in the team.
    members: HashSet<&'static str>,
}

impl Model {
    /// What came of these steps. Each is a kind of step, and what it is done to.
    pub(super) fn history(steps: &[(u8, usize)]) -> History {
        let mut model = Self {
            history: History::default(),
            now: Duration::from_secs(1),
            instances: Vec::new(),
            followers: Vec::new(),
            requests: 0,
            sign_ins: HashMap::new(),
            members: HashSet::new(),
        };
        for user in USERS {
            model.followers.push(Follower {
                user,
                only: None,
                session: None,
                reached: 0,
                hears_of_the_team: false,
            });
            model.create(user, 0);
        }
        let only = Some(model.instances[0].id.clone());
        model.followers.push(Follower {
            user: USERS[0],
            only,
            session: None,
            reached: 0,
            hears_of_the_team: false,
        });
        for (step, of) in steps {
            model.now += Duration::from_millis(50);
            model.step(*step, *of);
        }
        model.settle();
        model.history
    }

    fn step(&mut self, step: u8, of: usize) {
        let which = of % self.instances.len();
        match step % 17 {
            0 => self.create(USERS[of % USERS.len()], of),
            1 => self.work(which, PROCESSES[of % PROCESSES.len()]),
            2 => self.wish(which, Wish::Stop, of),
            3 => self.wish(which, Wish::Start, of),
            4 => self.wish(which, Wish::Retitle, of),
            5 => self.wish(which, Wish::Delete, of),
            6 => self.read(which),
            7 => self.reconnect(of % self.followers.len(), of),
            8 => self.tell_again(of),
            9 => self.fault(which),
            10 => self.take_over(which),
            11 => self.renew(USERS[of % USERS.len()], of),
            12 => self.sign_out(USERS[of % USERS.len()], of),
            13 => self.enter(USERS[of % USERS.len()], of),
            14 => self.regroup(USERS[of % USERS.len()], of),
            15 => self.read_shared(USERS[of % USERS.len()], which),
            _ => self.look(which),
        }
    }

    fn request(&mut self) -> String {
        self.requests += 1;
        format!("request {}", self.requests)
    }

    fn create(&mut self, user: &'static str, of: usize) {
        let mark = format!("mark {}", self.requests);
        let lost = (of % 4 == 1).then(|| self.request());
        let request = self.request();
        let id = format!("instance {}", self.instances.len());
        let claim =
            Claim { owner: None, epoch: 0, status: "pending".into(), desired: "running".into(), revision: 1 };
        let what = What::Create { mark: mark.clone() };
        if let Some(lost) = &lost {
            self.call(user, lost, what.clone(), Outcome::Unknown { why: "no answer".into() });
        }
        let made_by = lost.as_ref().unwrap_or(&request);
        self.write(&id, PROCESSES[0], Some(made_by), None, Some(&claim), false);
        self.audit(user, "instance.create", &id, made_by);
        let is_shared = of % 3 == 1 && self.members.contains(user);
        self.instances.push(Instance { id: id.clone(), user, is_shared, claim });
        self.event("instance.created", self.instances.len() - 1, Some(mark));
        self.call(user, &request, what, Outcome::Done { instance: id, revision: Some(1) });
    }

    fn wish(&mut self, which: usize, wish: Wish, of: usize) {
        let request = self.request();
        let Instance { id, claim, user, is_shared } = &self.instances[which];
        let (id, before, user) = (id.clone(), claim.clone(), *user);
        let is_out = *is_shared && !self.members.contains(user);
        let what = |if_match| What::Wish { instance: id.clone(), wish, if_match };
        if before.desired == "deleted" || is_out {
            let refused = Outcome::Refused { status: 404, code: "instance_not_found".into() };
            return self.call(user, &request, what(None), refused);
        }
        if of % 7 == 3 {
            let refused = Outcome::Refused { status: 503, code: "service_busy".into() };
            return self.call(user, &request, what(None), refused);
        }
        let mut after = before.clone();
        match wish {
            Wish::Stop => after.desired = "stopped".into(),
            Wish::Delete => after.desired = "deleted".into(),
            Wish::Start if before.status == "stopped" => {
                (after.desired, after.status) = ("running".into(), "pending".into());
            }
            Wish::Start => after.desired = "running".into(),
            Wish::Retitle => {}
        }
        let is_change = wish == Wish::Retitle || after != before;
        after.revision += i64::from(is_change);
        self.write(&id, PROCESSES[1], is_change.then_some(&request), Some(&before), Some(&after), true);
        let if_match =
            (of.is_multiple_of(3) && matches!(wish, Wish::Retitle | Wish::Delete)).then_some(before.revision);
        let revision = (wish != Wish::Delete).then_some(after.revision);
        self.instances[which].claim = after;
        if is_change {
            let key = if wish == Wish::Delete { "instance.deleted" } else { "instance.updated" };
            self.event(key, which, None);
            self.audit(user, answering::action_of(wish), &id, &request);
        }
        let outcome = match of % 5 {
            4 => Outcome::Unknown { why: "the answer was lost".into() },
            _ => Outcome::Done { instance: id.clone(), revision },
        };
        self.call(user, &request, what(if_match), outcome);
    }

    /// A worker takes one step with an instance.
    fn work(&mut self, which: usize, process: &str) {
        let before = self.instances[which].claim.clone();
        let mut after = before.clone();
        let is_owner = before.owner.as_deref() == Some(&owner(process));
        match (before.desired.as_str(), before.status.as_str()) {
            ("gone", _) | ("running", "running") | ("stopped", "stopped") => return,
            _ if before.owner.is_none() => {
                after.epoch += 1;
                after.owner = Some(owner(process));
                if before.desired == "running" {
                    after.status = "provisioning".into();
                }
            }
            _ if !is_owner => return,
            ("deleted", _) => {
                let id = self.instances[which].id.clone();
                self.write(&id, process, None, Some(&before), None, true);
                self.instances[which].claim.desired = "gone".into();
                return;
            }
            ("stopped", _) => (after.status, after.owner) = ("stopped".into(), None),
            (_, "provisioning") => after.status = "running".into(),
            (_, "stopped") => after.status = "pending".into(),
            _ => after.status = "provisioning".into(),
        }
        self.become_(which, process, &before, after, true);
    }

    /// The other process finds the owner dead.
    fn take_over(&mut self, which: usize) {
        let before = self.instances[which].claim.clone();
        let Some(was) = before.owner.clone() else { return };
        if before.desired == "gone" {
            return;
        }
        let process = PROCESSES.into_iter().find(|process| owner(process) != was).unwrap_or(PROCESSES[0]);
        let after = Claim { owner: Some(owner(process)), epoch: before.epoch + 1, ..before.clone() };
        self.become_(which, process, &before, after, false);
    }

    fn become_(&mut self, which: usize, process: &str, before: &Claim, mut after: Claim, owner_lived: bool) {
        let has_moved = before.status != after.status && before.desired != "deleted";
        after.revision += i64::from(has_moved);
        let id = self.instances[which].id.clone();
        self.write(&id, process, None, Some(before), Some(&after), owner_lived);
        self.instances[which].claim = after;
        if has_moved {
            self.event("instance.updated", which, None);
        }
    }

    fn read(&mut self, which: usize) {
        let request = self.request();
        let Instance { id, claim, user, is_shared } = &self.instances[which];
        if *is_shared {
            return;
        }
        let (id, revision, user) = (id.clone(), claim.revision, *user);
        let gone = Outcome::Refused { status: 404, code: "instance_not_found".into() };
        let is_gone = ["deleted", "gone"].contains(&claim.desired.as_str());
        let seen = if is_gone {
            gone.clone()
        } else {
            Outcome::Done { instance: id.clone(), revision: Some(revision) }
        };
        self.call(user, &request, What::Read { instance: id.clone() }, seen);
        let request = self.request();
        let other = USERS.into_iter().find(|other| *other != user).unwrap_or(user);
        self.call(other, &request, What::Peek { instance: id }, gone);
    }

    fn write(
        &mut self,
        id: &str,
        process: &str,
        request: Option<&String>,
        before: Option<&Claim>,
        after: Option<&Claim>,
        owner_lived: bool,
    ) {
        self.history.writes.push(Write {
            instance: id.to_owned(),
            process: process.to_owned(),
            request: request.cloned(),
            before: before.cloned(),
            after: after.cloned(),
            changes_nothing: before == after && request.is_none(),
            owner_lived,
            was_overdue: false,
            changes_work: false,
        });
    }

    /// Something breaks and is mended; whoever owned the instance was killed with it.
    fn fault(&mut self, which: usize) {
        let began = self.now;
        self.now += Duration::from_secs(20);
        let Claim { owner: was, desired, .. } = &self.instances[which].claim;
        let killed = was.clone().filter(|_| desired != "gone");
        if let Some(before) = self.history.faults.last_mut() {
            before.until = began;
        }
        let killed = killed.and_then(|was| PROCESSES.into_iter().find(|process| owner(process) == was));
        self.history.faults.push(Fault {
            kind: "kill".to_owned(),
            began,
            healed: self.now,
            until: Moment::MAX,
            killed: killed.map(str::to_owned),
            hits_one: which.is_multiple_of(2),
        });
        self.everything_works();
        self.history.poisons.push(format!("poison {}", self.requests));
        self.history.dead_letters.insert(format!("poison {}", self.requests));
    }

    fn everything_works(&mut self) {
        for number in 0..self.followers.len() {
            if self.followers[number].session.is_none() {
                self.reconnect(number, 0);
            }
        }
        self.create(USERS[0], 0);
        self.history.looks.push(Look { at: self.now, ..Look::default() });
    }

    /// A row is late, and a moment later it is not any more.
    fn look(&mut self, which: usize) {
        let id = self.instances[which].id.clone();
        let overdue = [id].into_iter().collect();
        let unsealed = [format!("row {}", self.history.audited.len())].into_iter().collect();
        self.history.looks.push(Look { at: self.now, overdue, unsealed, ..Look::default() });
        self.now += Duration::from_secs(2);
        self.history.looks.push(Look { at: self.now, ..Look::default() });
    }

    fn settle(&mut self) {
        self.everything_works();
        for which in 0..self.instances.len() {
            for process in PROCESSES.into_iter().cycle().take(12) {
                self.work(which, process);
            }
        }
        for number in 0..self.followers.len() {
            self.catch_up(number);
            self.beat(number);
            let session = self.followers[number].session.take();
            self.history.sessions.extend(session);
        }
        for name in ["user_psql", "shared_psql"] {
            self.history.chains.push(Chain { name: name.to_owned(), unsealed: 0, fault: None });
        }
        for process in PROCESSES {
            self.history.memory.insert(process.to_owned(), 900);
        }
        if let Some(last) = self.history.faults.last_mut() {
            last.until = self.now;
        }
        for Instance { id, claim, .. } in &self.instances {
            if claim.desired != "gone" {
                self.history.rows.push(Row {
                    instance: id.clone(),
                    status: claim.status.clone(),
                    desired: claim.desired.clone(),
                    reason: None,
                    revision: claim.revision,
                    is_kept: claim.owner.is_some(),
                });
            }
        }
    }
}

fn owner(process: &str) -> String {
    format!("replica of {process}")
}
