//! A TCP proxy that can be told to misbehave: the cable between the program and one of its servers.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the cable does to bytes that pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cable {
    /// Passes them on.
    Sound,
    /// Passes them on, each read later by this much.
    Slow(Duration),
    /// Connections stay open and nothing passes: what a pulled plug looks like.
    Silent,
    /// What the program says passes; what the server answers does not.
    OneWay,
    /// Existing connections are reset and new ones refused after the accept.
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct State {
    cable: Cable,
    /// Grows when every connection of the moment is to be reset, whatever the cable is afterwards.
    resets: u64,
}

/// The proxy, on a thread of its own: it goes on while a test's own thread waits for something. Dropped, it cuts
/// everything.
pub(crate) struct FaultProxy {
    port: u16,
    state: watch::Sender<State>,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 and passes connections on to `upstream`.
    pub(crate) async fn to(upstream: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let (state, seen) = watch::channel(State { cable: Cable::Sound, resets: 0 });
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(accept(listener, upstream, seen));
        });
        Self { port, state }
    }

    /// Where to connect instead.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Changes the cable for all connections, present and future.
    pub(crate) fn set(&self, cable: Cable) {
        self.state.send_modify(|state| {
            state.cable = cable;
            state.resets += u64::from(cable == Cable::Cut);
        });
    }

    /// Resets every connection, once; new ones pass.
    pub(crate) fn drop_connections(&self) {
        self.state.send_modify(|state| state.resets += 1);
    }
}

async fn accept(listener: std::net::TcpListener, upstream: SocketAddr, state: watch::Receiver<State>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let mut connections = JoinSet::new();
    let mut owner = state.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                connections.spawn(connect(client, upstream, state.clone()));
            }
            _gone = owner.wait_for(|_| false) => return,
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, upstream: SocketAddr, mut state: watch::Receiver<State>) {
    let at_first = *state.borrow_and_update();
    if at_first.cable == Cable::Cut {
        return reset(&client);
    }
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let _small_frames_matter = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (up, down) = (state.clone(), state.clone());
    tokio::select! {
        () = copy(&mut from_client, &mut to_server, up, &[Cable::Silent]) => {}
        () = copy(&mut from_server, &mut to_client, down, &[Cable::Silent, Cable::OneWay]) => {}
        _ = state.wait_for(|state| state.resets != at_first.resets) => {}
    }
    for (read, write) in [(from_client, to_client), (from_server, to_server)] {
        if let Ok(stream) = read.reunite(write) {
            reset(&stream);
        }
    }
}

/// A reset, not an orderly end: both sides notice at once, as when a host has crashed and its address is taken over.
fn reset(stream: &TcpStream) {
    let _already_gone = stream.set_zero_linger();
}

async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut state: watch::Receiver<State>,
    held_by: &[Cable],
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(read) = from.read(&mut buffer).await else { return };
        if read == 0 {
            return;
        }
        let cable = state.borrow_and_update().cable;
        if let Cable::Slow(delay) = cable {
            tokio::time::sleep(delay).await;
        }
        if state.wait_for(|state| !held_by.contains(&state.cable)).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
