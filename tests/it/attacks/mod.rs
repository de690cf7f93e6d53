//! More than a process can take, from every side: it refuses in time, its memory stays bounded, and it is well afterwards.
//!
//! The process is one of its own, so that what it holds can be read: see `watch.rs`. `BOTBERI_TEST_ATTACK_SECONDS` makes each
//! attack longer, for a measurement.

#![expect(clippy::print_stderr, reason = "what was measured is for reading")]

mod bursts;
mod clients;
mod flood;
mod outages;
mod strangers;
mod watch;

use std::time::Duration;

use toml::Value;

use crate::support::cables::Cables;
use crate::support::client::Caller;
use crate::support::program::Program;
use crate::support::replica::RATE_LIMITS;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

/// One process on cables, and somebody who is signed in there.
struct Scene {
    program: Program,
    cables: Cables,
    ada: Caller,
    agent: i64,
    // After the program, which uses its databases.
    stage: Stage,
}

impl Scene {
    async fn set(own: &[(&str, Value)]) -> Self {
        let stage = Stage::set().await;
        let (cables, places) = Cables::to(&stage.places()).await;
        let mut settings: Vec<(&str, Value)> = RATE_LIMITS.iter().map(|key| (*key, Value::from(0))).collect();
        // Not a line for each request: there are thousands.
        settings.extend([
            ("telemetry.filter", "warn,botberi::app=info".into()),
            ("quotas.instances_max", 100_000.into()),
        ]);
        // As in production: the machine is meant to be busy.
        settings.extend([("worker.lease_ms", 10_000.into()), ("worker.beat_ms", 1_000.into())]);
        settings.extend([("redis.timeout_ms", 2_000.into()), ("rabbitmq.connect_timeout_ms", 5_000.into())]);
        settings.extend(own.iter().cloned());
        let program = Program::serve_at(&places, &settings).await;
        let ada = Caller::stranger(&program.user_api).sign_up("ada").await;
        let agent = ada.an_agent().await;
        ada.create(agent).await;
        Self { program, cables, ada, agent, stage }
    }

    /// Waits until it serves as if nothing had been.
    async fn until_well(&self) {
        eventually("it creates again", async || {
            (self.ada.try_create(self.agent).await.status == 201).then_some(())
        })
        .await;
        eventually("it signs in again", async || {
            let login = serde_json::json!({"username": "ada", "password": crate::support::client::PASSWORD});
            (self.ada.post("/api/v1/auth/login", login).await.status == 200).then_some(())
        })
        .await;
        eventually("it says that it is ready", async || {
            (self.ada.get("/readyz").await.status == 200).then_some(())
        })
        .await;
    }
}

/// How long an attack lasts.
fn attack_time() -> Duration {
    let told = std::env::var_os("BOTBERI_TEST_ATTACK_SECONDS");
    let seconds = told.and_then(|text| text.to_str()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(6))
}
