//! One replica on a stage of its own: what most tests begin with.

use toml::Value;

use super::client::Caller;
use super::replica::{ADMIN_PASSWORD, Replica};
use super::stage::Stage;

/// A whole platform for one test.
///
/// Dropped, it waits until everything that was committed is on the bus, then stops in order. It fails the test if an
/// event stays behind, an actor panicked unasked, or the stop took too long.
pub(crate) struct TestApp {
    // In the order in which they have to go.
    pub(crate) replica: Replica,
    pub(crate) stage: Stage,
}

impl TestApp {
    /// With all roles, and nothing in between it and its servers.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings of its own.
    pub(crate) async fn with(own: &[(&str, Value)]) -> Self {
        let stage = Stage::set().await;
        let replica = Replica::start(&stage, false, own).await;
        Self { replica, stage }
    }

    /// With cables that can be cut.
    pub(crate) async fn on_cables(own: &[(&str, Value)]) -> Self {
        let stage = Stage::set().await;
        let replica = Replica::start(&stage, true, own).await;
        Self { replica, stage }
    }

    /// Nobody in particular, at the user API.
    pub(crate) fn stranger(&self) -> Caller {
        Caller::stranger(&self.replica.user_api)
    }

    /// A new user, signed in.
    pub(crate) async fn sign_up(&self, username: &str) -> Caller {
        self.stranger().sign_up(username).await
    }

    /// The administrator, at the administrators' API.
    pub(crate) async fn admin(&self) -> Caller {
        Caller::stranger(&self.replica.admin_api).sign_in("admin", ADMIN_PASSWORD).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(cables) = &self.replica.cables {
            cables.mend();
        }
        assert!(self.stage.is_told_in_the_end(), "something committed is not on the bus");
    }
}
