//! The root of a running tree: where its readiness and its end are heard.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::incarnation::live;
use super::node::Node;
use super::running::run;
use super::{Exit, Lifeline, Supervisor};

/// A running tree. Dropped, it takes the tree with it, since nobody is left to hear of its failure.
pub struct Root {
    lifeline: Lifeline,
    standing: watch::Receiver<Standing>,
}

enum Standing {
    Starting,
    Ready,
    Ended(Exit),
}

impl Supervisor {
    /// As the root of the tree under `node`, on this thread.
    pub fn start(self, node: Arc<Node>) -> Root {
        let (tell, standing) = watch::channel(Standing::Starting);
        let tell_ready = tell.clone();
        let on_ready = Box::new(move || {
            tell_ready.send_replace(Standing::Ready);
        });
        // It has no handlers, and so no deadline for them.
        let lifeline = Lifeline::new(node, Duration::MAX, Some(on_ready));
        let own = lifeline.clone();
        actix::spawn(async move {
            let (strategy, children) = (self.strategy, Arc::new(self.children));
            let exit = live(own, move |lifeline| Box::pin(run(strategy, children, lifeline))).await;
            tell.send_replace(Standing::Ended(exit));
        });
        Root { lifeline, standing }
    }
}

impl Root {
    /// Waits until every child has said that it is ready, or the tree has ended first.
    pub async fn ready(&mut self) -> Result<(), Exit> {
        let standing = self.standing.wait_for(|standing| !matches!(standing, Standing::Starting)).await;
        match standing.as_deref() {
            Ok(Standing::Ended(exit)) => Err(exit.clone()),
            Ok(_) => Ok(()),
            Err(_gone) => Err(Exit::Stopped),
        }
    }

    /// Waits for the end of the tree. Anything but [`Exit::Stopped`] has to end the process with a non-zero code.
    pub async fn ended(&mut self) -> Exit {
        let standing = self.standing.wait_for(|standing| matches!(standing, Standing::Ended(_))).await;
        match standing.as_deref() {
            Ok(Standing::Ended(exit)) => exit.clone(),
            _ => Exit::Stopped,
        }
    }

    /// Stops every child in reverse order, each within its own deadline.
    pub async fn stop(mut self) -> Exit {
        self.lifeline.request_stop();
        self.ended().await
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.lifeline.end(Exit::Stopped);
    }
}
