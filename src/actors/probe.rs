//! Keeps looking at a server that an actor needs, and shows in the tree whether it is there.
//!
//! Without it an actor would only notice an outage, and its end, when somebody asks it for something.

use std::future::Future;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context};
use tokio::time::{sleep, timeout};

use super::system::Lifeline;

/// Between two looks. Longer hides short outages and makes readiness late; shorter is a query per replica for nothing.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a server may take to answer a look. Longer hides one that is frozen; shorter calls a busy one away.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Looks as long as the actor lives, and calls it ready after the first look, whatever that has found: an outage is shown,
/// and holds up nobody who starts later.
///
/// `check` says what is missing; `name` is what is missing when it says nothing at all.
pub fn watch<A, F>(
    context: &mut Context<A>,
    lifeline: &Lifeline,
    name: &'static str,
    mut check: impl FnMut() -> F + 'static,
) where
    A: Actor<Context = Context<A>>,
    F: Future<Output = Result<(), String>> + 'static,
{
    let lifeline = lifeline.clone();
    let looking = async move {
        loop {
            match timeout(ANSWER_WITHIN, check()).await {
                Ok(Ok(())) => lifeline.recovered(),
                Ok(Err(missing)) => lifeline.impaired(missing),
                Err(_elapsed) => lifeline.impaired(format!("{name}: no answer within {ANSWER_WITHIN:?}")),
            }
            lifeline.ready();
            sleep(PAUSE).await;
        }
    };
    // In the actor's own context, so that it ends with the actor, and its panic is the actor's.
    context.spawn(actix::fut::wrap_future(looking));
}
