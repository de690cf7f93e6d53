//! Fault injection: how tests and chaos runs kill an actor from within, without a line in the actor itself.

use super::Node;

/// Makes the current life of the child at `path` panic at its next step, inside the guard that its own panics meet.
/// At the path of a brood it is the member that was begun last. False where no such child lives. Nothing in production
/// calls this.
pub fn inject_panic(tree: &Node, path: &str) -> bool {
    tree.find(path).is_some_and(|node| node.break_life())
}
