//! Where the configuration comes from, besides the files that are embedded in the program.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::ValueEnum;
use toml::Value;

/// A named set of differences from the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// The development servers with their fixed, well-known accounts.
    Dev,
    /// Anything that matters.
    #[default]
    Prod,
}

/// A value that the command line sets.
#[derive(Clone, Debug)]
pub struct Override {
    /// The flag, as the user wrote it: `--roles`.
    pub flag: String,
    /// The whole key: `service.roles`.
    pub key: String,
    /// The value, of the key's type.
    pub value: Value,
}

/// What was said beside the embedded files; later fields win over earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The profile by flag; without it `BOTBERI_PROFILE`, then `prod`.
    pub profile: Option<Profile>,
    /// The operator's file by flag; without it `BOTBERI_CONFIG`, then none.
    pub file: Option<PathBuf>,
    /// The environment; what does not start with `BOTBERI_` is ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// What flags of the command set.
    pub overrides: Vec<Override>,
}

impl Sources {
    /// The environment of this process and nothing else.
    pub fn from_process() -> Self {
        Self { environment: std::env::vars_os().collect(), ..Self::default() }
    }

    /// Adds a value that stands above every other layer.
    pub fn set(&mut self, flag: &str, key: &str, value: impl Into<Value>) {
        self.overrides.push(Override { flag: flag.to_owned(), key: key.to_owned(), value: value.into() });
    }

    /// The value of a variable that is no key, as `BOTBERI_ADMIN_PASSWORD`; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.environment.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }
}
