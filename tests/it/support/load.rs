//! Users who create instances without a pause, whatever happens meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::client::{Caller, id_of, try_answer};
use super::wait::within;

/// The pause after a request that failed: who is told to come back later does not come back at once.
const AFTER_FAILURE: std::time::Duration = std::time::Duration::from_millis(20);

/// Several of them. Dropped, they stop.
pub(crate) struct Load {
    acknowledged: watch::Receiver<Vec<String>>,
    over: Arc<AtomicBool>,
    at: watch::Sender<Caller>,
    users: JoinSet<()>,
}

impl Load {
    /// Begins. `users` requests are under way at any time.
    pub(crate) fn of(caller: &Caller, agent: i64, users: usize) -> Self {
        let (tell, acknowledged) = watch::channel(Vec::new());
        let (tell, over) = (Arc::new(tell), Arc::new(AtomicBool::new(false)));
        let (at, place) = watch::channel(caller.clone());
        let mut load = Self { acknowledged, over, at, users: JoinSet::new() };
        for _ in 0..users {
            load.users.spawn(create_until(load.over.clone(), place.clone(), agent, tell.clone()));
        }
        load
    }

    /// Waits until so many more instances were acknowledged from now on.
    pub(crate) async fn until_more(&self, count: usize) {
        let mut acknowledged = self.acknowledged.clone();
        let wanted = acknowledged.borrow().len() + count;
        let reached = acknowledged.wait_for(|ids| ids.len() >= wanted);
        within(&format!("{count} more creates"), reached).await.expect("the load ended");
    }

    /// Goes on at another replica.
    pub(crate) fn move_to(&self, caller: &Caller) {
        self.at.send_replace(caller.clone());
    }

    /// Stops, and answers with the ids of all that was acknowledged.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(user) = within("a user of the load comes back", self.users.join_next()).await {
            user.unwrap();
        }
        self.acknowledged.borrow().clone()
    }
}

/// Events of 20 kB each of one instance, as plain SQL makes them: titles travel in events.
pub(crate) async fn flood(sql: &Client, instance: &str, events: usize) {
    let change = format!(
        "DO $$ BEGIN FOR n IN 1..{events} LOOP
             UPDATE instances SET title = n || repeat('x', 20000) WHERE id = '{instance}';
         END LOOP; END $$"
    );
    sql.batch_execute(&change).await.unwrap();
}

async fn create_until(
    over: Arc<AtomicBool>,
    place: watch::Receiver<Caller>,
    agent: i64,
    acknowledged: Arc<watch::Sender<Vec<String>>>,
) {
    while !over.load(Ordering::Relaxed) {
        let body = json!({"agent_id": agent, "title": "One of many"});
        let caller = place.borrow().clone();
        let request = caller.request(Method::POST, "/api/v1/instances").json(&body);
        match try_answer(request).await {
            Ok(answer) if answer.status == 201 => {
                acknowledged.send_modify(|ids| ids.push(id_of(&answer.body)));
            }
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{}", answer.body);
                tokio::time::sleep(AFTER_FAILURE).await;
            }
            Err(_broken) => tokio::time::sleep(AFTER_FAILURE).await,
        }
    }
}
