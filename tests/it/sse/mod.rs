//! Event streams on the whole platform: the same story as on a socket, told to who can only read.

mod ends;
mod flow;
mod resume;

use crate::support::client::{Caller, id_of};

async fn id_of_user(caller: &Caller) -> String {
    id_of(&caller.get("/api/v1/users/me").await.expect(200))
}
