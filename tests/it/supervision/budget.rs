//! What dies too often.

use botberi::actors::system::inject_panic;

use crate::support::replica::Replica;
use crate::support::stage::Stage;

#[tokio::test]
async fn a_part_that_never_comes_to_rest_ends_the_process_instead_of_spinning() {
    let stage = Stage::set().await;
    let few = [("supervision.max_restarts", 1.into())];
    let replica = Replica::start(&stage, false, &few).await;
    let tree = replica.tree.clone();
    let breaking = tokio::spawn(async move {
        loop {
            inject_panic(&tree, "/admin/catalog_editor");
            tokio::task::yield_now().await;
        }
    });
    let exit = replica.ends_by_itself().await;
    breaking.abort();
    assert!(exit.starts_with("ended by itself: failed") && exit.contains("admin"), "{exit}");
}
