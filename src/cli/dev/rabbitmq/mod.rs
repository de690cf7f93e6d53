//! RabbitMQ: one node, or a cluster of several, with a port mapper, a cookie and data of their own.

mod epmd;
mod node;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;

use super::error::DevError;
use super::process::ServerProcess;
use super::progress::Server;
use super::startup::Startup;

pub(super) use epmd::start as start_epmd;
pub(super) use node::start as start_node;

/// The node that exists with or without others.
pub(super) const FIRST: u8 = 1;
/// More find no room on one machine, and three are what a cluster needs to bear the loss of one.
pub(super) const NODES_MAX: u8 = 3;

const COOKIE_FILE: &str = ".erlang.cookie";
/// How many nodes the data in the first node's folder know of.
const NODES_FILE: &str = "nodes";

/// Starts the port mapper and all nodes.
///
/// Nodes that have been a cluster before start together, for each waits until it has seen whoever stopped after it. New ones
/// need one to join.
pub(super) fn start(startup: &Startup<'_>) -> Result<Vec<ServerProcess>, DevError> {
    let nodes = startup.spec.rabbitmq_nodes;
    let formed = prepare(startup, nodes)?;
    let mut processes = vec![epmd::start(startup)?];
    let mut together: Vec<u8> = (FIRST..=nodes).collect();
    if !formed {
        processes.push(node::start(startup, FIRST)?);
        together.retain(|node| *node != FIRST);
    }
    processes.extend(start_together(startup, together)?);
    Ok(processes)
}

/// Starts nodes at once; when one fails the others give up, and its error is the one to tell.
fn start_together(startup: &Startup<'_>, nodes: Vec<u8>) -> Result<Vec<ServerProcess>, DevError> {
    let mut started: Vec<Result<ServerProcess, DevError>> = thread::scope(|scope| {
        let start = |node| {
            let started = node::start(startup, node);
            if started.is_err() {
                startup.given_up.store(true, Ordering::Release);
            }
            started
        };
        let starts: Vec<_> = nodes.into_iter().map(|node| scope.spawn(move || start(node))).collect();
        starts.into_iter().flat_map(|start| start.join().ok()).collect()
    });
    started.sort_by_key(|outcome| matches!(outcome, Err(DevError::Cancelled)));
    started.into_iter().collect()
}

/// Makes the folders of all nodes, with one cookie. True when all of them have been started before.
fn prepare(startup: &Startup<'_>, nodes: u8) -> Result<bool, DevError> {
    let first = startup.folder(Server::RabbitMq(FIRST));
    let known = first.join(NODES_FILE);
    let found = match fs::read_to_string(&known) {
        Ok(text) => text.trim().parse().ok(),
        // Data of before there were clusters do not say.
        Err(_) => node::is_complete(&first).then_some(FIRST),
    };
    if let Some(found) = found.filter(|found| *found != nodes) {
        return Err(DevError::ClusterSize { folder: startup.spec.data_dir.clone(), found, wanted: nodes });
    }
    let folder = |node| startup.folder(Server::RabbitMq(node));
    let formed = (FIRST..=nodes).all(|node| node::is_complete(&folder(node)));
    for node in FIRST..=nodes {
        let folder = folder(node);
        if !formed {
            // A first start that was cut short: what one node knows of the others may be half of it.
            node::forget(&folder)?;
        }
        node::prepare(startup, node, &folder)?;
        let cookie = folder.join("home").join(COOKIE_FILE);
        if node == FIRST {
            make_cookie(&cookie)?;
        } else {
            let secret = first.join("home").join(COOKIE_FILE);
            let secret = fs::read_to_string(&secret).map_err(DevError::file("read", &secret))?;
            write_cookie(&cookie, &secret)?;
        }
    }
    fs::write(&known, format!("{nodes}\n")).map_err(DevError::file("write", &known))?;
    Ok(formed)
}

/// Makes the secret that Erlang nodes show each other, once: the data remember it.
fn make_cookie(path: &Path) -> Result<(), DevError> {
    if path.exists() {
        return Ok(());
    }
    let secret: u128 = rand::random();
    write_cookie(path, &format!("{secret:032X}"))
}

fn write_cookie(path: &Path, secret: &str) -> Result<(), DevError> {
    let new = path.with_extension("new");
    // It may be there from a start that was cut short, and cannot be written to again.
    let _there_is_none_as_a_rule = fs::remove_file(&new);
    fs::write(&new, secret)
        .and_then(|()| fs::set_permissions(&new, fs::Permissions::from_mode(0o400)))
        .and_then(|()| fs::rename(&new, path))
        .map_err(DevError::file("write", path))
}
