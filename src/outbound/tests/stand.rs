//! What the tests stand on: servers on loopback, names that lead where a test wants, a client that may reach some of it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use hyper::body::Bytes;
use hyper::{HeaderMap, Method};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::outbound::resolve::Resolve;
use crate::outbound::{Answer, Outbound, OutboundError, OutboundSettings, OutgoingRequest};

/// A server that a test opens to users, and so stands for one of the internet.
pub(super) const OPENED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// One that nobody opened.
pub(super) const CLOSED: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The settings of a service that nobody configured, but with shorter times and smaller sizes.
pub(super) fn settings() -> OutboundSettings {
    OutboundSettings {
        allow: Vec::new(),
        ports: vec!["80".to_owned(), "443".to_owned()],
        ca_file: String::new(),
        url_bytes_max: 2_048,
        request_bytes_max: 4_096,
        answer_bytes_max: 10_000,
        connect_timeout_ms: 2_000,
        first_byte_timeout_ms: 2_000,
        total_timeout_ms: 4_000,
        requests_max: 4,
        lookups_max: 4,
    }
}

pub(super) fn client(settings: &OutboundSettings) -> Outbound {
    client_of(settings, &Names::default())
}

pub(super) fn client_of(settings: &OutboundSettings, names: &Names) -> Outbound {
    Outbound::with_resolver(settings, Box::new(names.clone())).unwrap()
}

/// A resolver whose answers are those of the test, one after the other and the last one again and again.
#[derive(Clone, Default)]
pub(super) struct Names {
    answers: Arc<Mutex<Vec<Vec<IpAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl Names {
    pub(super) fn answering(answers: &[&[Ipv4Addr]]) -> Self {
        let answers = answers.iter().map(|answer| answer.iter().map(|address| (*address).into()).collect());
        Self { answers: Arc::new(Mutex::new(answers.collect())), asked: Arc::default() }
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve(&self, _name: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { Some(answers.remove(0)) } else { answers.first().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// A server on loopback, and how many have come to it.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    visitors: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Does `serve` with each connection.
    pub(super) async fn start<F>(place: SocketAddr, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(place).await.unwrap();
        let address = listener.local_addr().unwrap();
        let visitors = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&visitors);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Self { address, visitors, task }
    }

    /// One that is never to be reached, whatever the test does.
    pub(super) async fn canary(port: u16) -> Self {
        Self::start((CLOSED, port).into(), |_stream| async {}).await
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn visitors(&self) -> usize {
        self.visitors.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the head of a request, and whatever came with it.
pub(super) async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut piece = [0; 4_096];
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(bytes) if bytes > 0 => read.extend_from_slice(&piece[..bytes]),
            _ => break,
        }
    }
    String::from_utf8(read).unwrap()
}

pub(super) fn request(client: &Outbound, url: &str) -> OutgoingRequest {
    let url = client.check("url", url).unwrap();
    OutgoingRequest { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new() }
}

pub(super) async fn get(client: &Outbound, url: &str) -> Result<Answer, OutboundError> {
    client.send(request(client, url)).await
}
