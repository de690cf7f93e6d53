//! Who may do what is decided by policies, which can be changed while everything runs.

use std::fs;
use std::path::{Path, PathBuf};

use botberi::settings::{Purpose, Settings};
use serde_json::{Value, json};

use crate::support::client::Caller;
use crate::support::replica::{ADMIN_PASSWORD, Replica, sources};
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const AGENTS: &str = "/api/v1/agents";
const INSTANCES: &str = "/api/v1/instances";

/// A folder with the policies of the repository, which goes with it.
struct Policies(PathBuf);

impl Policies {
    fn copied() -> Self {
        let folder = std::env::temp_dir().join(format!("botberi-policies-{}", std::process::id()));
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies");
        fs::create_dir_all(folder.join("data")).unwrap();
        for file in ["authorization.rego", "data/roles.json"] {
            fs::copy(repository.join(file), folder.join(file)).unwrap();
        }
        Self(folder)
    }

    fn settings(&self) -> Vec<(&'static str, toml::Value)> {
        vec![("policies.directory", self.0.to_str().unwrap().into())]
    }

    fn write(&self, file: &str, text: &str) {
        // As whoever deploys it should: never half of it.
        fs::write(self.0.join("new"), text).unwrap();
        fs::rename(self.0.join("new"), self.0.join(file)).unwrap();
    }

    fn change_roles(&self, change: impl FnOnce(&mut Value)) {
        let file = "data/roles.json";
        let mut roles = serde_json::from_slice(&fs::read(self.0.join(file)).unwrap()).unwrap();
        change(&mut roles);
        self.write(file, &roles.to_string());
    }
}

impl Drop for Policies {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// Waits until that path is answered so.
async fn answered(caller: &Caller, path: &str, status: u16) {
    eventually("the policy is in force", async || (caller.get(path).await.status == status).then_some(()))
        .await;
}

#[actix::test]
async fn a_policy_is_changed_while_everything_runs_and_a_broken_one_is_refused() {
    let stage = Stage::set().await;
    let policies = Policies::copied();
    let replica = Replica::start(&stage, false, &policies.settings()).await;
    let ada = Caller::stranger(&replica.user_api).sign_up("ada").await;
    ada.get(AGENTS).await.expect(200);

    policies.change_roles(|roles| roles["roles"]["developer"]["permissions"] = json!(["instance:read"]));
    answered(&ada, AGENTS, 403).await;
    let refused = ada.get(AGENTS).await;
    assert_eq!(refused.problem(403), "forbidden");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("`agent:list`") && detail.contains("`developer`"), "{detail}");
    ada.get(INSTANCES).await.expect(200);

    // Nothing of it is taken over, good data included; what was in force before stays so.
    policies.write("authorization.rego", "package botberi.authorization\nallow if {");
    policies.change_roles(|roles| roles["roles"]["developer"]["permissions"] = json!(["*"]));
    eventually("the refusal is told", async || {
        let metrics =
            ada.request(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        metrics.contains("botberi_policy_is_refused 1").then_some(())
    })
    .await;
    ada.get(AGENTS).await.problem(403);
    ada.get(INSTANCES).await.expect(200);
    ada.get("/readyz").await.expect(200);

    // Not only roles can be asked about.
    policies.write(
        "authorization.rego",
        "package botberi.authorization\nallow if { input.role == \"developer\"; input.permission != \"instance:read\" }",
    );
    answered(&ada, AGENTS, 200).await;
    ada.get(INSTANCES).await.problem(403);
}

#[actix::test]
async fn a_service_with_a_broken_policy_does_not_start_and_says_where_it_is_broken() {
    let stage = Stage::set().await;
    let policies = Policies::copied();
    policies.write("data/roles.json", "{\"roles\": ");
    let settings = Settings::load(&sources(&stage.places(), &policies.settings()), Purpose::Serve);
    let faults = settings.unwrap_err().to_string();
    assert!(faults.contains("policies.directory: ") && faults.contains("roles.json"), "{faults}");
}

#[actix::test]
async fn an_administrator_without_a_permission_is_refused_at_their_own_door_too() {
    let stage = Stage::set().await;
    let policies = Policies::copied();
    policies.change_roles(|roles| roles["roles"]["admin"]["permissions"] = json!(["user:read"]));
    let replica = Replica::start(&stage, false, &policies.settings()).await;
    let root = Caller::stranger(&replica.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
    root.get("/api/v1/users").await.expect(200);
    root.get(AGENTS).await.problem(403);
    root.at(&replica.broker_api).get("/api/v1/outbox").await.problem(403);
}
