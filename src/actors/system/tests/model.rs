//! What a supervisor promises, without any of its machinery: what the leaves of a tree must log, blow by blow.

use proptest::prelude::*;

use super::super::{Exit, Restart, Strategy};
use super::trees::{Event, Shape};

/// The model: the same tree, with what is known of each child.
pub(super) enum Model {
    Leaf { id: usize, restart: Restart, ended: bool },
    Branch { strategy: Strategy, path: String, children: Vec<Model> },
}

/// What the log must hold: runs of events, each in its order, or in any where a whole branch was killed.
#[derive(Default)]
pub(super) struct Expected {
    runs: Vec<(bool, Vec<Event>)>,
}

impl Expected {
    pub(super) fn len(&self) -> usize {
        self.runs.iter().map(|(_, run)| run.len()).sum()
    }

    pub(super) fn in_order(&mut self, run: Vec<Event>) {
        self.runs.push((true, run));
    }

    fn in_any_order(&mut self, run: Vec<Event>) {
        self.runs.push((false, run));
    }

    pub(super) fn check(&self, log: &[Event]) -> Result<(), TestCaseError> {
        let mut at = 0;
        for (ordered, run) in &self.runs {
            let end = (at + run.len()).min(log.len());
            let (mut seen, mut expected) = (log[at..end].to_vec(), run.clone());
            if !ordered {
                seen.sort();
                expected.sort();
            }
            prop_assert_eq!(seen, expected, "after {} of {:?}", at, log);
            at = end;
        }
        prop_assert_eq!(at, log.len(), "more than expected: {:?}", log);
        Ok(())
    }
}

impl Model {
    pub(super) fn new(shape: &Shape, path: String, next_leaf: &mut usize) -> Self {
        match shape {
            Shape::Leaf(restart) => {
                *next_leaf += 1;
                Self::Leaf { id: *next_leaf - 1, restart: *restart, ended: false }
            }
            Shape::Branch { strategy, children, .. } => {
                let children = children.iter().enumerate();
                let children = children
                    .map(|(name, child)| Self::new(child, format!("{path}/{name}"), next_leaf))
                    .collect();
                Self::Branch { strategy: *strategy, path, children }
            }
        }
    }

    pub(super) fn alive(&self) -> Vec<usize> {
        match self {
            Self::Leaf { ended: true, .. } => Vec::new(),
            Self::Leaf { id, .. } => vec![*id],
            Self::Branch { children, .. } => children.iter().flat_map(Self::alive).collect(),
        }
    }

    /// A life that begins knows nothing of what had ended in the one before.
    pub(super) fn begin(&mut self) -> Vec<Event> {
        match self {
            Self::Leaf { id, ended, .. } => {
                *ended = false;
                vec![Event::Begun(*id)]
            }
            Self::Branch { children, .. } => children.iter_mut().flat_map(Self::begin).collect(),
        }
    }

    /// Told to stop by its supervisor, which will begin it again: except what is temporary.
    fn stop(&mut self) -> Vec<Event> {
        let gone = self.alive().into_iter().rev().map(Event::Gone).collect();
        if let Self::Leaf { restart: Restart::Temporary, ended, .. } = self {
            *ended = true;
        }
        gone
    }

    fn has_ended(&self) -> bool {
        matches!(self, Self::Leaf { ended: true, .. })
    }

    pub(super) fn branches(&self) -> Vec<String> {
        let Self::Branch { children, path, .. } = self else { return Vec::new() };
        let own = (!path.is_empty()).then(|| path.clone());
        own.into_iter().chain(children.iter().flat_map(Self::branches)).collect()
    }

    /// The one that `is_hit` ends with `exit`: adds what has to follow to `expected`. True when it was found.
    pub(super) fn blow(
        &mut self,
        is_hit: &dyn Fn(&Model) -> bool,
        exit: &Exit,
        expected: &mut Expected,
    ) -> bool {
        let Self::Branch { strategy, children, .. } = self else { return false };
        let Some(hit) = children.iter().position(is_hit) else {
            return children.iter_mut().any(|child| child.blow(is_hit, exit, expected));
        };
        expected.in_any_order(children[hit].alive().into_iter().map(Event::Gone).collect());
        if let Self::Leaf { restart, ended, .. } = &mut children[hit]
            && !restart.wants(exit)
        {
            *ended = true;
            return true;
        }
        let also_hit = match strategy {
            Strategy::OneForOne => hit + 1..hit + 1,
            Strategy::RestForOne => hit + 1..children.len(),
        };
        expected.in_order(
            children[also_hit.clone()].iter_mut().rev().flat_map(Self::stop_unless_ended).collect(),
        );
        expected.in_order(children[hit].begin());
        let rest = children[also_hit].iter_mut().filter(|child| !child.has_ended());
        expected.in_order(rest.flat_map(Self::begin).collect());
        true
    }

    fn stop_unless_ended(&mut self) -> Vec<Event> {
        if self.has_ended() { Vec::new() } else { self.stop() }
    }
}
