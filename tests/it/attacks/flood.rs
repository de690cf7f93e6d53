//! Many callers at once who ask again as soon as they are answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use tokio::task::JoinSet;

use crate::support::client::{Caller, try_answer};

/// The pause of a caller who was refused: a short one.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// What they were answered.
#[derive(Default)]
pub(super) struct Answers {
    /// How long each took, by status.
    by_status: BTreeMap<u16, Vec<Duration>>,
    without_retry_after: usize,
    broken: usize,
}

impl Answers {
    pub(super) fn count(&self, status: u16) -> usize {
        self.by_status.get(&status).map_or(0, Vec::len)
    }

    /// Everybody is answered, with nothing but these statuses, and who is refused is refused in time. Only the few who hold what
    /// the others wait for, at most `slow_max`, may wait longer.
    pub(super) fn assert_in_time(&self, statuses: &[u16], within: Duration, slow_max: usize) {
        let table: Vec<String> = self.by_status.iter().map(|(status, took)| summary(*status, took)).collect();
        eprintln!("{}", table.join("\n"));
        let unexpected: Vec<&u16> =
            self.by_status.keys().filter(|status| !statuses.contains(status)).collect();
        assert!(unexpected.is_empty(), "{unexpected:?}\n{}", table.join("\n"));
        assert_eq!(self.broken, 0, "connections broke");
        assert_eq!(self.without_retry_after, 0, "refusals say when to come again");
        let refusals = [429, 503].iter().filter_map(|status| self.by_status.get(status)).flatten();
        let slow = refusals.filter(|took| **took > within).count();
        assert!(slow <= slow_max, "{slow} were refused later than {within:?}\n{}", table.join("\n"));
    }
}

fn summary(status: u16, took: &[Duration]) -> String {
    let mut sorted = took.to_vec();
    sorted.sort();
    let at =
        |part: usize| sorted.get(sorted.len() * part / 100).or(sorted.last()).copied().unwrap_or_default();
    format!(
        "{status}: {} answers, half within {:?}, 95 % {:?}, the last {:?}",
        sorted.len(),
        at(50),
        at(95),
        at(100)
    )
}

/// `callers` of them, for so long; `request` makes the next request of the so manieth caller.
pub(super) async fn flood(
    caller: &Caller,
    callers: usize,
    lasts: Duration,
    request: impl Fn(&Caller, usize) -> RequestBuilder + Send + Sync + 'static,
) -> Answers {
    let (answers, request) = (Arc::new(Mutex::new(Answers::default())), Arc::new(request));
    let until = Instant::now() + lasts;
    let mut asking = JoinSet::new();
    for index in 0..callers {
        let (caller, answers, request) = (caller.clone(), answers.clone(), request.clone());
        asking.spawn(async move {
            let mut number = index;
            while Instant::now() < until {
                let asked = Instant::now();
                let answer = try_answer(request(&caller, number)).await;
                let took = asked.elapsed();
                number += callers;
                let refused = {
                    let mut answers = answers.lock().unwrap();
                    match &answer {
                        Ok(answer) => {
                            answers.by_status.entry(answer.status).or_default().push(took);
                            let refused = matches!(answer.status, 429 | 503);
                            answers.without_retry_after +=
                                usize::from(refused && !answer.headers.contains_key("retry-after"));
                            refused
                        }
                        Err(_) => {
                            answers.broken += 1;
                            true
                        }
                    }
                };
                if refused {
                    tokio::time::sleep(AFTER_REFUSAL).await;
                }
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
    Arc::into_inner(answers).unwrap().into_inner().unwrap()
}
