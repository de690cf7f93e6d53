//! What actors are built from: databases, settings turned into what they mean, and this process's identity.

use std::time::Duration;

use super::AppError;
use crate::actors::system::{AskLimits, Backoff, ChildSpec, Intensity};
use crate::models::ReplicaId;
use crate::models::store::{self, SharedDb, UserDb};
use crate::settings::{Role, Settings, StoreSettings, SupervisionSettings};

/// Everything that the graph is built from.
pub(super) struct Parts {
    pub(super) settings: Settings,
    pub(super) replica: ReplicaId,
    pub(super) shared_db: SharedDb,
    /// Only roles that know their callers have accounts.
    pub(super) user_db: Option<UserDb>,
}

impl Parts {
    pub(super) fn new(settings: Settings) -> Result<Self, AppError> {
        let knows_callers = settings.service.roles.iter().copied().any(Role::knows_callers);
        let shared_db = SharedDb::open(&store_settings(&settings.postgres.shared))
            .map_err(|source| AppError::Store { database: "shared_psql", source })?;
        let user_db = if knows_callers {
            let opened = UserDb::open(&store_settings(&settings.postgres.user));
            Some(opened.map_err(|source| AppError::Store { database: "user_psql", source })?)
        } else {
            None
        };
        Ok(Self { settings, replica: ReplicaId::new(), shared_db, user_db })
    }

    pub(super) fn plays(&self, role: Role) -> bool {
        self.settings.service.roles.contains(&role)
    }

    /// A permanent child with the configured budget.
    pub(super) fn spec(&self, name: &'static str) -> ChildSpec {
        self.settings.supervision.spec(name)
    }

    /// The limits of a handle whose actor is asked by requests.
    pub(super) fn limits(&self) -> AskLimits {
        let timeout = Duration::from_millis(self.settings.supervision.handler_deadline_ms);
        AskLimits { timeout, ..AskLimits::default() }
    }
}

impl SupervisionSettings {
    fn spec(&self, name: &'static str) -> ChildSpec {
        let millis = Duration::from_millis;
        let intensity = Intensity {
            restarts_max: usize::try_from(self.max_restarts).unwrap_or(usize::MAX),
            window: millis(self.window_ms),
        };
        ChildSpec {
            intensity,
            backoff: Backoff { min: millis(self.backoff_ms_min), max: millis(self.backoff_ms_max) },
            handler_within: millis(self.handler_deadline_ms),
            stop_within: millis(self.stop_deadline_ms),
            ..ChildSpec::permanent(name)
        }
    }
}

fn store_settings(settings: &StoreSettings) -> store::StoreSettings {
    store::StoreSettings {
        user_url: settings.url.expose().to_owned(),
        shared_url: settings.url.expose().to_owned(),
        pool_size_max: settings.pool_size_max,
        acquire_timeout_ms: settings.acquire_timeout_ms,
        connect_timeout_ms: settings.acquire_timeout_ms,
        statement_timeout_ms: settings.statement_timeout_ms,
        lock_timeout_ms: settings.lock_timeout_ms,
        idle_in_transaction_timeout_ms: settings.idle_in_transaction_timeout_ms,
    }
}
