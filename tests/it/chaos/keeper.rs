//! Somebody who owns the team, and takes the others in and out again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::json;

use super::calling::PATIENCE;
use super::checker::{Outcome, What};
use super::citizens::Town;
use super::wallet::Wallet;

/// Each change ends the sessions of one user: not so often that none of them lives for long.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 2_000..=8_000;

pub(super) struct Keeper {
    pub(super) wallet: Wallet,
    pub(super) town: Arc<Town>,
    /// The others, and whether they are in, as far as is known.
    pub(super) others: Vec<(String, bool)>,
    pub(super) seed: u64,
}

impl Keeper {
    /// Until the run is over. All are taken in at first.
    pub(super) async fn keep(mut self) {
        let mut random = StdRng::seed_from_u64(self.seed);
        for at in 0..self.others.len() {
            self.change(at).await;
        }
        while !self.town.over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(random.random_range(PAUSE_MS))).await;
            let at = random.random_range(0..self.others.len());
            self.change(at).await;
        }
    }

    /// Takes in who is out, and out who is in. What is not answered is tried the other way the next time.
    async fn change(&mut self, at: usize) {
        let Some((used, text)) = self.wallet.credential().await else { return };
        let (member, is_in) = self.others[at].clone();
        let path = format!("/api/v1/teams/{}/members/{member}", self.town.team);
        let method = if is_in { Method::DELETE } else { Method::PUT };
        let request = self.wallet.caller().request(method, &path).timeout(PATIENCE).bearer_auth(text);
        let (request, what) = if is_in {
            (request, What::Leave { member })
        } else {
            (request.json(&json!({"role": "developer"})), What::Join { member })
        };
        let (outcome, _) = self.wallet.sender().send(request, what, Some(used)).await;
        let was_refused = matches!(outcome, Outcome::Refused { status, .. } if status != 404);
        if !was_refused {
            self.others[at].1 = !is_in;
        }
    }
}
