//! Everything at once: a queue that loses and repeats, clients that come and go, a register that dies.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt;
use botberi::actors::event_consumers::BusEvent;
use botberi::actors::system::inject_panic;
use botberi::models::UserId;

use super::replica::{Client, Log, Replica, eventually, settings};

const EVENTS: usize = 3000;

/// Random, and the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A user's client: what it was sent, in all of its sessions.
struct Listener {
    user: UserId,
    seen: Vec<i64>,
    cursor: i64,
}

impl Listener {
    /// Reads frames for a while, and checks each session's promises.
    async fn listen(&mut self, socket: &mut Client, frames: u64) {
        for _ in 0..frames {
            let Ok(next) = tokio::time::timeout(Duration::from_millis(30), socket.next()).await else {
                return;
            };
            let Ok(frame) = next else { return };
            match frame["type"].as_str().unwrap() {
                "event" => {
                    let position = frame["position"].as_i64().unwrap();
                    assert!(position > self.cursor, "{position} after {}", self.cursor);
                    assert_eq!(frame["data"]["user_id"], self.user.to_string(), "somebody else's event");
                    self.seen.push(position);
                    self.cursor = position;
                }
                "resumed" => self.cursor = self.cursor.max(frame["to"].as_i64().unwrap()),
                "heartbeat" => self.cursor = self.cursor.max(frame["position"].as_i64().unwrap()),
                "gap" => panic!("nothing was deleted: {frame}"),
                _ => {}
            }
        }
    }
}

/// Commits, and delivers what the queue does not lose; some of it again.
async fn publish(log: Rc<Log>, replica: Rc<Replica>, owners: Vec<UserId>, is_over: Rc<Cell<bool>>) {
    let mut dice = Dice(7);
    let (mut events, mut panics): (Vec<BusEvent>, u32) = (Vec::new(), 0);
    while events.len() < owners.len() {
        let before = events.len();
        let end = (before + 1 + usize::try_from(dice.below(60)).unwrap()).min(owners.len());
        events.extend(log.write(&owners[before..end]).await);
        match dice.below(20) {
            0..3 => {}
            3 => replica.bind().await,
            // More would be beyond the restart budget.
            4 if panics < 4 => {
                panics += 1;
                assert!(inject_panic(&replica.tree, "/ws_sessions"));
                rt::time::sleep(Duration::from_millis(100)).await;
            }
            4..9 => replica.deliver(&events[before.saturating_sub(20)..]).await,
            _ => replica.deliver(&events[before..]).await,
        }
        rt::time::sleep(Duration::from_millis(5)).await;
    }
    replica.bind().await;
    is_over.set(true);
}

async fn come_and_go(
    replica: Rc<Replica>,
    user: UserId,
    seed: u64,
    owned: Vec<i64>,
    is_over: Rc<Cell<bool>>,
) {
    let mut dice = Dice(seed);
    let mut listener = Listener { user, seen: Vec::new(), cursor: 0 };
    let mut quiet_rounds = 0;
    while quiet_rounds < 20 && (!is_over.get() || listener.seen.len() < owned.len()) {
        quiet_rounds += u32::from(is_over.get());
        // Between two lives of the register nobody is let in.
        if let Ok(mut socket) = replica.try_client(user, Some(listener.cursor), "").await {
            listener.listen(&mut socket, 1 + dice.below(200)).await;
        }
        rt::time::sleep(Duration::from_millis(dice.below(20))).await;
    }
    let missing: Vec<&i64> = owned.iter().filter(|position| !listener.seen.contains(position)).collect();
    assert!(missing.is_empty(), "missing {missing:?}; the client stands at {}", listener.cursor);
    assert_eq!(listener.seen, owned);
}

#[actix::test]
async fn whatever_happens_every_client_gets_its_own_events_once_and_in_order() {
    let log = Rc::new(Log::new().await);
    let replica = Rc::new(Replica::start(&log, settings()).await);
    let users: Vec<UserId> = (0..3).map(|_| UserId::new()).collect();
    let mut dice = Dice(42);
    let mut owners = Vec::new();
    owners.resize_with(EVENTS, || users[usize::try_from(dice.below(3)).unwrap()]);
    let is_over = Rc::new(Cell::new(false));

    let mut tasks = vec![rt::spawn(publish(log.clone(), replica.clone(), owners.clone(), is_over.clone()))];
    for seed in 0..6 {
        let user = users[usize::try_from(seed % 3).unwrap()];
        let owned =
            (1..).zip(&owners).filter(|(_, owner)| **owner == user).map(|(position, _)| position).collect();
        tasks.push(rt::spawn(come_and_go(replica.clone(), user, seed, owned, is_over.clone())));
    }
    for task in tasks {
        task.await.unwrap();
    }
    eventually("all seats are given back", async || replica.population() == 0).await;
}
