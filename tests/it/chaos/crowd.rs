//! Everybody who lives through a run, and what each of them is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::client::{Caller, id_of};

use super::calling::Sender;
use super::citizens::{Citizen, Town};
use super::followers::{Follower, Manner};
use super::keeper::Keeper;
use super::lines::Wire;
use super::platform::Platform;
use super::wallet::{Proof, Wallet};

const USERS: [&str; 3] = ["ada", "bea", "eve"];

/// Who takes them into the team, and out.
const KEEPER: &str = "kay";

/// At a time: enough to keep every part at work, not so much that the machine is what is measured.
const CITIZENS_PER_USER: usize = 2;
const PAUSE_MS_MAX: u64 = 250;

/// All of them, at what they do.
pub(super) struct Crowd {
    town: Arc<Town>,
    citizens: JoinSet<()>,
    followers: JoinSet<()>,
    tell_last: watch::Sender<Option<i64>>,
}

/// A user, and where their seeds begin.
struct User<'a> {
    name: &'a str,
    id: String,
    caller: Caller,
    seed: u64,
}

impl Crowd {
    /// Signs them up, and has them begin.
    pub(super) async fn gather(platform: &Platform, seed: u64) -> Self {
        let stranger = Caller::stranger(&platform.edge.url);
        let kay = User::sign_up(&stranger, KEEPER, seed + 300).await;
        let team = kay.caller.post("/api/v1/teams", json!({"name": "All of us"})).await.expect(201);
        let town = Arc::new(Town {
            over: false.into(),
            agent: kay.caller.an_agent().await,
            team: id_of(&team),
            shared: std::sync::Mutex::default(),
            known: std::sync::Mutex::default(),
            pause_ms_max: PAUSE_MS_MAX,
        });
        let (citizens, followers, tell_last) = (JoinSet::new(), JoinSet::new(), watch::channel(None).0);
        let mut crowd = Self { town, citizens, followers, tell_last };
        let mut others = Vec::new();
        for (number, name) in USERS.iter().enumerate() {
            let user = User::sign_up(&stranger, name, seed + number as u64 * 10).await;
            others.push((user.id.clone(), false));
            crowd.add_citizens(platform, number, &user);
            crowd.add_followers(platform, number, &user).await;
        }
        let wallet = kay.wallet(platform, false, Proof::SignIn, 0);
        let keeper = Keeper { wallet, town: crowd.town.clone(), others, seed: kay.seed };
        crowd.citizens.spawn(keeper.keep());
        crowd
    }

    fn add_citizens(&mut self, platform: &Platform, number: usize, user: &User<'_>) {
        for citizen in 0..CITIZENS_PER_USER {
            // One of them is a program.
            let proof = if (number, citizen) == (1, 1) { Proof::ApiKey } else { Proof::SignIn };
            let wallet = user.wallet(platform, false, proof, citizen);
            self.add_citizen(format!("{}-{citizen}", user.name), user, wallet, citizen);
        }
        if number == 0 {
            let wallet = user.wallet(platform, true, Proof::SignIn, 100);
            self.add_citizen(format!("{} directly", user.name), user, wallet, 100);
        }
    }

    fn add_citizen(&mut self, name: String, user: &User<'_>, wallet: Wallet, at: usize) {
        let (town, seed) = (self.town.clone(), user.seed + at as u64);
        self.citizens.spawn(Citizen { name, user: user.id.clone(), wallet, town, seed }.live());
    }

    async fn add_followers(&mut self, platform: &Platform, number: usize, user: &User<'_>) {
        let narrow = Manner::Narrow(id_of(&user.caller.create(self.town.agent).await));
        let mut ways = vec![
            (Wire::Socket, Manner::Swift, false),
            (Wire::Socket, Manner::Slow, false),
            (Wire::Socket, narrow.clone(), false),
            (Wire::Stream, Manner::Swift, false),
            (Wire::Stream, narrow, false),
        ];
        if number == 0 {
            ways.push((Wire::Socket, Manner::Swift, true));
        }
        for (at, (wire, manner, is_direct)) in ways.into_iter().enumerate() {
            let way = if is_direct { "directly" } else { "by the edge" };
            // One of them is a program, too.
            let proof = if (number, at) == (2, 0) { Proof::ApiKey } else { Proof::SignIn };
            let follower = Follower {
                name: format!("{} {wire:?} {manner:?} {way}", user.name),
                wire,
                user: user.id.clone(),
                wallet: user.wallet(platform, is_direct, proof, 200 + at),
                manner,
                last: self.tell_last.subscribe(),
                seed: user.seed + 200 + at as u64,
            };
            self.followers.spawn(follower.follow());
        }
    }

    /// Nobody changes anything any more.
    pub(super) async fn until_citizens_rest(&mut self) {
        self.town.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.citizens.join_next().await {
            ended.unwrap();
        }
    }

    /// The followers have seen all up to there, or had their time.
    pub(super) async fn until_all_is_seen(&mut self, last_position: i64) {
        self.tell_last.send_replace(Some(last_position));
        while let Some(ended) = self.followers.join_next().await {
            ended.unwrap();
        }
    }
}

impl<'a> User<'a> {
    async fn sign_up(stranger: &Caller, name: &'a str, seed: u64) -> Self {
        let caller = stranger.sign_up(name).await;
        Self { name, id: caller.user_id().await, caller, seed }
    }

    /// What one who acts for them acts with, by way of the edge or at the one replica.
    fn wallet(&self, platform: &Platform, is_direct: bool, proof: Proof, at: usize) -> Wallet {
        let url = if is_direct { &platform.replica.user_api } else { &platform.edge.url };
        let kind = if proof == Proof::ApiKey { "api_key" } else { "user" };
        let by = format!("{kind} {}", self.id);
        let sender = Sender { recorder: platform.recorder.clone(), by, is_direct };
        Wallet::new(self.name, Caller::stranger(url), sender, proof, self.seed + at as u64)
    }
}
