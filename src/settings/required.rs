//! Which keys must be set for what the program is about to do.

use super::layer::variable_of;
use super::{Role, Settings};
use crate::faults::Faults;
use crate::secret::Secret;

/// What the configuration is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Playing the configured roles.
    Serve,
    /// Bringing both schemas up to date; it needs the owners' connection strings and nothing else.
    Migrate,
    /// Writing the catalog from the command line.
    Catalog,
    /// Making accounts from the command line.
    Accounts,
    /// Showing what follows from keys.
    Keys,
    /// Looking at the audit log from the command line.
    Audit,
}

/// Notes each key that is needed and not set.
pub(super) fn check(settings: &Settings, purpose: Purpose, faults: &mut Faults) {
    let Settings { postgres, redis, rabbitmq, auth, service, .. } = settings;
    match purpose {
        Purpose::Migrate => {
            require("postgres.user.owner_url", &postgres.user.owner_url, faults);
            require("postgres.shared.owner_url", &postgres.shared.owner_url, faults);
        }
        Purpose::Catalog => require("postgres.shared.url", &postgres.shared.url, faults),
        Purpose::Keys => {}
        Purpose::Accounts => require("postgres.user.url", &postgres.user.url, faults),
        Purpose::Audit => {
            require("postgres.user.url", &postgres.user.url, faults);
            require("postgres.shared.url", &postgres.shared.url, faults);
        }
        Purpose::Serve => {
            require("postgres.shared.url", &postgres.shared.url, faults);
            require("rabbitmq.url", &rabbitmq.url, faults);
            if service.roles.iter().copied().any(Role::knows_callers) {
                require("postgres.user.url", &postgres.user.url, faults);
                require("redis.url", &redis.url, faults);
                require("auth.signing_key", &auth.signing_key, faults);
            }
        }
    }
}

fn require(key: &str, value: &Secret, faults: &mut Faults) {
    if value.is_empty() {
        faults.add(key, format!("must be set, in a file or as {}", variable_of(key)));
    }
}
