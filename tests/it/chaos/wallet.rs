//! What somebody acts with: a sign-in that is renewed before its access token ends, and given up now and then; or an API key
//! that is replaced. What is over is tried again, and must not be good any more.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::support::client::{Caller, PASSWORD};

use super::calling::{PATIENCE, Sender};
use super::checker::{Moment, Outcome, Used, What};

/// How long access tokens live in a run: the least that can be configured.
pub(super) const ACCESS_SECONDS: u64 = 30;

/// After so long an access token is renewed, and a key replaced: half of its life is left for an outage.
const RENEWED_AFTER: Duration = Duration::from_secs(15);

/// How often something that is over is tried again, counted in renewals.
const TRESPASSES: f64 = 0.3;

/// How long another replica may take something that is over; the tries come later.
const OVER_EVERYWHERE_AFTER: Duration = Duration::from_secs(3);

/// What may be done with a key.
const PERMISSIONS: [&str; 9] = [
    "account:read",
    "agent:list",
    "agent:execute",
    "event:read",
    "instance:read",
    "instance:create",
    "instance:update",
    "instance:control",
    "instance:delete",
];

/// How somebody proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    SignIn,
    ApiKey,
}

/// One for each who acts. What it does is one thing after the other.
pub(super) struct Wallet {
    username: String,
    /// Where it goes, without any credential.
    caller: Caller,
    sender: Sender,
    proof: Proof,
    state: Mutex<State>,
}

struct State {
    random: StdRng,
    sign_in: Option<SignIn>,
    key: Option<Key>,
    relics: Vec<Relic>,
}

struct SignIn {
    used: Used,
    access: String,
    refresh: String,
    renewed: Moment,
}

struct Key {
    used: Used,
    id: String,
    text: String,
    made: Moment,
}

/// The text of something that is over.
struct Relic {
    used: Used,
    text: String,
    over: Moment,
}

impl Wallet {
    pub(super) fn new(username: &str, caller: Caller, sender: Sender, proof: Proof, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let state = State { random, sign_in: None, key: None, relics: Vec::new() };
        Self { username: username.to_owned(), caller, sender, proof, state: Mutex::new(state) }
    }

    /// Where its owner goes, as a stranger.
    pub(super) const fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Something that is good, with its text; none while none can be had.
    pub(super) async fn credential(&self) -> Option<(Used, String)> {
        let state = &mut *self.state.lock().await;
        self.trespass(state).await;
        self.keep_signed_in(state).await;
        if self.proof == Proof::SignIn {
            let SignIn { used, access, .. } = state.sign_in.as_ref()?;
            let is_good = self.sender.recorder.now() < used.good_until;
            return is_good.then(|| (used.clone(), access.clone()));
        }
        self.keep_a_key(state).await;
        let Key { used, text, .. } = state.key.as_ref()?;
        Some((used.clone(), text.clone()))
    }

    /// Signs out in the middle of something. Answers with when it was told that this is done.
    pub(super) async fn give_up(&self) -> Option<Moment> {
        let state = &mut *self.state.lock().await;
        let sign_in = state.sign_in.take_if(|_| self.proof == Proof::SignIn)?;
        self.sign_out(sign_in, state).await
    }

    async fn keep_signed_in(&self, state: &mut State) {
        let now = self.sender.recorder.now();
        match state.sign_in.take() {
            Some(sign_in) if now < sign_in.renewed + RENEWED_AFTER => state.sign_in = Some(sign_in),
            Some(sign_in) if state.random.random_bool(0.25) => drop(self.sign_out(sign_in, state).await),
            Some(sign_in) => self.renew(sign_in, state).await,
            None => {}
        }
        if state.sign_in.is_none() {
            state.sign_in = self.sign_in().await;
        }
    }

    async fn sign_in(&self) -> Option<SignIn> {
        let credential = self.sender.fresh_name("sign-in");
        let body = json!({"username": self.username, "password": PASSWORD});
        let request = self.request(Method::POST, "/api/v1/auth/login").json(&body);
        let what = What::Begin { credential: credential.clone() };
        let sent = self.sender.recorder.now();
        let (outcome, body) = self.sender.send(request, what, None).await;
        matches!(outcome, Outcome::Done { .. }).then(|| signed_in(credential, sent, &body))
    }

    /// Whoever is not answered does not know which token is good now, and signs in anew.
    async fn renew(&self, sign_in: SignIn, state: &mut State) {
        let sent = self.sender.recorder.now();
        let (outcome, body) = self.refresh(&sign_in, false).await;
        match outcome {
            Outcome::Done { .. } => {
                if state.random.random_bool(TRESPASSES / 3.0) {
                    // The same token again: it ends what the first has just renewed.
                    let (_, _) = self.refresh(&sign_in, true).await;
                } else {
                    state.sign_in = Some(signed_in(sign_in.used.name, sent, &body));
                }
            }
            // Nothing was changed: the same token is good for another try.
            Outcome::Refused { status: 503, .. } => state.sign_in = Some(sign_in),
            Outcome::Refused { .. } | Outcome::Unknown { .. } | Outcome::Bare { .. } => {}
        }
    }

    async fn refresh(&self, sign_in: &SignIn, again: bool) -> (Outcome, Value) {
        let body = json!({"refresh_token": sign_in.refresh});
        let request = self.request(Method::POST, "/api/v1/auth/refresh").json(&body);
        let credential = sign_in.used.name.clone();
        let what = if again { What::Reuse { credential } } else { What::Renew { credential } };
        // A refresh token is good for much longer than any run.
        let used = Used { good_until: Moment::MAX, ..sign_in.used.clone() };
        self.sender.send(request, what, Some(used)).await
    }

    async fn sign_out(&self, sign_in: SignIn, state: &mut State) -> Option<Moment> {
        let request = self.request(Method::POST, "/api/v1/auth/logout").bearer_auth(&sign_in.access);
        let what = What::End { credential: sign_in.used.name.clone() };
        let (outcome, _) = self.sender.send(request, what, Some(sign_in.used.clone())).await;
        let over = self.sender.recorder.now();
        matches!(outcome, Outcome::Done { .. }).then(|| {
            state.relics.push(Relic { used: sign_in.used, text: sign_in.access, over });
            over
        })
    }

    async fn keep_a_key(&self, state: &mut State) {
        let now = self.sender.recorder.now();
        let Some(sign_in) = &state.sign_in else { return };
        let (access, by) = (sign_in.access.clone(), sign_in.used.clone());
        if state.key.as_ref().is_some_and(|key| now < key.made + RENEWED_AFTER) {
            return;
        }
        let Some(key) = self.make_a_key(&access, &by).await else { return };
        let Some(before) = state.key.replace(key) else { return };
        let request = self.request(Method::DELETE, &format!("/api/v1/api-keys/{}", before.id));
        let what = What::End { credential: before.used.name.clone() };
        let (outcome, _) = self.sender.send(request.bearer_auth(&access), what, Some(by)).await;
        if matches!(outcome, Outcome::Done { .. }) {
            let over = self.sender.recorder.now();
            state.relics.push(Relic { used: before.used, text: before.text, over });
        }
    }

    async fn make_a_key(&self, access: &str, by: &Used) -> Option<Key> {
        let made = self.sender.recorder.now();
        let name = self.sender.fresh_name("key");
        let body = json!({"name": name, "permissions": PERMISSIONS});
        let request = self.request(Method::POST, "/api/v1/api-keys").bearer_auth(access).json(&body);
        let what = What::Begin { credential: name.clone() };
        let (outcome, body) = self.sender.send(request, what, Some(by.clone())).await;
        let is_done = matches!(outcome, Outcome::Done { .. });
        let text = |field: &str| body[field].as_str().map(str::to_owned);
        let used = Used { name, good_until: Moment::MAX };
        is_done.then_some(Key { used, id: text("id")?, text: text("key")?, made })
    }

    /// Comes with something that has been over for a while.
    async fn trespass(&self, state: &mut State) {
        let now = self.sender.recorder.now();
        let is_due = state.relics.first().is_some_and(|relic| now > relic.over + OVER_EVERYWHERE_AFTER);
        if !is_due || !state.random.random_bool(TRESPASSES) {
            return;
        }
        let relic = state.relics.remove(0);
        let request = self.request(Method::GET, "/api/v1/users/me").bearer_auth(&relic.text);
        let what = What::Trespass { credential: relic.used.name.clone() };
        let (_, _) = self.sender.send(request, what, Some(relic.used)).await;
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.caller.request(method, path).timeout(PATIENCE)
    }
}

fn signed_in(name: String, sent: Moment, body: &Value) -> SignIn {
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let used = Used { name, good_until: sent + Duration::from_secs(ACCESS_SECONDS) };
    SignIn { used, access: text("access_token"), refresh: text("refresh_token"), renewed: sent }
}
