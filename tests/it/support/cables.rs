//! The cables between one replica and its servers.

use std::net::SocketAddr;
use std::str::FromStr;

use super::proxy::{Cable, FaultProxy};

/// One to each server.
pub(crate) struct Cables {
    pub(crate) user_postgres: FaultProxy,
    pub(crate) shared_postgres: FaultProxy,
    pub(crate) rabbitmq: FaultProxy,
    pub(crate) redis: FaultProxy,
}

/// Where one replica finds its servers.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) user_postgres: String,
    pub(crate) shared_postgres: String,
    pub(crate) rabbitmq: String,
    pub(crate) redis: String,
}

impl Cables {
    /// Sound ones to these places; and where they are found by way of them.
    pub(crate) async fn to(places: &Places) -> (Self, Places) {
        let (user_postgres, user_postgres_place) = lay(&places.user_postgres).await;
        let (shared_postgres, shared_postgres_place) = lay(&places.shared_postgres).await;
        let (rabbitmq, rabbitmq_place) = lay(&places.rabbitmq).await;
        let (redis, redis_place) = lay(&places.redis).await;
        let through = Places {
            user_postgres: user_postgres_place,
            shared_postgres: shared_postgres_place,
            rabbitmq: rabbitmq_place,
            redis: redis_place,
        };
        (Self { user_postgres, shared_postgres, rabbitmq, redis }, through)
    }

    /// All as they should be.
    pub(crate) fn mend(&self) {
        for cable in [&self.user_postgres, &self.shared_postgres, &self.rabbitmq, &self.redis] {
            cable.set(Cable::Sound);
        }
    }
}

/// A sound one to the server of that URL, and the URL by way of it.
pub(crate) async fn lay(url: &str) -> (FaultProxy, String) {
    let start = url.find("127.0.0.1:").unwrap();
    let address = url[start..].split('/').next().unwrap();
    let proxy = FaultProxy::to(SocketAddr::from_str(address).unwrap()).await;
    let through = url.replace(address, &format!("127.0.0.1:{}", proxy.port()));
    (proxy, through)
}
