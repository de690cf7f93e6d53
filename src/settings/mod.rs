//! The configuration: layered, typed, and checked as a whole, so that one start tells every fault there is.
//!
//! `config/default.toml` < `config/<profile>.toml` < the operator's file < `BOTBERI__SECTION__KEY` < flags. The
//! defaults are the schema. The layering is our own because existing crates stop at the first fault; see
//! `docs/decisions/0005-configuration.md`.

mod accounts;
mod effective;
mod layer;
mod required;
mod schema;
mod sections;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

pub use effective::{Effective, effective};
pub use required::Purpose;
pub use sections::*;
pub use sources::{Override, Profile, Sources};

use crate::faults::{Fault, Faults};
use crate::telemetry::TelemetrySettings;
use layer::Entry;
use schema::Schema;

const DEFAULTS: &str = include_str!("../../config/default.toml");
const DEV: &str = include_str!("../../config/dev.toml");
const PROD: &str = include_str!("../../config/prod.toml");

/// Everything that can be configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The profile that the settings were loaded with; not a key.
    #[serde(skip)]
    pub profile: Profile,
    /// What this process is.
    pub service: ServiceSettings,
    /// The listeners.
    pub http: HttpSettings,
    /// The two databases.
    pub postgres: PostgresSettings,
    /// Tickets, rate limits, the revocation list.
    pub redis: RedisSettings,
    /// The event bus.
    pub rabbitmq: RabbitmqSettings,
    /// Tokens and passwords.
    pub auth: AuthSettings,
    /// Which role may do what.
    pub policies: PolicySettings,
    /// From committed rows to events.
    pub event_publisher: EventPublisherSettings,
    /// Windows of the event log that are published once more.
    pub replayer: ReplayerSettings,
    /// How long what grows is kept.
    pub retention: RetentionSettings,
    /// Instances and the lease on them.
    pub worker: WorkerSettings,
    /// Requests of one caller.
    pub rate_limits: RateLimitsSettings,
    /// Requests to addresses that users name.
    pub outbound: OutboundSettings,
    /// What users may have.
    pub quotas: QuotaSettings,
    /// What knowledge bases take in.
    pub knowledge: KnowledgeSettings,
    /// How entries of knowledge bases are read.
    pub kb_ingestor: KbIngestorSettings,
    /// What makes vectors of what stands in knowledge bases.
    pub embeddings: EmbeddingSettings,
    /// How large teams may be.
    pub teams: TeamSettings,
    /// Sockets.
    pub websocket: WebsocketSettings,
    /// The supervision kernel.
    pub supervision: SupervisionSettings,
    /// Log lines.
    pub telemetry: TelemetrySettings,
    /// Measurements.
    pub metrics: MetricsSettings,
}

impl Settings {
    /// Reads all layers and checks the outcome for what it is going to be used for.
    ///
    /// # Errors
    ///
    /// Every fault of every layer and of the whole, at once.
    pub fn load(sources: &Sources, purpose: Purpose) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let profile = profile(sources, &mut faults);
        let Some(defaults) = parse_defaults(&mut faults) else { return Err(faults) };
        let entries = read_layers(sources, profile, &defaults, &mut faults);
        let origins: BTreeMap<&str, &str> =
            entries.iter().map(|entry| (entry.key.as_str(), entry.origin.as_str())).collect();

        let settings = match merge(&defaults, &entries).try_into::<Self>() {
            Ok(settings) => Self { profile, ..settings },
            Err(error) => {
                faults.add("", error.message());
                return Err(faults);
            }
        };

        let mut whole = Faults::default();
        settings.check(&mut whole);
        required::check(&settings, purpose, &mut whole);
        if purpose == Purpose::Serve && profile != Profile::Dev {
            accounts::refuse_fixed(&settings, &mut whole);
        }
        for fault in whole.into_vec() {
            // A key that a layer got wrong has its default here: what follows from that is no news.
            if !faults.has(&fault.key) {
                let origin = origins.get(fault.key.as_str()).copied().unwrap_or_default().to_owned();
                faults.push(Fault { origin, ..fault });
            }
        }
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }

    /// Asks each section, then looks at what no section can see alone.
    fn check(&self, faults: &mut Faults) {
        faults.within("service", |section| self.service.check(section));
        faults.within("http", |section| self.http.check(section));
        faults.within("postgres", |section| self.postgres.check(section));
        faults.within("redis", |section| self.redis.check(section));
        faults.within("rabbitmq", |section| self.rabbitmq.check(section));
        faults.within("auth", |section| self.auth.check(section));
        faults.within("policies", |section| self.policies.check(section));
        faults.within("event_publisher", |section| self.event_publisher.check(section));
        faults.within("replayer", |section| self.replayer.check(section));
        faults.within("retention", |section| self.retention.check(section));
        faults.within("worker", |section| self.worker.check(section));
        faults.within("rate_limits", |section| self.rate_limits.check(section));
        faults.within("outbound", |section| self.outbound.check(section));
        faults.within("quotas", |section| self.quotas.check(section));
        faults.within("knowledge", |section| self.knowledge.check(section));
        faults.within("kb_ingestor", |section| self.kb_ingestor.check(section));
        faults.within("embeddings", |section| self.embeddings.check(section));
        faults.within("teams", |section| self.teams.check(section));
        faults.within("websocket", |section| self.websocket.check(section));
        faults.within("supervision", |section| self.supervision.check(section));
        faults.within("telemetry", |section| self.telemetry.check(section));

        let (one, all) = (self.supervision.stop_deadline_ms, self.service.shutdown_deadline_ms);
        if one > all {
            let problem = format!("must be at most service.shutdown_deadline_ms ({all}), is {one}");
            faults.add("supervision.stop_deadline_ms", problem);
        }
    }
}

fn profile(sources: &Sources, faults: &mut Faults) -> Profile {
    const VARIABLE: &str = "BOTBERI_PROFILE";
    let said = sources.variable(VARIABLE);
    if let (None, Some(name)) = (sources.profile, said) {
        match name.to_str() {
            Some("dev") => return Profile::Dev,
            Some("prod") => return Profile::Prod,
            _ => faults.push(Fault {
                origin: VARIABLE.to_owned(),
                key: String::new(),
                problem: "expected dev or prod".to_owned(),
            }),
        }
    }
    sources.profile.unwrap_or_default()
}

fn parse_defaults(faults: &mut Faults) -> Option<Table> {
    match DEFAULTS.parse() {
        Ok(table) => Some(table),
        Err(error) => {
            faults.add("config/default.toml", toml::de::Error::message(&error));
            None
        }
    }
}

/// The good entries of all layers, the strongest last.
fn read_layers(sources: &Sources, profile: Profile, defaults: &Table, faults: &mut Faults) -> Vec<Entry> {
    let schema = Schema::of(defaults);
    let (name, text) = match profile {
        Profile::Dev => ("config/dev.toml", DEV),
        Profile::Prod => ("config/prod.toml", PROD),
    };
    let mut entries = layer::from_file(name, text, &schema, faults);

    let by_variable = sources.variable("BOTBERI_CONFIG").map(Into::into);
    if let Some(path) = sources.file.clone().or(by_variable) {
        let name = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => entries.extend(layer::from_file(&name, &text, &schema, faults)),
            Err(error) => {
                let problem = format!("cannot be read: {error}");
                faults.push(Fault { origin: name, key: String::new(), problem });
            }
        }
    }

    let mut variables: Vec<_> = sources.environment.iter().collect();
    variables.sort();
    for (name, value) in variables {
        entries.extend(layer::from_variable(&name.to_string_lossy(), value, &schema, faults));
    }
    for Override { flag, key, value } in &sources.overrides {
        entries.extend(layer::from_flag(flag, key, value, &schema, faults));
    }
    entries.retain(|entry| fits(defaults, entry, faults));
    entries
}

/// Whether the typed settings can hold the entry. It is tried alone over the defaults, which are known to be good, so
/// that one entry that does not fit (a port of 70,000, a role that is none) hides no other.
fn fits(defaults: &Table, entry: &Entry, faults: &mut Faults) -> bool {
    let attempt = merge(defaults, std::slice::from_ref(entry)).try_into::<Settings>();
    if let Err(error) = &attempt {
        let Entry { key, origin, .. } = entry;
        let problem = in_plain_words(error.message());
        faults.push(Fault { origin: origin.clone(), key: key.clone(), problem });
    }
    attempt.is_ok()
}

/// Says a number's limits where serde names a Rust type, and leaves out a text that serde would repeat.
fn in_plain_words(message: &str) -> String {
    match message.rsplit(' ').next() {
        Some("u16") => format!("must be from 0 to {}", u16::MAX),
        Some("u32") => format!("must be from 0 to {}", u32::MAX),
        // TOML's whole numbers end where these do, so only the sign can be wrong.
        Some("u64" | "usize") => "must not be negative".to_owned(),
        _ => match message.rsplit_once("`, expected ") {
            Some((_, known)) => format!("expected {known}"),
            None => message.to_owned(),
        },
    }
}

fn merge(defaults: &Table, entries: &[Entry]) -> Table {
    let mut merged = defaults.clone();
    for entry in entries {
        let mut table = &mut merged;
        let mut words: Vec<&str> = entry.key.split('.').collect();
        let last = words.pop().unwrap_or_default();
        for word in words {
            let section = table.entry(word).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(section) = section else { return merged };
            table = section;
        }
        table.insert(last.to_owned(), entry.value.clone());
    }
    merged
}
