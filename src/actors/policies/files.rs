//! Where policies are read from.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::rules;
use super::view::Policy;

/// The largest file that is read. A policy of that length would be no policy that anybody could review.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// How many files there may be of each kind.
const FILES_MAX: usize = 64;

/// What is in force when nobody configures anything.
const BUILT_IN: (&str, &str) =
    ("authorization.rego", include_str!("../../../config/policies/authorization.rego"));
const BUILT_IN_DATA: (&str, &str) =
    ("data/roles.json", include_str!("../../../config/policies/data/roles.json"));

/// Why a policy is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PolicyError {
    /// A file or the folder cannot be read.
    #[error("{0}: {1}")]
    Unreadable(String, String),
    /// There is no policy in the folder.
    #[error("{0}: no file there ends in .rego")]
    Empty(String),
    /// A file does not compile, or is no JSON, or contradicts another.
    #[error("{0}: {1}")]
    Broken(String, String),
    /// It says neither yes nor no to something.
    #[error("{0}: {1}")]
    NoAnswer(String, String),
}

/// A folder of policies, or those that are built in.
#[derive(Clone, Debug)]
pub struct PolicyFiles {
    directory: Option<PathBuf>,
}

/// What was found there: names and texts.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Found {
    sources: Vec<(String, String)>,
    data: Vec<(String, String)>,
}

impl Found {
    pub(super) fn compile(self) -> Result<Policy, PolicyError> {
        rules::compile(&self.sources, &self.data)
    }
}

impl PolicyFiles {
    /// The files of that folder; those that are built in if it is empty.
    #[must_use]
    pub fn new(directory: &str) -> Self {
        Self { directory: (!directory.is_empty()).then(|| directory.into()) }
    }

    /// Reads and compiles them.
    ///
    /// # Errors
    /// Why they cannot be put in force.
    pub fn load(&self) -> Result<Policy, PolicyError> {
        self.read()?.compile()
    }

    pub(super) fn read(&self) -> Result<Found, PolicyError> {
        let Some(directory) = &self.directory else {
            let owned = |(name, text): (&str, &str)| vec![(name.to_owned(), text.to_owned())];
            return Ok(Found { sources: owned(BUILT_IN), data: owned(BUILT_IN_DATA) });
        };
        let sources = texts(directory, "rego")?;
        if sources.is_empty() {
            return Err(PolicyError::Empty(directory.display().to_string()));
        }
        let data = directory.join("data");
        let data = if data.exists() { texts(&data, "json")? } else { Vec::new() };
        Ok(Found { sources, data })
    }
}

/// Tells states of the files apart, those that cannot be read included, so that each is told of once.
pub(super) fn fingerprint(found: &Result<Found, PolicyError>) -> u64 {
    let mut hasher = DefaultHasher::new();
    found.hash(&mut hasher);
    hasher.finish()
}

/// The files of a folder with that ending, by name: what they mean must not depend on the order in which a disk has them.
fn texts(directory: &Path, ending: &str) -> Result<Vec<(String, String)>, PolicyError> {
    let unreadable =
        |path: &Path, why: &str| PolicyError::Unreadable(path.display().to_string(), why.to_owned());
    let entries = fs::read_dir(directory).map_err(|error| unreadable(directory, &error.to_string()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let paths: Result<Vec<PathBuf>, _> = paths.collect();
    let mut paths = paths.map_err(|error| unreadable(directory, &error.to_string()))?;
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    if paths.len() > FILES_MAX {
        return Err(unreadable(directory, &format!("more than {FILES_MAX} files")));
    }
    paths.sort();
    let text = |path: PathBuf| match read(&path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(error) => Err(unreadable(&path, &error.to_string())),
    };
    paths.into_iter().map(text).collect()
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let _length = fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Permission, PermissionSet, Role, TeamRole};

    #[test]
    fn what_is_built_in_gives_administrators_all_and_viewers_no_change() {
        let policy = PolicyFiles::new("").load().unwrap();
        assert_eq!(policy.of_role(Role::Admin), PermissionSet::ALL);
        assert_eq!(policy.of_team_role(TeamRole::Owner), PermissionSet::ALL);
        let viewer = policy.of_role(Role::Viewer);
        assert!(viewer.has(Permission::AgentList) && viewer.has(Permission::WorkflowRead));
        let developer = policy.of_role(Role::Developer);
        assert!(developer.has(Permission::AgentExecute) && developer.has(Permission::WorkflowCreate));
        // A viewer may do less than a developer, who may do nothing that is everybody's.
        assert!(viewer.without(developer).is_empty());
        for permission in [Permission::UserManage, Permission::InstanceReadAny, Permission::AgentManage] {
            assert!(!developer.has(permission));
        }
    }

    #[test]
    fn a_folder_without_a_policy_is_refused() {
        let empty = std::env::temp_dir();
        let nowhere = PolicyFiles::new("/nowhere").load().unwrap_err().to_string();
        assert!(nowhere.starts_with("/nowhere: "), "{nowhere}");
        let folder = empty.join(format!("botberi-policies-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let refused = PolicyFiles::new(folder.to_str().unwrap()).load().unwrap_err();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(refused, PolicyError::Empty(folder.display().to_string()));
    }
}
