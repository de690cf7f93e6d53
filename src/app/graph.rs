//! The actor graph: every child of every role, in start order, one place.

use crate::actors::accounts::{Accounts, AccountsParts};
use crate::actors::api_keys::{ApiKeys, ApiKeysParts};
use crate::actors::audit_sealer::AuditSealer;
use crate::actors::audit_trail::AuditTrail;
use crate::actors::bell::Bell;
use crate::actors::broker::topology;
use crate::actors::catalog::{Catalog, CatalogView};
use crate::actors::catalog_editor::CatalogEditor;
use crate::actors::control::control;
use crate::actors::courier::Courier;
use crate::actors::dead_letter_registry::DeadLetterRegistry;
use crate::actors::dead_letters::{self, RedriverParts};
use crate::actors::denials::{DenialRecorder, Denials};
use crate::actors::embedder::{self, embedder};
use crate::actors::event_consumers::{ConsumerSettings, consumer};
use crate::actors::event_publisher::{EventPublisher, PublisherParts};
use crate::actors::instance_directory::{InstanceDirectory, SweepCall};
use crate::actors::instance_ledger::InstanceLedger;
use crate::actors::instance_registry::InstanceRegistry;
use crate::actors::instances::Instances;
use crate::actors::kb_ingestor::{self, KbCall, KbHints, KbIngestorParts, kb_ingestor};
use crate::actors::knowledge::{Knowledge, KnowledgeParts};
use crate::actors::notify_listener::notify_listener;
use crate::actors::policies::Policies;
use crate::actors::rate_limits::{RateLimiter, RateLimits};
use crate::actors::reaper::Reaper;
use crate::actors::replayer::{Replayer, ReplayerParts};
use crate::actors::replica::{Replica, ReplicaLease};
use crate::actors::retention::{KeptIn, Retention};
use crate::actors::revocations::{Gate, Revocations, RevocationsParts};
use crate::actors::system::{Child, ChildSpec, Handle, Restart, Strategy, Supervisor, actor};
use crate::actors::teams::Teams;
use crate::actors::user_registry::{UserRegistry, UserRegistryParts};
use crate::actors::user_relay::{UserRelay, UserRelayParts};
use crate::actors::ws_sessions::WsSessions;
use crate::models::audit::AuditChain;
use crate::models::store::{Database, SharedSide, UserSide};
use crate::settings::Role;

use super::parts::{Callers, Parts};

/// The addresses that listeners and other actors speak to, and what is read without asking.
pub(super) struct Handles {
    pub(super) bell: Handle<Bell>,
    pub(super) courier: Handle<Courier>,
    pub(super) directory: Handle<InstanceDirectory>,
    pub(super) accounts: Handle<Accounts>,
    pub(super) revocations: Handle<Revocations>,
    pub(super) gate: Gate,
    pub(super) api_keys: Handle<ApiKeys>,
    pub(super) instances: Handle<Instances>,
    pub(super) knowledge: Handle<Knowledge>,
    pub(super) teams: Handle<Teams>,
    pub(super) catalog_editor: Handle<CatalogEditor>,
    pub(super) instance_registry: Handle<InstanceRegistry>,
    pub(super) dead_letter_registry: Handle<DeadLetterRegistry>,
    pub(super) user_registry: Handle<UserRegistry>,
    pub(super) audit_trail: Handle<AuditTrail>,
    pub(super) ws_sessions: Handle<WsSessions>,
    pub(super) replayer: Handle<Replayer>,
    pub(super) catalog_view: CatalogView,
    pub(super) limiter: RateLimiter,
    pub(super) denials: Denials,
}

impl Handles {
    pub(super) fn new(parts: &Parts) -> Self {
        let limits = parts.limits();
        let revocations = Handle::new(Revocations::NAME, limits);
        let view = parts.callers.as_ref().map(|callers| callers.view.clone()).unwrap_or_default();
        let gate = Gate::new(view, revocations.clone());
        Self {
            bell: Handle::new(Bell::NAME, limits),
            courier: Courier::handle(),
            directory: Handle::new(InstanceDirectory::NAME, InstanceDirectory::LIMITS),
            accounts: Handle::new(Accounts::NAME, limits),
            revocations,
            gate,
            api_keys: Handle::new(ApiKeys::NAME, limits),
            instances: Handle::new(Instances::NAME, limits),
            knowledge: Handle::new(Knowledge::NAME, limits),
            teams: Handle::new(Teams::NAME, limits),
            catalog_editor: Handle::new(CatalogEditor::NAME, limits),
            instance_registry: Handle::new(InstanceRegistry::NAME, limits),
            dead_letter_registry: Handle::new(DeadLetterRegistry::NAME, limits),
            user_registry: Handle::new(UserRegistry::NAME, limits),
            audit_trail: Handle::new(AuditTrail::NAME, limits),
            ws_sessions: Handle::new(WsSessions::NAME, limits),
            replayer: Handle::new(Replayer::NAME, limits),
            catalog_view: CatalogView::default(),
            limiter: RateLimiter::new(parts.settings.rate_limits.clone()),
            denials: Denials::default(),
        }
    }
}

/// The root. Whoever feeds others starts first and stops last: the broker outlives the workers, whose last writes it still
/// publishes.
pub(super) fn root(parts: &Parts, handles: &Handles) -> Supervisor {
    let mut root = Supervisor::new(Strategy::OneForOne).with(runtime(parts, handles));
    if parts.plays(Role::Broker) {
        root = root.with(broker(parts, handles));
    }
    if parts.plays(Role::Worker) {
        root = root.with(worker(parts, handles));
    }
    if let Some(callers) = &parts.callers {
        // Whoever signs in, does so through the same accounts, whatever the listener.
        root = root
            .with(revocations(parts, handles, callers))
            .with(accounts(parts, handles, callers))
            .with(api_keys(parts, handles, callers))
            .with(rate_limits(parts, handles, callers))
            .with(denials(parts, handles));
        if parts.plays(Role::User) {
            root = root.with(user(parts, handles, callers));
        }
        if parts.plays(Role::Admin) {
            root = root.with(admin(parts, handles, callers));
        }
    }
    root
}

fn revocations(parts: &Parts, handles: &Handles, callers: &Callers) -> Child {
    let revocations = RevocationsParts {
        user_db: callers.user_db.clone(),
        redis: callers.redis.clone(),
        view: handles.gate.view().clone(),
        access_token_seconds: parts.settings.auth.access_token_seconds,
    };
    actor(parts.spec(Revocations::NAME), &handles.revocations, move |lifeline| {
        Revocations::new(revocations.clone(), lifeline)
    })
}

fn accounts(parts: &Parts, handles: &Handles, callers: &Callers) -> Child {
    let accounts = AccountsParts {
        user_db: callers.user_db.clone(),
        redis: callers.redis.clone(),
        gate: handles.gate.clone(),
        tokens: callers.tokens.clone(),
        settings: parts.settings.auth.clone(),
        ticket_seconds: parts.settings.websocket.ticket_seconds,
    };
    actor(parts.spec(Accounts::NAME), &handles.accounts, move |lifeline| {
        Accounts::new(accounts.clone(), lifeline)
    })
}

fn api_keys(parts: &Parts, handles: &Handles, callers: &Callers) -> Child {
    let api_keys = ApiKeysParts {
        user_db: callers.user_db.clone(),
        redis: callers.redis.clone(),
        known: callers.known_keys.clone(),
        keys_per_user_max: i64::from(parts.settings.auth.api_keys_per_user_max),
    };
    actor(parts.spec(ApiKeys::NAME), &handles.api_keys, move |lifeline| {
        ApiKeys::new(api_keys.clone(), lifeline)
    })
}

/// Asked by nobody: requests look at the limiter that it keeps in step with those of other replicas.
fn rate_limits(parts: &Parts, handles: &Handles, callers: &Callers) -> Child {
    let (limiter, redis) = (handles.limiter.clone(), callers.redis.clone());
    let handle = Handle::new(RateLimits::NAME, parts.limits());
    actor(parts.spec(RateLimits::NAME), &handle, move |lifeline| {
        RateLimits::new(limiter.clone(), redis.clone(), lifeline)
    })
}

/// Asked by nobody: listeners count, and it writes.
fn denials(parts: &Parts, handles: &Handles) -> Child {
    let (denials, shared_db) = (handles.denials.clone(), parts.shared_db.clone());
    let handle = Handle::new(DenialRecorder::NAME, parts.limits());
    actor(parts.spec(DenialRecorder::NAME), &handle, move |lifeline| {
        DenialRecorder::new(denials.clone(), shared_db.clone(), lifeline)
    })
}

fn user(parts: &Parts, handles: &Handles, callers: &Callers) -> Child {
    let (shared_db, bell, view) =
        (parts.shared_db.clone(), handles.bell.clone(), handles.catalog_view.clone());
    let quotas = parts.settings.quotas;
    let websocket = parts.settings.websocket.clone();
    let consumer_settings = parts.own_queue();
    // Asked by nobody but its consumer.
    let catalog = Handle::new(Catalog::NAME, parts.limits());
    let ws_sessions = handles.ws_sessions.clone();
    Supervisor::new(Strategy::OneForOne)
        .with(actor(parts.spec(Catalog::NAME), &catalog, {
            let shared_db = shared_db.clone();
            move |lifeline| Catalog::new(shared_db.clone(), view.clone(), lifeline)
        }))
        .with(actor(parts.spec(Instances::NAME), &handles.instances, {
            let shared_db = shared_db.clone();
            move |lifeline| Instances::new(shared_db.clone(), bell.clone(), quotas, lifeline)
        }))
        .with(knowledge(parts, handles))
        .with(actor(parts.spec(Teams::NAME), &handles.teams, {
            let (user_db, shared_db) = (callers.user_db.clone(), shared_db.clone());
            let (ended, settings) = (handles.gate.view().clone(), parts.settings.teams);
            move |lifeline| Teams::new(user_db.clone(), shared_db.clone(), ended.clone(), settings, lifeline)
        }))
        .with(actor(parts.spec(WsSessions::NAME), &ws_sessions, {
            let (shared_db, ended) = (shared_db.clone(), handles.gate.view().clone());
            move |lifeline| WsSessions::new(shared_db.clone(), websocket.clone(), ended.clone(), lifeline)
        }))
        .with(consumer(
            parts.spec("catalog_changes"),
            consumer_settings.clone(),
            topology::catalog_changes(parts.replica),
            catalog,
            shared_db.clone(),
        ))
        .with(consumer(
            parts.spec("socket_updates"),
            consumer_settings,
            topology::socket_updates(parts.replica),
            // Ten thousand who come at once must not keep away what all of them wait for.
            ws_sessions.lane(1),
            shared_db,
        ))
        .child(parts.subtree("user"))
}

fn admin(parts: &Parts, handles: &Handles, callers: &Callers) -> Child {
    let (shared_db, bell) = (parts.shared_db.clone(), handles.bell.clone());
    let courier = handles.courier.clone();
    let users = UserRegistryParts {
        user_db: callers.user_db.clone(),
        shared_db: parts.shared_db.clone(),
        redis: callers.redis.clone(),
        gate: handles.gate.clone(),
        access_token_seconds: parts.settings.auth.access_token_seconds,
    };
    Supervisor::new(Strategy::OneForOne)
        .with(actor(parts.spec(UserRegistry::NAME), &handles.user_registry, move |lifeline| {
            UserRegistry::new(users.clone(), lifeline)
        }))
        .with(actor(parts.spec(CatalogEditor::NAME), &handles.catalog_editor, {
            let (shared_db, bell) = (shared_db.clone(), bell.clone());
            move |lifeline| CatalogEditor::new(shared_db.clone(), bell.clone(), lifeline)
        }))
        .with(actor(parts.spec(InstanceRegistry::NAME), &handles.instance_registry, {
            let shared_db = shared_db.clone();
            move |lifeline| InstanceRegistry::new(shared_db.clone(), bell.clone(), courier.clone(), lifeline)
        }))
        .with(actor(parts.spec(DeadLetterRegistry::NAME), &handles.dead_letter_registry, move |lifeline| {
            DeadLetterRegistry::new(shared_db.clone(), lifeline)
        }))
        .with(audit_trail(parts, handles, callers))
        .with(sealer(
            parts,
            AuditSealer::<UserSide, SharedSide>::NAME,
            AuditChain::User,
            callers.user_db.clone(),
            parts.shared_db.clone(),
        ))
        .with(sealer(
            parts,
            AuditSealer::<SharedSide, UserSide>::NAME,
            AuditChain::Shared,
            parts.shared_db.clone(),
            callers.user_db.clone(),
        ))
        .child(parts.subtree("admin"))
}

fn audit_trail(parts: &Parts, handles: &Handles, callers: &Callers) -> Child {
    let (user_db, shared_db) = (callers.user_db.clone(), parts.shared_db.clone());
    actor(parts.spec(AuditTrail::NAME), &handles.audit_trail, move |lifeline| {
        AuditTrail::new(user_db.clone(), shared_db.clone(), lifeline)
    })
}

/// Asked by nobody.
fn sealer<Own: Unpin + 'static, Other: Unpin + 'static>(
    parts: &Parts,
    name: &'static str,
    chain: AuditChain,
    own: Database<Own>,
    other: Database<Other>,
) -> Child {
    let handle = Handle::new(name, parts.limits());
    actor(parts.spec(name), &handle, move |lifeline| {
        AuditSealer::new(chain, own.clone(), other.clone(), lifeline)
    })
}

fn runtime(parts: &Parts, handles: &Handles) -> Child {
    let shared_db = parts.shared_db.clone();
    let kept = KeptIn::Shared(shared_db.clone());
    let mut runtime = Supervisor::new(Strategy::OneForOne)
        .with(actor(parts.spec(Bell::NAME), &handles.bell, move |lifeline| {
            Bell::new(shared_db.clone(), lifeline)
        }))
        .with(retention(parts, Retention::SHARED, kept));
    if parts.plays(Role::Worker) || parts.plays(Role::Admin) {
        let rabbitmq = parts.settings.rabbitmq.clone();
        runtime = runtime.with(actor(parts.spec(Courier::NAME), &handles.courier, move |lifeline| {
            Courier::new(rabbitmq.clone(), lifeline)
        }));
    }
    if let Some(callers) = &parts.callers {
        runtime = runtime
            .with(retention(parts, Retention::USER, KeptIn::User(callers.user_db.clone())))
            .with(policies(parts, callers));
    }
    runtime.child(parts.subtree("runtime"))
}

fn policies(parts: &Parts, callers: &Callers) -> Child {
    let (files, view) = (parts.settings.policies.files(), callers.policies.clone());
    // Asked by nobody.
    let handle = Handle::new(Policies::NAME, parts.limits());
    actor(parts.spec(Policies::NAME), &handle, move |lifeline| {
        Policies::new(files.clone(), view.clone(), lifeline)
    })
}

fn retention(parts: &Parts, name: &'static str, kept_in: KeptIn) -> Child {
    let settings = parts.settings.retention.clone();
    // Asked by nobody.
    let handle = Handle::new(name, parts.limits());
    actor(parts.spec(name), &handle, move |lifeline| {
        Retention::new(kept_in.clone(), settings.clone(), lifeline)
    })
}

/// On a thread of its own: events must not wait for requests.
fn broker(parts: &Parts, handles: &Handles) -> Child {
    let handle = Handle::new(EventPublisher::NAME, parts.limits());
    let publisher = PublisherParts {
        replica: parts.replica,
        shared_db: parts.shared_db.clone(),
        rabbitmq: parts.settings.rabbitmq.clone(),
        settings: parts.settings.event_publisher.clone(),
    };
    let replayer = ReplayerParts {
        replica: parts.replica,
        shared_db: parts.shared_db.clone(),
        rabbitmq: parts.settings.rabbitmq.clone(),
        settings: parts.settings.replayer.clone(),
    };
    let redriver =
        RedriverParts { shared_db: parts.shared_db.clone(), rabbitmq: parts.settings.rabbitmq.clone() };
    let backoff = parts.settings.rabbitmq.backoff();
    let mut broker = Supervisor::new(Strategy::OneForOne)
        .with(actor(parts.spec(EventPublisher::NAME), &handle, move |lifeline| {
            EventPublisher::new(publisher.clone(), lifeline)
        }))
        .with(notify_listener(parts.spec("notify_listener"), parts.shared_db.clone(), backoff, handle))
        .with(actor(parts.spec(Replayer::NAME), &handles.replayer, move |lifeline| {
            Replayer::new(replayer.clone(), lifeline)
        }))
        .with(dead_letters::drain(
            parts.spec("dead_letters"),
            parts.settings.rabbitmq.clone(),
            parts.shared_db.clone(),
        ))
        .with(dead_letters::redriver(parts.spec("redriver"), redriver));
    if let Some(callers) = &parts.callers {
        broker = broker.with(user_relay(parts, handles, callers));
    }
    broker.child_on_own_thread(parts.subtree("broker"))
}

fn user_relay(parts: &Parts, handles: &Handles, callers: &Callers) -> Child {
    let relay = UserRelayParts {
        user_db: callers.user_db.clone(),
        shared_db: parts.shared_db.clone(),
        bell: handles.bell.clone(),
        access_token_seconds: parts.settings.auth.access_token_seconds,
    };
    // Asked by nobody.
    let handle = Handle::new(UserRelay::NAME, parts.limits());
    actor(parts.spec(UserRelay::NAME), &handle, move |lifeline| UserRelay::new(relay.clone(), lifeline))
}

fn knowledge(parts: &Parts, handles: &Handles) -> Child {
    let knowledge = KnowledgeParts {
        shared_db: parts.shared_db.clone(),
        bell: handles.bell.clone(),
        outbound: parts.outbound.clone(),
        quotas: parts.settings.quotas,
        settings: parts.settings.knowledge,
        embedder: parts.embedder.clone(),
    };
    actor(parts.spec(Knowledge::NAME), &handles.knowledge, move |lifeline| {
        Knowledge::new(knowledge.clone(), lifeline)
    })
}

/// On a thread of its own: a hundred thousand supervisors must not stand between a request and its answer.
fn worker(parts: &Parts, handles: &Handles) -> Child {
    let settings = parts.settings.worker.clone();
    let lease = ReplicaLease::new(parts.replica, settings.lease_ms);
    let sweep_call = SweepCall::default();
    let replica: Handle<Replica> = Handle::new(Replica::NAME, parts.limits());
    let ledger = Handle::new(InstanceLedger::NAME, InstanceLedger::LIMITS);
    let (directory, courier) = (handles.directory.clone(), handles.courier.clone());
    let reaper: Handle<Reaper> = Handle::new(Reaper::NAME, parts.limits());
    let consumer_settings =
        ConsumerSettings { rabbitmq: parts.settings.rabbitmq.clone(), prefetch: settings.prefetch };
    let (shared_db, bell) = (parts.shared_db.clone(), handles.bell.clone());
    let (kb_call, kb_hints) = (KbCall::default(), Handle::new(KbHints::NAME, parts.limits()));
    let readers = KbIngestorParts {
        shared_db: shared_db.clone(),
        bell: bell.clone(),
        lease: lease.clone(),
        outbound: parts.outbound.clone(),
        extractor: parts.extractor.clone(),
        call: kb_call.clone(),
        entries_max: parts.settings.quotas.knowledge_entries_max,
        bytes_max: parts.settings.quotas.knowledge_bytes_max,
        settings: parts.settings.kb_ingestor.clone(),
    };

    let worker = Supervisor::new(Strategy::OneForOne)
        .with(actor(parts.spec(Replica::NAME), &replica, {
            let (shared_db, lease, settings) = (shared_db.clone(), lease.clone(), settings.replica());
            let roles = parts.role_names();
            move |lifeline| {
                Replica::new(shared_db.clone(), roles.clone(), lease.clone(), settings.clone(), lifeline)
            }
        }))
        .with(actor(parts.spec(InstanceLedger::NAME), &ledger, {
            let (shared_db, lease, bell) = (shared_db.clone(), lease.clone(), bell.clone());
            let deadline_ms = settings.provisioning_deadline_ms;
            move |lifeline| {
                InstanceLedger::new(shared_db.clone(), lease.clone(), bell.clone(), deadline_ms, lifeline)
            }
        }))
        .with(actor(parts.subtree(InstanceDirectory::NAME), &directory, {
            let (shared_db, ledger, lease) = (shared_db.clone(), ledger.clone(), lease.clone());
            let (sweep_call, settings) = (sweep_call.clone(), settings.clone());
            let supervisors = ChildSpec { restart: Restart::Transient, ..parts.spec("instances") };
            move |lifeline| {
                let (sweep_call, supervisors) = (sweep_call.clone(), supervisors.clone());
                let (shared_db, ledger, lease) = (shared_db.clone(), ledger.clone(), lease.clone());
                InstanceDirectory::new(
                    shared_db,
                    ledger,
                    courier.clone(),
                    lease,
                    sweep_call,
                    supervisors,
                    &settings,
                    lifeline,
                )
            }
        }))
        .with(actor(parts.spec(Reaper::NAME), &reaper, {
            let (shared_db, directory) = (shared_db.clone(), directory.clone());
            move |lifeline| {
                let (directory, bell) = (directory.clone(), bell.clone());
                let (lease, sweep_call) = (lease.clone(), sweep_call.clone());
                Reaper::new(shared_db.clone(), directory, bell, lease, sweep_call, &settings, lifeline)
            }
        }))
        .with(consumer(
            parts.spec("instance_hints"),
            consumer_settings.clone(),
            topology::instance_hints(),
            directory.clone(),
            shared_db.clone(),
        ))
        .with(actor(parts.spec(KbHints::NAME), &kb_hints, {
            let call = kb_call.clone();
            move |lifeline| KbHints::new(call.clone(), lifeline)
        }))
        .with(kb_ingestor(parts.subtree(kb_ingestor::NAME), &parts.spec("reader"), &readers))
        .with(consumer(
            parts.spec("kb_ingest"),
            consumer_settings,
            topology::kb_ingest(),
            kb_hints,
            shared_db.clone(),
        ))
        .with(control(parts.spec("control"), parts.settings.rabbitmq.clone(), parts.replica, directory));
    let worker = match &parts.embedder {
        Some(provider) => worker.with(embedder(parts.spec(embedder::NAME), shared_db, provider.clone())),
        None => worker,
    };
    worker.child_on_own_thread(parts.subtree("worker"))
}
