//! Keeps looking at a server that an actor needs, and shows in the tree whether it is there.
//!
//! Without it an actor would only notice an outage, and its end, when somebody asks it for something.

use std::future::Future;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context};
use tokio::time::sleep;

use super::system::Lifeline;

/// Between two looks. Longer hides short outages and makes readiness late; shorter is a query per replica for nothing.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks as long as the actor lives. `check` has a deadline of its own, and says what is missing.
pub fn watch<A, F>(context: &mut Context<A>, lifeline: &Lifeline, mut check: impl FnMut() -> F + 'static)
where
    A: Actor<Context = Context<A>>,
    F: Future<Output = Result<(), String>> + 'static,
{
    let lifeline = lifeline.clone();
    let looking = async move {
        loop {
            match check().await {
                Ok(()) => lifeline.recovered(),
                Err(missing) => lifeline.impaired(missing),
            }
            sleep(PAUSE).await;
        }
    };
    // In the actor's own context, so that it ends with the actor, and its panic is the actor's.
    context.spawn(actix::fut::wrap_future(looking));
}
