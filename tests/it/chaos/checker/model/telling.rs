//! How the model tells what happens: the log, the bus and the sessions.

use std::time::Duration;

use super::super::{Cut, Frame, Logged, Moment, Says, Session, Told};
use super::{Instance, Model};

impl Model {
    pub(super) fn event(&mut self, key: &str, which: usize, mark: Option<String>) {
        let Instance { id, user, is_shared, claim } = &self.instances[which];
        let position = i64::try_from(self.history.log.len()).unwrap() + 1;
        let logged = Logged {
            position: Some(position),
            event: format!("event {position}"),
            key: key.to_owned(),
            at: self.now,
            team: is_shared.then(|| "a team".to_owned()),
            user: Some((*user).to_owned()),
            instance: Some(id.clone()),
            revision: Some(claim.revision),
            status: Some(claim.status.clone()),
            epoch: (key == "instance.updated").then_some(claim.epoch),
            mark,
            digest: u64::try_from(position).unwrap() * 31,
        };
        self.now += Duration::from_millis(1);
        self.history.told.push(told(&logged, self.now));
        self.history.log.push(logged);
        for number in 0..self.followers.len() {
            if self.followers[number].session.is_some() {
                self.catch_up(number);
            }
        }
    }

    /// Sends a follower what it has not seen.
    pub(super) fn catch_up(&mut self, number: usize) {
        let follower = &mut self.followers[number];
        let Some(session) = &mut follower.session else { return };
        for logged in &self.history.log[usize::try_from(follower.reached).unwrap()..] {
            let is_heard = match logged.team {
                None => logged.user.as_deref() == Some(follower.user),
                Some(_) => follower.hears_of_the_team,
            };
            let is_its =
                is_heard && follower.only.as_ref().is_none_or(|only| logged.instance.as_ref() == Some(only));
            if is_its {
                let (position, event) = (logged.position.unwrap(), logged.event.clone());
                let says = Says::Event { position, event, digest: logged.digest };
                session.frames.push(Frame { at: self.now, says });
            }
        }
        follower.reached = i64::try_from(self.history.log.len()).unwrap();
    }

    /// Ends a follower's session and begins another, which resumes; or, where the log was cut meanwhile, is told so.
    pub(super) fn reconnect(&mut self, number: usize, of: usize) {
        let head = i64::try_from(self.history.log.len()).unwrap();
        let follower = &mut self.followers[number];
        if let Some(session) = follower.session.take() {
            follower.reached = follower.reached.max(session.greeted_at);
            self.history.sessions.push(session);
            return;
        }
        if of % 4 == 1 {
            // It has forgotten the rest, and is sent that again.
            follower.reached /= 2;
        }
        let at = self.now;
        let mut frames = Vec::new();
        if follower.only.is_some() {
            frames.push(Frame { at, says: Says::Narrowed });
        }
        let is_gone = self.history.cuts.iter().any(|cut| cut.to > follower.reached);
        let is_cut_now = of % 3 == 1 && follower.reached < head;
        if is_cut_now {
            self.history.cuts.push(Cut { at, to: head });
        }
        if is_gone || is_cut_now {
            frames.push(Frame { at, says: Says::Gap { from: follower.reached, to: head } });
        }
        follower.hears_of_the_team = self.members.contains(follower.user);
        follower.session = Some(Session {
            follower: format!("follower {number}"),
            user: follower.user.to_owned(),
            only: follower.only.clone(),
            asked: at,
            since: Some(follower.reached),
            greeted_at: head,
            good_until: Moment::MAX,
            paused: Duration::ZERO,
            frames,
            end: "1012".to_owned(),
            is_direct: true,
        });
        if is_gone || is_cut_now {
            follower.reached = head;
        }
        self.catch_up(number);
        self.beat(number);
    }

    pub(super) fn beat(&mut self, number: usize) {
        let follower = &mut self.followers[number];
        if let Some(session) = &mut follower.session {
            session.frames.push(Frame { at: self.now, says: Says::Reached(follower.reached) });
        }
    }

    /// As after a confirm that was lost.
    pub(super) fn tell_again(&mut self, count: usize) {
        let from = self.history.log.len() - (count % 5).min(self.history.log.len());
        for logged in &self.history.log[from..] {
            self.history.told.push(told(logged, self.now));
        }
    }
}

fn told(logged: &Logged, at: Moment) -> Told {
    Told {
        at,
        position: logged.position.unwrap(),
        event: logged.event.clone(),
        instance: logged.instance.clone(),
        revision: logged.revision,
        digest: logged.digest,
    }
}
