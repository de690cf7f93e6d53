//! Keeps the view fresh: one connection that listens, and looks at least twice a second.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use super::RevocationView;
use crate::actors::system::Lifeline;
use crate::models::store::{UserDb, sessions};

/// Between two looks when nothing is heard. A quarter of what a look is good for: three may fail.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long Postgres may take to answer a look. Longer leaves too little of its freshness.
const LOOK_WITHIN: Duration = Duration::from_millis(900);

/// Notifications closer together than this are one look, so that a crowd that logs out does not keep Postgres busy.
const BELL_PAUSE: Duration = Duration::from_millis(10);

/// Before a broken connection is made anew.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);

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
    let mut horizon = 0;
    loop {
        let began = Instant::now();
        let told = match timeout(LOOK_WITHIN, sessions::list_revoked(&connection, horizon)).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => return error.to_string(),
            Err(_elapsed) => return format!("no answer within {LOOK_WITHIN:?}"),
        };
        view.learn(&told.revocations);
        view.complete_as_of(began);
        horizon = told.horizon;
        lifeline.recovered();
        lifeline.ready();
        view.forget_expired(Timestamp::now());

        match timeout(LOOK_EVERY, connection.bell()).await {
            Ok(None) => return "the connection ended".to_owned(),
            Ok(Some(_bell)) => {
                sleep(BELL_PAUSE).await;
                // Those that rang meanwhile are answered by the same look.
                while let Some(Some(_bell)) = connection.bell().now_or_never() {}
            }
            Err(_elapsed) => {}
        }
    }
}
