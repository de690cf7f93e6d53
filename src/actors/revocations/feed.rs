//! Keeps the view fresh: one connection that listens, and looks at least twice a second.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use super::RevocationView;
use crate::actors::system::Lifeline;
use crate::models::store::credential_changes::{self, ChangedSince};
use crate::models::store::sessions::{self, RevokedSince};
use crate::models::store::{OwnConnection, StoreError, UserDb, UserSide};

/// Between two looks when nothing is heard. A quarter of what a look is good for: three may fail.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long Postgres may take to answer a look. Longer leaves too little of its freshness.
const LOOK_WITHIN: Duration = Duration::from_millis(900);

/// How long the first look of a connection may take: it reads all that still matters, and nobody is locked out meanwhile, for
/// each request asks Redis or Postgres. Shorter never ends where many log out.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(10);

/// Notifications closer together than this are one look, so that a crowd that logs out does not keep Postgres busy.
const BELL_PAUSE: Duration = Duration::from_millis(10);

/// Before a broken connection is made anew.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);

/// What a look has told: of sessions, and of what replicas remember of other credentials.
type Told = (RevokedSince, ChangedSince);

/// Lasts as long as the actor.
pub(super) async fn follow(user_db: UserDb, view: RevocationView, lifeline: Lifeline) {
    loop {
        let reason = listen(&user_db, &view, &lifeline).await;
        tracing::warn!(reason, "revocations are not heard of; each request asks redis or postgres");
        lifeline.impaired(format!("user_psql: {reason}"));
        // Also without Postgres: who starts later does not wait for a server.
        lifeline.ready();
        sleep(RECONNECT_AFTER).await;
    }
}

/// Until the connection ends, and why it did.
async fn listen(user_db: &UserDb, view: &RevocationView, lifeline: &Lifeline) -> String {
    let mut connection = match user_db.own_connection("botberi revocations").await {
        Ok(connection) => connection,
        Err(error) => return error.to_string(),
    };
    match timeout(LOOK_WITHIN, connection.listen()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return error.to_string(),
        Err(_elapsed) => return format!("no answer within {LOOK_WITHIN:?}"),
    }
    // All of it, for this may be another server than before, or another one's history.
    let mut began = Instant::now();
    let mut look = first_look(&connection, lifeline).await;
    loop {
        let (told, changed) = match look {
            Ok(told) => told,
            Err(reason) => return reason,
        };
        view.learn(&told.revocations);
        view.hear(&changed.changes);
        view.complete_as_of(began);
        lifeline.recovered();
        lifeline.ready();
        view.forget_expired(Timestamp::now());
        view.forget_changes();

        match timeout(LOOK_EVERY, connection.bell()).await {
            Ok(None) => return "the connection ended".to_owned(),
            Ok(Some(_bell)) => {
                sleep(BELL_PAUSE).await;
                // Those that rang meanwhile are answered by the same look.
                while let Some(Some(_bell)) = connection.bell().now_or_never() {}
            }
            Err(_elapsed) => {}
        }
        began = Instant::now();
        // Both questions are on their way before the first is answered.
        let looking = timeout(LOOK_WITHIN, async {
            futures_util::try_join!(
                sessions::list_revoked(&connection, told.horizon),
                credential_changes::list_since(&connection, changed.horizon),
            )
        });
        look = told_by(looking.await, LOOK_WITHIN);
    }
}

/// All that still matters. When that takes long it is said, and nobody waits for it.
async fn first_look(connection: &OwnConnection<UserSide>, lifeline: &Lifeline) -> Result<Told, String> {
    let mut looking = pin!(timeout(FIRST_LOOK_WITHIN, async {
        futures_util::try_join!(
            sessions::list_all_revoked(connection),
            credential_changes::list_since(connection, 0),
        )
    }));
    if let Ok(done) = timeout(LOOK_WITHIN, &mut looking).await {
        return told_by(done, LOOK_WITHIN);
    }
    lifeline.impaired("user_psql: all that was revoked is still being read");
    lifeline.ready();
    told_by(looking.await, FIRST_LOOK_WITHIN)
}

fn told_by(look: Result<Result<Told, StoreError>, Elapsed>, within: Duration) -> Result<Told, String> {
    match look {
        Ok(told) => told.map_err(|error| error.to_string()),
        Err(_elapsed) => Err(format!("no answer within {within:?}")),
    }
}
