//! What the replicas of one test share: a pair of databases, a virtual host, and a tap that hears everything.

use botberi::cli::dev::Endpoints;
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::broker::VirtualHost;
use super::cables::Places;
use super::database::TestDatabases;
use super::log;
use super::servers::servers;
use super::tap::Tap;
use super::wait::{LOOK, PATIENCE, elsewhere, eventually};

/// The stage of one test. It is taken down with it.
pub(crate) struct Stage {
    pub(crate) tap: Tap,
    pub(crate) databases: TestDatabases,
    pub(crate) bus: VirtualHost,
    redis: String,
}

impl Stage {
    /// Empty, with the tap listening.
    pub(crate) async fn set() -> Self {
        Self::set_on(servers(), false).await
    }

    /// The same on servers of a test's own, which will be restarted.
    pub(crate) async fn set_on_own(servers: &Endpoints) -> Self {
        Self::set_on(servers, true).await
    }

    async fn set_on(servers: &Endpoints, lasting: bool) -> Self {
        log::write();
        let databases = TestDatabases::create_on(servers).await;
        let bus = VirtualHost::create(servers).await;
        let tap = Tap::on(&bus.urls(), lasting).await;
        Self { tap, databases, bus, redis: servers.redis.clone() }
    }

    /// Where its servers are.
    pub(crate) fn places(&self) -> Places {
        Places {
            user_postgres: self.databases.user_url("botberi"),
            shared_postgres: self.databases.shared_url("botberi"),
            rabbitmq: self.bus.url(),
            redis: self.redis.clone(),
        }
    }

    /// Somebody who comes to `shared_psql` by plain SQL and may do anything.
    pub(crate) async fn sql(&self) -> Client {
        self.databases.plain("postgres").await
    }

    /// Waits until everything that is committed is confirmed by RabbitMQ and was heard by the tap, and fails unless it
    /// came whole and in order. Answers with the last position.
    pub(crate) async fn until_told(&self) -> i64 {
        let sql = self.sql().await;
        let told = eventually("all events are published", async || last_if_told(&sql).await).await;
        self.tap.until_position(told).await;
        self.tap.assert_whole();
        told
    }

    /// Waits until these instances all have that status.
    pub(crate) async fn until_all(&self, instances: &[String], status: &str) {
        let sql = self.sql().await;
        let query = "SELECT count(*) FROM instances WHERE id::text = ANY($1) AND status = $2";
        let wanted = i64::try_from(instances.len()).unwrap();
        let began = Instant::now();
        loop {
            let there: i64 = sql.query_one(query, &[&instances, &status]).await.unwrap().get(0);
            if there == wanted {
                return;
            }
            if began.elapsed() > PATIENCE {
                panic!(
                    "{there} of {wanted} are {status}; one that is not: {}",
                    stuck(&sql, instances, status).await
                );
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until nothing is left of an instance.
    pub(crate) async fn until_purged(&self, instance: &str) {
        let sql = self.sql().await;
        let query = "SELECT row_to_json(instances)::text FROM instances WHERE id::text = $1";
        let began = Instant::now();
        while let Some(row) = sql.query_opt(query, &[&instance]).await.unwrap() {
            if began.elapsed() > PATIENCE {
                let story = self.tap.story_of(instance);
                panic!("it is still there: {}\n{story}", row.get::<_, String>(0));
            }
            sleep(LOOK).await;
        }
    }

    /// For destructors: waits until all is published, on a thread of its own. False when it never is.
    pub(crate) fn is_told_in_the_end(&self) -> bool {
        let url = self.databases.shared_url("postgres");
        let told = elsewhere(async move || {
            let sql = super::database::connect(&url).await;
            eventually("all events are published", async || last_if_told(&sql).await).await;
        });
        told.is_some()
    }
}

async fn last_if_told(sql: &Client) -> Option<i64> {
    let query = "SELECT last_position FROM publisher_state
                 WHERE published_position = last_position
                     AND NOT EXISTS (SELECT FROM event_outbox WHERE position IS NULL)";
    Some(sql.query_opt(query, &[]).await.unwrap()?.get(0))
}

async fn stuck(sql: &Client, instances: &[String], status: &str) -> String {
    let query = "SELECT row_to_json(instances)::text FROM instances
                 WHERE id::text = ANY($1) AND status <> $2 LIMIT 1";
    let row = sql.query_opt(query, &[&instances, &status]).await.unwrap();
    row.map_or_else(|| "it has no row".to_owned(), |row| row.get(0))
}
