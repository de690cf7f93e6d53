//! Users who make instances and change their minds about them, one thing after the other, and remember what they were told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::calling::PATIENCE;
use super::checker::{Outcome, What, Wish};
use super::wallet::Wallet;

/// The pause after an answer that was none, or no good one.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How many instances one of them has, before more are deleted than made.
const INSTANCES: usize = 25;

/// What all of them share.
pub(super) struct Town {
    pub(super) over: AtomicBool,
    pub(super) agent: i64,
    /// The team that all of them are in now and then, and what is its.
    pub(super) team: String,
    pub(super) shared: Mutex<Vec<String>>,
    /// Everybody's instances, with their users: for those who try to read another's.
    pub(super) known: Mutex<Vec<(String, String)>>,
    /// The longest pause between two requests of one citizen.
    pub(super) pause_ms_max: u64,
}

/// One of them.
pub(super) struct Citizen {
    pub(super) name: String,
    pub(super) user: String,
    pub(super) wallet: Wallet,
    pub(super) town: Arc<Town>,
    pub(super) seed: u64,
}

/// An instance as its user knows it.
struct Own {
    id: String,
    /// It is the team's.
    is_shared: bool,
    tag: Option<String>,
    revision: Option<i64>,
}

impl Citizen {
    /// Until the run is over.
    pub(super) async fn live(self) {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut own: Vec<Own> = Vec::new();
        let mut made = 0;
        while !self.town.over.load(Ordering::Relaxed) {
            let pause = random.random_range(1..=self.town.pause_ms_max);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let is_full = own.len() >= INSTANCES;
            match random.random_range(0..20) {
                0..6 if !is_full => {
                    made += 1;
                    own.extend(self.create(made, &mut random).await);
                }
                0..9 if !own.is_empty() => {
                    let at = random.random_range(0..own.len());
                    if is_full || random.random_bool(0.3) {
                        let gone = own.swap_remove(at);
                        self.until_deleted(&gone, &mut random).await;
                    } else {
                        self.wish(&mut own[at], Wish::Retitle, &mut random).await;
                    }
                }
                9..13 if !own.is_empty() => {
                    let at = random.random_range(0..own.len());
                    self.wish(&mut own[at], Wish::Stop, &mut random).await;
                }
                13..17 if !own.is_empty() => {
                    let at = random.random_range(0..own.len());
                    self.wish(&mut own[at], Wish::Start, &mut random).await;
                }
                17..18 if !own.is_empty() => {
                    let at = random.random_range(0..own.len());
                    if !own[at].is_shared {
                        self.read(&own[at].id).await;
                    }
                }
                _ if random.random_bool(0.4) => self.peek(&mut random).await,
                _ => self.read_shared(&mut random).await,
            }
        }
    }

    /// Asks until it is told that there is one, with the same key each time.
    async fn create(&self, number: usize, random: &mut StdRng) -> Option<Own> {
        let mark = format!("{} {number}", self.name);
        // Without the key, nothing may be sent twice.
        let is_keyed = random.random_bool(0.8);
        let team = random.random_bool(0.3).then_some(&self.town.team);
        loop {
            let body = json!({
                "agent_id": self.town.agent, "title": format!("One of {}", self.name), "user_config": {"mark": mark},
                "team_id": team,
            });
            let mut request = self.request(Method::POST, "/api/v1/instances").json(&body);
            if is_keyed {
                request = request.header("Idempotency-Key", &mark);
            }
            let (outcome, tag) = self.call(request, What::Create { mark: mark.clone() }).await;
            if let Outcome::Done { instance, revision } = outcome {
                if team.is_some() {
                    self.town.shared.lock().unwrap().push(instance.clone());
                } else {
                    self.town.known.lock().unwrap().push((self.user.clone(), instance.clone()));
                }
                return Some(Own { id: instance, is_shared: team.is_some(), tag, revision });
            }
            let is_out = matches!(outcome, Outcome::Refused { status: 404, .. });
            if !is_keyed || is_out || self.town.over.load(Ordering::Relaxed) {
                return None;
            }
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }

    async fn wish(&self, own: &mut Own, wish: Wish, random: &mut StdRng) -> Outcome {
        let path = format!("/api/v1/instances/{}", own.id);
        let mut request = match wish {
            Wish::Start => self.request(Method::POST, &format!("{path}/start")),
            Wish::Stop => self.request(Method::POST, &format!("{path}/stop")),
            Wish::Delete => self.request(Method::DELETE, &path),
            Wish::Retitle => {
                let title = format!("Title {}", random.random_range(0..1_000_000));
                self.request(Method::PATCH, &path).json(&json!({"title": title}))
            }
        };
        let is_conditional = matches!(wish, Wish::Retitle | Wish::Delete) && random.random_bool(0.4);
        let mut if_match = None;
        if let (true, Some(tag)) = (is_conditional, &own.tag) {
            request = request.header("If-Match", tag);
            if_match = own.revision;
        }
        let (outcome, tag) =
            self.call(request, What::Wish { instance: own.id.clone(), wish, if_match }).await;
        match &outcome {
            Outcome::Done { revision, .. } => (own.tag, own.revision) = (tag, *revision),
            Outcome::Refused { .. } => (own.tag, own.revision) = (None, None),
            Outcome::Unknown { .. } | Outcome::Bare { .. } => tokio::time::sleep(AFTER_FAILURE).await,
        }
        outcome
    }

    /// Wishes it deleted until it is said to be, or the run is over.
    async fn until_deleted(&self, own: &Own, random: &mut StdRng) {
        self.town.shared.lock().unwrap().retain(|shared| *shared != own.id);
        let mut own = Own {
            id: own.id.clone(),
            is_shared: own.is_shared,
            tag: own.tag.clone(),
            revision: own.revision,
        };
        loop {
            let is_gone = match self.wish(&mut own, Wish::Delete, random).await {
                Outcome::Done { .. } => true,
                Outcome::Refused { status, .. } => status == 404,
                Outcome::Unknown { .. } | Outcome::Bare { .. } => false,
            };
            if is_gone || self.town.over.load(Ordering::Relaxed) {
                return;
            }
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }

    async fn read(&self, id: &str) {
        let request = self.request(Method::GET, &format!("/api/v1/instances/{id}"));
        self.call(request, What::Read { instance: id.to_owned() }).await;
    }

    async fn peek(&self, random: &mut StdRng) {
        let known = self.town.known.lock().unwrap().choose(random).cloned();
        let Some((_, instance)) = known.filter(|(user, _)| *user != self.user) else { return };
        let request = self.request(Method::GET, &format!("/api/v1/instances/{instance}"));
        self.call(request, What::Peek { instance }).await;
    }

    async fn read_shared(&self, random: &mut StdRng) {
        let Some(instance) = self.town.shared.lock().unwrap().choose(random).cloned() else { return };
        let request = self.request(Method::GET, &format!("/api/v1/instances/{instance}"));
        self.call(request, What::ReadShared { instance }).await;
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.wallet.caller().request(method, path).timeout(PATIENCE)
    }

    /// Sends it and writes down what came of it. Whoever can prove nothing at the moment sends nothing.
    async fn call(&self, request: RequestBuilder, what: What) -> (Outcome, Option<String>) {
        let Some((used, text)) = self.wallet.credential().await else {
            return (Outcome::Unknown { why: "there is no credential".to_owned() }, None);
        };
        let (outcome, answer) =
            self.wallet.sender().send_whole(request.bearer_auth(text), what, Some(used)).await;
        let tag = answer.and_then(|answer| Some(answer.headers.get("etag")?.to_str().ok()?.to_owned()));
        (outcome, tag)
    }
}
