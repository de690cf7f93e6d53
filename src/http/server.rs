//! One listener: a web server with its limits, bound before anything is served.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer};
use metrics_exporter_prometheus::PrometheusHandle;

use super::client_address::Networks;
use super::extract::BodyLimits;
use super::memory::Memory;
use super::middleware::{HeadLimits, Manners, observe};
use super::unread::bound_unread;
use super::{HttpSettings, ops};
use crate::actors::denials::Denials;
use crate::actors::rate_limits::RateLimiter;
use crate::actors::system::{Node, gather_here};
use crate::models::WebOrigins;

/// What all listeners of a process share.
#[derive(Clone)]
pub struct Common {
    /// What `/readyz` shows.
    pub tree: Arc<Node>,
    /// What `/metrics` shows; `None` when measurements are switched off.
    pub measurements: Option<PrometheusHandle>,
    /// Where requests are counted.
    pub limiter: RateLimiter,
    /// Where what is denied is counted.
    pub denials: Denials,
    /// Where what they hold is counted.
    pub memory: RequestMemory,
    /// How long requests under way may take to end after the server is told to stop.
    pub stop_within: Duration,
}

/// The memory that the requests of all listeners share.
#[derive(Clone, Debug)]
pub struct RequestMemory(Memory);

impl RequestMemory {
    /// As much as is configured; nothing is held yet.
    #[must_use]
    pub fn new(settings: &HttpSettings) -> Self {
        Self(Memory::new(settings.bytes_in_flight_max))
    }
}

/// Binds `address` and makes the server that answers there. It serves once the returned future is polled, and stops by
/// its handle only: signals are the process's matter.
///
/// `label` names the listener in measurements; `routes` mounts what it is for, in every thread anew.
///
/// # Errors
/// When the address cannot be bound. The port of the result is the real one, also where 0 was asked for.
pub fn listen(
    label: &'static str,
    (address, port): (IpAddr, u16),
    settings: &HttpSettings,
    common: Common,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<(SocketAddr, Server)> {
    let limits = BodyLimits {
        bytes_max: settings.json_bytes_max,
        within: Duration::from_millis(settings.body_timeout_ms),
        memory: common.memory.0.clone(),
    };
    let limits = Data::new(limits);
    let workers = match settings.workers {
        0 => available_parallelism().map_or(1, NonZero::get),
        workers => workers,
    };
    let stop_seconds = common.stop_within.as_secs().max(1);
    let (tree, measurements) = (Data::from(common.tree), common.measurements.map(Data::new));
    let limiter = Data::new(common.limiter.clone());
    let manners = Data::new(Manners {
        listener: label,
        head_limits: HeadLimits::new(settings),
        // What cannot be read was refused with the settings.
        origins: WebOrigins::read(&settings.allowed_origins).unwrap_or_default(),
        limiter: common.limiter,
        denials: common.denials,
        memory: common.memory.0,
        proxies: Networks::read(&settings.trusted_proxies).unwrap_or_default(),
    });
    let application = move || {
        gather_here();
        let application = App::new()
            .app_data(manners.clone())
            .app_data(limits.clone())
            .app_data(limiter.clone())
            .app_data(tree.clone())
            .configure(|config| {
                if let Some(measurements) = &measurements {
                    config.app_data(measurements.clone());
                }
            })
            .configure(&routes)
            .configure(ops::configure);
        application.wrap(from_fn(observe))
    };
    let server = HttpServer::new(application)
        .workers(workers)
        .keep_alive(Duration::from_secs(settings.keep_alive_seconds))
        .client_request_timeout(Duration::from_millis(settings.header_timeout_ms))
        .client_disconnect_timeout(Duration::from_millis(settings.disconnect_timeout_ms))
        .max_connections(settings.connections_max.div_ceil(workers))
        .backlog(settings.backlog_max)
        .tcp_nodelay(true)
        .on_connect(bound_unread)
        .shutdown_timeout(stop_seconds)
        .disable_signals()
        .bind((address, port))?;
    let bound = server.addrs().first().copied().ok_or_else(|| io::Error::other("no address was bound"))?;
    Ok((bound, server.run()))
}
