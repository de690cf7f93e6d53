//! What actors are built from: databases, settings turned into what they mean, and this process's identity.

use std::time::Duration;

use super::AppError;
use crate::actors::accounts::Tokens;
use crate::actors::api_keys::{KeyHasher, KnownKeys};
use crate::actors::event_consumers::ConsumerSettings;
use crate::actors::policies::PolicyView;
use crate::actors::redis_link::RedisAccess;
use crate::actors::revocations::RevocationView;
use crate::actors::system::{AskLimits, Backoff, ChildSpec, Intensity};
use crate::embeddings::Embedder;
use crate::extraction::Extractor;
use crate::models::ReplicaId;
use crate::models::store::{SharedDb, UserDb};
use crate::outbound::Outbound;
use crate::settings::{Role, Settings, SupervisionSettings};

/// Events of a queue of our own that one message to its reader may carry.
const OWN_QUEUE_PREFETCH: u16 = 256;

/// How long a request waits for an actor. Longer keeps callers waiting for a frozen database; shorter gives up on answers
/// that a restart in between only delays.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// How long a whole subtree may take until it is ready. Children wait for no server, so only a busy machine comes near it.
const SUBTREE_READY_WITHIN: Duration = Duration::from_secs(120);

/// Everything that the graph is built from.
pub(super) struct Parts {
    pub(super) settings: Settings,
    pub(super) replica: ReplicaId,
    pub(super) shared_db: SharedDb,
    /// The one way to addresses that users name.
    pub(super) outbound: Outbound,
    /// Reads documents in processes of their own.
    pub(super) extractor: Extractor,
    /// Makes vectors, if the operator has a provider of them.
    pub(super) embedder: Option<Embedder>,
    /// What it takes to know callers; roles without listeners need none of it.
    pub(super) callers: Option<Callers>,
}

/// Where accounts are, and how credentials are checked.
pub(super) struct Callers {
    pub(super) user_db: UserDb,
    pub(super) redis: RedisAccess,
    pub(super) tokens: Tokens,
    pub(super) policies: PolicyView,
    pub(super) view: RevocationView,
    pub(super) known_keys: KnownKeys,
}

impl Parts {
    pub(super) fn new(settings: Settings) -> Result<Self, AppError> {
        let knows_callers = settings.service.roles.iter().copied().any(Role::knows_callers);
        let shared_db = SharedDb::open(&settings.postgres.shared)
            .map_err(|source| AppError::Store { database: "shared_psql", source })?;
        let outbound = Outbound::new(&settings.outbound);
        let outbound = outbound.map_err(|error| AppError::Settings(format!("outbound.ca_file: {error}")))?;
        let extractor = settings.kb_ingestor.extractor();
        let extractor =
            extractor.map_err(|source| AppError::System { action: "find this program", source })?;
        let embedder = Embedder::new(&settings.embeddings, &settings.outbound).map_err(AppError::Settings)?;
        let callers = if knows_callers { Some(Callers::new(&settings)?) } else { None };
        Ok(Self { settings, replica: ReplicaId::new(), shared_db, outbound, extractor, embedder, callers })
    }

    /// For consumers of a queue of this replica's own: nothing there is delivered twice, so more may be under way.
    pub(super) fn own_queue(&self) -> ConsumerSettings {
        ConsumerSettings { rabbitmq: self.settings.rabbitmq.clone(), prefetch: OWN_QUEUE_PREFETCH }
    }

    pub(super) fn plays(&self, role: Role) -> bool {
        self.settings.service.roles.contains(&role)
    }

    /// For people who look at the replicas.
    pub(super) fn role_names(&self) -> Vec<String> {
        self.settings.service.roles.iter().map(ToString::to_string).collect()
    }

    /// A permanent child with the configured budget.
    pub(super) fn spec(&self, name: &'static str) -> ChildSpec {
        self.settings.supervision.spec(name)
    }

    /// A subtree: its deadlines hold those of all its children, one after the other.
    pub(super) fn subtree(&self, name: &'static str) -> ChildSpec {
        let all = Duration::from_millis(self.settings.service.shutdown_deadline_ms);
        ChildSpec { stop_within: all, ready_within: SUBTREE_READY_WITHIN, ..self.spec(name) }
    }

    /// The limits of a handle whose actor is asked by requests.
    pub(super) fn limits(&self) -> AskLimits {
        let handler = Duration::from_millis(self.settings.supervision.handler_deadline_ms);
        AskLimits { timeout: ASK_WITHIN.min(handler), ..AskLimits::default() }
    }
}

impl Callers {
    fn new(settings: &Settings) -> Result<Self, AppError> {
        let user_db = UserDb::open(&settings.postgres.user)
            .map_err(|source| AppError::Store { database: "user_psql", source })?;
        let client = redis::Client::open(settings.redis.url.expose())
            .map_err(|error| AppError::Settings(format!("redis.url: {error}")))?;
        let redis = RedisAccess { client, timeout: Duration::from_millis(settings.redis.timeout_ms) };
        let seed = settings.auth.signing_seed();
        let seed = seed.ok_or_else(|| AppError::Settings("auth.signing_key is not set".to_owned()))?;
        let tokens = Tokens::new(&seed, &settings.auth.public_keys(), settings.auth.access_token_seconds);
        let policy = settings.policies.files().load();
        let policy = policy.map_err(|error| AppError::Settings(format!("policies.directory: {error}")))?;
        let secret = settings.auth.api_key_secret();
        let secret = secret.ok_or_else(|| AppError::Settings("auth.api_key_secret is not set".to_owned()))?;
        let (policies, view) = (PolicyView::new(policy), RevocationView::default());
        let known_keys = KnownKeys::new(KeyHasher::new(&secret), view.clone());
        Ok(Self { user_db, redis, tokens, policies, view, known_keys })
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
