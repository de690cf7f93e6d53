//! The events that this replica has told last, kept in memory. Pure.
//!
//! When a replica goes away, its clients come to the others within seconds, each a few events behind. All of that is
//! among what was told last, and then costs no read of the log. The positions in here have no gap, so that what lies
//! between two of them is all there is: at a jump it begins anew.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use super::frame::EventFrame;
use super::register::Owner;
use crate::models::store::outbox::Audience;
use crate::models::{TeamId, UserId};

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecentLimits {
    /// Events; none at all with 0.
    pub events_max: usize,
    /// Bytes of their frames.
    pub bytes_max: usize,
}

/// A run of events without a gap, the newest at its end.
pub(super) struct Recent {
    limits: RecentLimits,
    told: VecDeque<Told>,
    bytes: usize,
    /// The position of the newest.
    last: i64,
    /// Where each user's are: ten thousand who come at once look at their own, and not at everybody's.
    by_user: HashMap<UserId, VecDeque<i64>>,
    by_team: HashMap<TeamId, VecDeque<i64>>,
}

/// One event: whose it is, and its frame if it is for sockets.
struct Told {
    owner: Owner,
    frame: Option<Arc<EventFrame>>,
}

/// What one session missed, or the beginning of that.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) frames: Vec<Arc<EventFrame>>,
    /// Up to here there is nothing else for the session.
    pub(super) reached: i64,
}

impl Recent {
    pub(super) fn new(limits: RecentLimits) -> Self {
        let (by_user, by_team) = (HashMap::new(), HashMap::new());
        Self { limits, told: VecDeque::new(), bytes: 0, last: 0, by_user, by_team }
    }

    /// Whether anything is kept: if not, frames need not be written for it.
    pub(super) fn keeps(&self) -> bool {
        self.limits.events_max > 0
    }

    /// Keeps the event that was told just now; the oldest go.
    pub(super) fn push(&mut self, position: i64, owner: Owner, frame: Option<Arc<EventFrame>>) {
        if position != self.last + 1 {
            *self = Self::new(self.limits);
        }
        self.last = position;
        let told = Told { owner, frame };
        self.bytes += told.bytes();
        if told.frame.is_some() {
            match owner {
                Owner { team_id: Some(id), .. } => self.by_team.entry(id).or_default().push_back(position),
                Owner { user_id: Some(id), .. } => self.by_user.entry(id).or_default().push_back(position),
                Owner { user_id: None, team_id: None } => {}
            }
        }
        self.told.push_back(told);
        while self.told.len() > self.limits.events_max || self.bytes > self.limits.bytes_max {
            let position = self.before_first() + 1;
            let Some(oldest) = self.told.pop_front() else { return };
            self.bytes -= oldest.bytes();
            forget(&mut self.by_user, oldest.owner.user_id, position);
            forget(&mut self.by_team, oldest.owner.team_id, position);
        }
    }

    /// The position before the oldest.
    fn before_first(&self) -> i64 {
        self.last - i64::try_from(self.told.len()).unwrap_or(i64::MAX)
    }

    /// What a session's audience was told after one position up to and including another, `rows_max` of it at most.
    /// None if it is not all in here.
    pub(super) fn missed(
        &self,
        Audience { user_id, hears_own, teams }: Audience<'_>,
        (after, to): (i64, i64),
        rows_max: usize,
    ) -> Option<Missed> {
        let before_first = self.before_first();
        if after < before_first || to > self.last || after > to {
            return None;
        }
        let of_teams = teams.iter().filter_map(|team_id| self.by_team.get(team_id));
        let own = self.by_user.get(&user_id).filter(|_| hears_own);
        let lists = own.into_iter().chain(of_teams);
        // No more of each list than is wanted of all: the first so many of them are among these.
        let of_list = |list: &VecDeque<i64>| {
            let begin = list.partition_point(|position| *position <= after);
            let those = list.range(begin..).copied().take_while(|position| *position <= to);
            those.take(rows_max.saturating_add(1)).collect::<Vec<i64>>()
        };
        let mut theirs: Vec<i64> = lists.flat_map(of_list).collect();
        theirs.sort_unstable();
        theirs.dedup();
        let reached = theirs.get(rows_max).map_or(to, |next| next - 1);
        theirs.truncate(rows_max);
        let frame = |position: i64| {
            let place = usize::try_from(position - before_first - 1).ok()?;
            self.told.get(place)?.frame.clone()
        };
        let missed = Missed { frames: theirs.into_iter().filter_map(frame).collect(), reached };
        Some(missed)
    }
}

/// The oldest of an owner's is gone.
fn forget<K: Eq + Hash>(lists: &mut HashMap<K, VecDeque<i64>>, owner: Option<K>, position: i64) {
    let Some(owner) = owner else { return };
    let Some(list) = lists.get_mut(&owner) else { return };
    if list.front() == Some(&position) {
        list.pop_front();
    }
    if list.is_empty() {
        lists.remove(&owner);
    }
}

impl Told {
    fn bytes(&self) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::ws_sessions::channels::Topic;
    use crate::models::RoutingKey;

    const FEW: RecentLimits = RecentLimits { events_max: 4, bytes_max: 1000 };

    fn frame(position: i64, bytes: usize) -> Option<Arc<EventFrame>> {
        let topic = Topic::of(&RoutingKey::INSTANCE_CREATED).unwrap();
        let text = "x".repeat(bytes).into_boxed_str();
        Some(Arc::new(EventFrame { position, topic, instance_id: None, text }))
    }

    fn alone(user_id: UserId) -> Audience<'static> {
        Audience { user_id, hears_own: true, teams: &[] }
    }

    fn positions(missed: Option<Missed>) -> Option<(Vec<i64>, i64)> {
        missed.map(|missed| (missed.frames.iter().map(|frame| frame.position).collect(), missed.reached))
    }

    #[test]
    fn only_what_is_all_there_is_answered_and_only_with_what_is_theirs() {
        let (ada, eve, team) = (UserId::new(), UserId::new(), TeamId::new());
        let mut recent = Recent::new(FEW);
        for position in 11..=16 {
            let user_id = if position % 2 == 0 { ada } else { eve };
            let team_id = (position == 15).then_some(team);
            recent.push(position, Owner { user_id: Some(user_id), team_id }, frame(position, 10));
        }
        let teams = [team];
        let of = |(user_id, teams): (UserId, &[TeamId]), span, rows| {
            positions(recent.missed(Audience { user_id, hears_own: true, teams }, span, rows))
        };
        assert_eq!(of((ada, &[]), (12, 16), 9), Some((vec![14, 16], 16)));
        assert_eq!(of((ada, &[]), (12, 16), 1), Some((vec![14], 15)));
        assert_eq!(of((ada, &teams), (13, 15), 9), Some((vec![14, 15], 15)));
        assert_eq!(
            of((eve, &[]), (12, 16), 9),
            Some((vec![13], 16)),
            "what is the team's is not its maker's"
        );
        let key_of_team = Audience { user_id: ada, hears_own: false, teams: &teams };
        assert_eq!(positions(recent.missed(key_of_team, (12, 16), 9)), Some((vec![15], 16)));
        assert_eq!(of((UserId::new(), &[]), (12, 16), 9), Some((vec![], 16)));
        assert_eq!(of((ada, &[]), (16, 16), 9), Some((vec![], 16)));
        for outside in [(11, 16), (12, 17), (17, 17), (15, 14)] {
            assert_eq!(of((ada, &[]), outside, 9), None, "{outside:?}");
        }
    }

    #[test]
    fn a_jump_begins_anew() {
        let ada = UserId::new();
        let owner = Owner { user_id: Some(ada), team_id: None };
        let mut recent = Recent::new(FEW);
        for position in [5, 6, 9] {
            recent.push(position, owner, frame(position, 10));
        }
        assert_eq!(positions(recent.missed(alone(ada), (6, 9), 9)), None);
        assert_eq!(positions(recent.missed(alone(ada), (8, 9), 9)), Some((vec![9], 9)));
    }

    #[test]
    fn bytes_are_bounded_also_by_one_that_is_too_large_by_itself() {
        let ada = UserId::new();
        let owner = Owner { user_id: Some(ada), team_id: None };
        let mut recent = Recent::new(RecentLimits { events_max: 100, bytes_max: 100 });
        for position in 1..=5 {
            recent.push(position, owner, frame(position, 40));
        }
        assert_eq!((recent.told.len(), recent.bytes), (2, 80));
        recent.push(6, owner, frame(6, 101));
        assert_eq!((recent.told.len(), recent.bytes), (0, 0));
        assert!(recent.by_user.is_empty(), "what is forgotten is forgotten everywhere");
        assert_eq!(positions(recent.missed(alone(ada), (5, 6), 9)), None);
        recent.push(7, owner, frame(7, 40));
        assert_eq!(positions(recent.missed(alone(ada), (6, 7), 9)), Some((vec![7], 7)));
    }
}
