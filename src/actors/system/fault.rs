//! Fault injection: how tests and chaos runs kill an actor from within, or keep it from its work, without a line in the
//! actor itself.

use super::Node;

/// Makes the current life of the child at `path` panic at its next step, inside the guard that its own panics meet.
/// At the path of a brood it is the member that was begun last. False where no such child lives. Nothing in production
/// calls this.
pub fn inject_panic(tree: &Node, path: &str) -> bool {
    tree.find(path).is_some_and(|node| node.break_life())
}

/// Makes the actor at `path` hang at its next step, as if one of its exclusive handlers waited for something that never
/// comes: it takes no further message until its handler deadline is over. At the path of a brood it is the member that was
/// begun last. False where no actor lives: nothing else has handlers that could hang. Nothing in production calls this.
pub fn inject_hang(tree: &Node, path: &str) -> bool {
    tree.find(path).is_some_and(|node| node.hang_life())
}
