//! Which role may do what, by Rego policies that can be changed while everything runs.
//!
//! - **Owns:** the policy files, as they were read last.
//! - **Receives:** nothing.
//! - **Sends:** nothing: whoever needs to know reads the [`PolicyView`].
//! - **Invariant:** what is in force was compiled and gave an answer for every role and every permission; what did not is
//!   refused as a whole, and what was in force before stays so. What nobody allowed is refused.
//! - **On failure:** the view outlives the actor.
//!
//! A policy is a function of a role and a permission, and there are few of both. So it is asked for all of them when it is
//! read, and a request looks into a table: no policy can be slow, or fail, where somebody waits.

mod files;
mod rules;
mod settings;
mod view;

pub use files::{PolicyError, PolicyFiles};
pub use settings::PolicySettings;
pub use view::{Policy, PolicyView};

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, WrapFuture};
use tokio::time::sleep;

use super::system::Lifeline;

/// Between two looks at the files. Shorter reads them more often; longer keeps whoever changed them waiting.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The actor. Its work is one future.
pub struct Policies {
    files: PolicyFiles,
    view: PolicyView,
    lifeline: Lifeline,
}

impl Policies {
    /// Its name in the tree and that of its handle.
    pub const NAME: &'static str = "policies";

    /// One that keeps `view` as the files say.
    #[must_use]
    pub const fn new(files: PolicyFiles, view: PolicyView, lifeline: Lifeline) -> Self {
        Self { files, view, lifeline }
    }
}

impl Actor for Policies {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(follow(self.files.clone(), self.view.clone()).into_actor(self));
        self.lifeline.ready();
    }
}

/// Lasts as long as the actor. A policy that is refused takes nothing down: it is told in the log and by a measurement.
async fn follow(files: PolicyFiles, view: PolicyView) {
    let mut seen = None;
    loop {
        let (files, known) = (files.clone(), seen);
        // Files may lie on a disk that hangs, and a policy may be written to take long.
        let look = tokio::task::spawn_blocking(move || {
            let found = files.read();
            let print = files::fingerprint(&found);
            (known != Some(print)).then(|| (print, found.and_then(|found| found.compile())))
        });
        match look.await {
            Ok(Some((print, outcome))) => {
                take(&view, outcome);
                seen = Some(print);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "policies could not be looked at"),
        }
        sleep(LOOK_EVERY).await;
    }
}

fn take(view: &PolicyView, outcome: Result<Policy, PolicyError>) {
    let is_refused = match outcome {
        Ok(policy) => {
            if view.put(policy) {
                tracing::info!("another policy is in force");
            }
            false
        }
        Err(error) => {
            tracing::error!(%error, "a policy is refused; the one before stays in force");
            true
        }
    };
    metrics::gauge!("botberi_policy_is_refused").set(if is_refused { 1.0 } else { 0.0 });
}
