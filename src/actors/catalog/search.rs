//! What a reader of the catalog looks for.

use crate::models::Agent;
use crate::models::search::{Words, fold};

/// Which agents a list shows; what is not set leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogFilter {
    /// Only those with all of these words in their title, description, category and capabilities.
    pub words: Words,
    /// Only those of that category, folded.
    pub category: Option<String>,
    /// Only those that say they have that capability, folded.
    pub capability: Option<String>,
}

/// What is searched of one agent, folded once for each snapshot it is in.
pub(super) struct Searched {
    text: String,
    category: Option<String>,
    capabilities: Vec<String>,
}

impl Searched {
    pub(super) fn of(agent: &Agent) -> Self {
        let description = agent.content.get("description").and_then(|text| text.as_str());
        let capabilities = agent.capabilities();
        // Lines, so that no word is found across the end of one text and the beginning of the next.
        let mut lines = vec![agent.title.as_str()];
        lines.extend(description);
        lines.extend(agent.category());
        lines.extend(&capabilities);
        Self {
            text: fold(&lines.join("\n")),
            category: agent.category().map(fold),
            capabilities: capabilities.iter().map(|capability| fold(capability)).collect(),
        }
    }

    pub(super) fn fits(&self, filter: &CatalogFilter) -> bool {
        let of_category = |wanted: &String| self.category.as_ref() == Some(wanted);
        filter.category.as_ref().is_none_or(of_category)
            && filter.capability.as_ref().is_none_or(|wanted| self.capabilities.contains(wanted))
            && filter.words.are_in(&self.text)
    }
}
