//! The catalog as its readers see it: a snapshot that they load without asking anybody.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::search::{CatalogFilter, Searched};
use crate::models::{Agent, AgentId, Cursor, Page, PageLimit};

/// Where the newest snapshot is found. Clones are the same place; readers on any thread wait for nobody.
#[derive(Clone, Default)]
pub struct CatalogView {
    shared: Arc<RwLock<Shared>>,
}

#[derive(Default)]
struct Shared {
    number: u64,
    snapshot: Option<Arc<CatalogSnapshot>>,
}

impl CatalogView {
    /// What is offered now; `None` before it was read for the first time.
    #[must_use]
    pub fn load(&self) -> Option<Arc<CatalogSnapshot>> {
        // Nothing panics while it holds the lock.
        self.shared.read().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    /// Shows what reading number `number` found, unless a later reading was faster.
    pub(super) fn show(&self, number: u64, snapshot: CatalogSnapshot) {
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        if number > shared.number {
            *shared = Shared { number, snapshot: Some(Arc::new(snapshot)) };
        }
    }

    /// The number of the last reading that is shown: a rebuilt actor counts on from there.
    pub(super) fn number(&self) -> u64 {
        self.shared.read().unwrap_or_else(PoisonError::into_inner).number
    }
}

/// All published agents at one moment.
pub struct CatalogSnapshot {
    newest_first: Vec<Arc<CatalogEntry>>,
    by_id: HashMap<AgentId, Arc<CatalogEntry>>,
}

/// One published agent, with the text that it is shown as.
pub struct CatalogEntry {
    /// The agent.
    pub agent: Agent,
    searched: Searched,
    text: OnceLock<Arc<[u8]>>,
}

impl CatalogEntry {
    fn new(agent: Agent) -> Self {
        let searched = Searched::of(&agent);
        Self { agent, searched, text: OnceLock::new() }
    }

    /// What the agent is shown as, written by `write` the first time only. Every caller must show it the same way.
    pub fn text(&self, write: fn(&Agent) -> Vec<u8>) -> Arc<[u8]> {
        self.text.get_or_init(|| write(&self.agent).into()).clone()
    }
}

impl CatalogSnapshot {
    /// Puts agents in order.
    #[must_use]
    pub fn new(agents: Vec<Agent>) -> Self {
        Self::after(None, agents)
    }

    /// The same, taking the entries of agents that have not changed from the snapshot `before`: of ten thousand one has
    /// changed, as a rule.
    #[must_use]
    pub fn after(before: Option<&Self>, agents: Vec<Agent>) -> Self {
        let entry = |agent: Agent| {
            let known = before.and_then(|before| before.find(agent.id)).filter(|known| known.agent == agent);
            known.cloned().unwrap_or_else(|| Arc::new(CatalogEntry::new(agent)))
        };
        let mut newest_first: Vec<Arc<CatalogEntry>> = agents.into_iter().map(entry).collect();
        newest_first.sort_by_key(|entry| std::cmp::Reverse(entry.agent.id));
        let by_id = newest_first.iter().map(|entry| (entry.agent.id, entry.clone())).collect();
        Self { newest_first, by_id }
    }

    /// The agent of that id, if it is offered.
    #[must_use]
    pub fn find(&self, id: AgentId) -> Option<&Arc<CatalogEntry>> {
        self.by_id.get(&id)
    }

    /// A page of what is offered and fits, newest first; `before` is where the page before it ended.
    #[must_use]
    pub fn list(
        &self,
        filter: &CatalogFilter,
        before: Option<AgentId>,
        limit: PageLimit,
    ) -> Page<Arc<CatalogEntry>> {
        let start = match before {
            Some(before) => self.newest_first.partition_point(|entry| entry.agent.id >= before),
            None => 0,
        };
        let fitting = self.newest_first.iter().skip(start).filter(|entry| entry.searched.fits(filter));
        let rows = fitting.take(limit.items() + 1).cloned().collect();
        Page::cut(rows, limit, |entry: &Arc<CatalogEntry>| Cursor::Number(entry.agent.id.0.into()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::models::AgentStatus;
    use crate::models::search::Words;

    fn agent(id: i32) -> Agent {
        Agent {
            id: AgentId(id),
            title: format!("Agent {id}"),
            content: json!({}),
            activation_code: format!("agent_{id}"),
            rate: 0,
            version: 1,
            status: AgentStatus::Published,
            revision: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn all() -> CatalogFilter {
        CatalogFilter::default()
    }

    fn ids(page: &Page<Arc<CatalogEntry>>) -> Vec<i32> {
        page.items.iter().map(|entry| entry.agent.id.0).collect()
    }

    #[test]
    fn pages_follow_each_other_newest_first_without_overlap() {
        let snapshot = CatalogSnapshot::new([3, 1, 9, 5, 7].map(agent).into());
        let limit = PageLimit::new(2).unwrap();
        let first = snapshot.list(&all(), None, limit);
        assert_eq!(ids(&first), [9, 7]);
        let second = snapshot.list(&all(), Some(AgentId(7)), limit);
        assert_eq!(ids(&second), [5, 3]);
        let last = snapshot.list(&all(), Some(AgentId(3)), limit);
        assert_eq!(ids(&last), [1]);
        assert_eq!(last.next_cursor, None);
        assert_eq!(first.next_cursor, Some(Cursor::Number(7).encode()));
    }

    #[test]
    fn a_cursor_of_an_agent_that_is_gone_still_marks_its_place() {
        let snapshot = CatalogSnapshot::new([1, 5, 9].map(agent).into());
        assert_eq!(ids(&snapshot.list(&all(), Some(AgentId(6)), PageLimit::DEFAULT)), [5, 1]);
        assert!(snapshot.find(AgentId(6)).is_none());
    }

    #[test]
    fn what_is_looked_for_is_found_whatever_its_case_and_accents_and_pages_go_on_in_it() {
        let mut agents: Vec<Agent> = (1..=6).map(agent).collect();
        for (index, agent) in agents.iter_mut().enumerate() {
            let shelf = if index % 2 == 0 { "Café" } else { "sales" };
            agent.content =
                json!({"category": shelf, "capabilities": ["Brew_Tea", 7], "description": "Señor Té"});
        }
        agents[5].content = json!({"category": 3, "capabilities": "brew_tea", "description": ["x"]});
        let snapshot = CatalogSnapshot::new(agents);
        let words = |text| CatalogFilter { words: Words::read(text).unwrap(), ..all() };
        let found = |filter: &CatalogFilter| ids(&snapshot.list(filter, None, PageLimit::DEFAULT));
        assert_eq!(found(&words("senor CAFE agent")), [5, 3, 1]);
        assert_eq!(found(&words("brew 2")), [2]);
        assert!(found(&words("té sales 5")).is_empty());
        assert_eq!(found(&CatalogFilter { category: Some("cafe".into()), ..all() }), [5, 3, 1]);
        assert_eq!(found(&CatalogFilter { capability: Some("brew_tea".into()), ..all() }), [5, 4, 3, 2, 1]);
        assert!(found(&CatalogFilter { capability: Some("brew".into()), ..all() }).is_empty());

        let limit = PageLimit::new(2).unwrap();
        let first = snapshot.list(&words("cafe"), None, limit);
        let rest = snapshot.list(&words("cafe"), Some(AgentId(3)), limit);
        assert_eq!((ids(&first), ids(&rest), rest.next_cursor), (vec![5, 3], vec![1], None));
    }

    #[test]
    fn entries_that_have_not_changed_are_taken_over() {
        let before = CatalogSnapshot::new([1, 2].map(agent).into());
        let changed = Agent { revision: 2, ..agent(2) };
        let after = CatalogSnapshot::after(Some(&before), vec![agent(1), changed, agent(3)]);
        let same = |id| Arc::ptr_eq(before.find(AgentId(id)).unwrap(), after.find(AgentId(id)).unwrap());
        assert!(same(1) && !same(2));
        assert_eq!(ids(&after.list(&all(), None, PageLimit::DEFAULT)), [3, 2, 1]);
    }

    #[test]
    fn a_reading_that_comes_late_does_not_hide_a_later_one() {
        let view = CatalogView::default();
        assert!(view.load().is_none());
        view.show(2, CatalogSnapshot::new(vec![agent(2)]));
        view.show(1, CatalogSnapshot::new(vec![agent(1)]));
        assert!(view.load().unwrap().find(AgentId(2)).is_some());
        assert_eq!(view.number(), 2);
    }

    #[test]
    fn the_text_of_an_agent_is_written_once() {
        let snapshot = CatalogSnapshot::new(vec![agent(1)]);
        let entry = snapshot.find(AgentId(1)).unwrap();
        assert_eq!(&*entry.text(|agent| agent.title.clone().into_bytes()), b"Agent 1");
        assert_eq!(&*entry.text(|_| b"never asked".to_vec()), b"Agent 1");
    }
}
