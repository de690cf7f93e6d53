use serde::Deserialize;

use super::PolicyFiles;
use crate::faults::Faults;

/// `[policies]`: which role may do what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySettings {
    /// A folder with Rego files, and JSON files in its folder `data`; empty for what is built in.
    pub directory: String,
}

impl PolicySettings {
    /// Notes policies that could not be put in force.
    pub fn check(&self, faults: &mut Faults) {
        if let Err(error) = self.files().load() {
            faults.add("directory", error.to_string());
        }
    }

    /// Where they are read from.
    #[must_use]
    pub fn files(&self) -> PolicyFiles {
        PolicyFiles::new(&self.directory)
    }
}
