//! The listeners of the configured roles: bound first, served when the actors are ready, stopped before them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::web::ServiceConfig;

use super::AppError;
use super::graph::Handles;
use super::parts::{Callers, Parts};
use crate::actors::system::Node;
use crate::http::admin::{self, AdminApi};
use crate::http::broker::{self, BrokerApi};
use crate::http::identity::Identities;
use crate::http::user::{self, SocketDoor, UploadLimits, UserApi};
use crate::http::{self, Common, HttpSettings, RequestMemory};
use crate::settings::Role;

/// How long requests under way may take to end once we are told to stop.
const REQUESTS_END_WITHIN: Duration = Duration::from_secs(2);

/// Listeners that are bound and not served yet.
pub(super) struct Bound {
    servers: Vec<(Role, SocketAddr, Server)>,
}

/// Listeners that are served.
pub(super) struct Serving {
    addresses: Vec<(Role, SocketAddr)>,
    handles: Vec<ServerHandle>,
}

impl Bound {
    /// Binds what the roles need; a port that is taken is found out before anything else has begun.
    pub(super) fn bind(parts: &Parts, handles: &Handles, tree: &Arc<Node>) -> Result<Self, AppError> {
        let measured = |error| AppError::Settings(format!("metrics: {error}"));
        let measurements =
            if parts.settings.metrics.enabled { Some(http::measurements().map_err(measured)?) } else { None };
        let limiter = handles.limiter.clone();
        let denials = handles.denials.clone();
        let memory = RequestMemory::new(&parts.settings.http);
        let (tree, stop_within) = (tree.clone(), REQUESTS_END_WITHIN);
        let common = Common { tree, measurements, limiter, denials, memory, stop_within };
        let mut bound = Self { servers: Vec::new() };
        if let Some(callers) = &parts.callers {
            bound.bind_apis(parts, handles, callers, &common)?;
        }
        Ok(bound)
    }

    fn bind_apis(
        &mut self,
        parts: &Parts,
        handles: &Handles,
        callers: &Callers,
        common: &Common,
    ) -> Result<(), AppError> {
        let settings = &parts.settings.http;
        let identities = Identities {
            tokens: callers.tokens.clone(),
            gate: handles.gate.clone(),
            policies: callers.policies.clone(),
            known_keys: callers.known_keys.clone(),
            api_keys: handles.api_keys.clone(),
        };
        // Operators and administrators are few: one thread each.
        let quiet = HttpSettings { workers: 1, ..settings.clone() };
        if parts.plays(Role::User) {
            let api = UserApi {
                accounts: handles.accounts.clone(),
                identities: identities.clone(),
                catalog: handles.catalog_view.clone(),
                instances: handles.instances.clone(),
                knowledge: handles.knowledge.clone(),
                uploads: UploadLimits {
                    file_bytes_max: parts.settings.knowledge.file_bytes_max,
                    within: Duration::from_millis(parts.settings.knowledge.upload_timeout_ms),
                },
                teams: handles.teams.clone(),
                sockets: SocketDoor::new(
                    handles.ws_sessions.clone(),
                    &handles.teams,
                    handles.gate.view().clone(),
                    &parts.settings.websocket,
                ),
            };
            let routes = move |config: &mut ServiceConfig| user::configure(config, &api);
            self.bind_one(parts, Role::User, settings.user.port, settings, common, routes)?;
        }
        if parts.plays(Role::Admin) {
            let api = AdminApi {
                accounts: handles.accounts.clone(),
                identities: identities.clone(),
                catalog_editor: handles.catalog_editor.clone(),
                instance_registry: handles.instance_registry.clone(),
                dead_letter_registry: handles.dead_letter_registry.clone(),
                user_registry: handles.user_registry.clone(),
                audit_trail: handles.audit_trail.clone(),
            };
            let routes = move |config: &mut ServiceConfig| admin::configure(config, &api);
            self.bind_one(parts, Role::Admin, settings.admin.port, &quiet, common, routes)?;
        }
        if parts.plays(Role::Broker) {
            let api = BrokerApi { identities: identities.clone(), replayer: handles.replayer.clone() };
            let routes = move |config: &mut ServiceConfig| broker::configure(config, &api);
            self.bind_one(parts, Role::Broker, settings.broker.port, &quiet, common, routes)?;
        }
        Ok(())
    }

    fn bind_one(
        &mut self,
        parts: &Parts,
        role: Role,
        port: u16,
        settings: &HttpSettings,
        common: &Common,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Result<(), AppError> {
        let address = (parts.settings.service.bind_address, port);
        let listener = role.name();
        let listened = http::listen(listener, address, settings, common.clone(), routes);
        let (address, server) =
            listened.map_err(|source| AppError::Listen { listener, port, source: plain(source) })?;
        self.servers.push((role, address, server));
        Ok(())
    }

    /// Begins to serve.
    pub(super) fn serve(self) -> Serving {
        let mut serving = Serving { addresses: Vec::new(), handles: Vec::new() };
        for (role, address, server) in self.servers {
            serving.addresses.push((role, address));
            serving.handles.push(server.handle());
            actix::spawn(async move {
                if let Err(error) = server.await {
                    tracing::error!(listener = role.name(), %error, "a listener ended");
                }
            });
        }
        serving
    }
}

impl Serving {
    /// Where each role listens.
    pub(super) fn addresses(&self) -> &[(Role, SocketAddr)] {
        &self.addresses
    }

    /// Accepts nothing more, and waits a little for requests that are under way.
    pub(super) async fn stop(&self) {
        futures_util::future::join_all(self.handles.iter().map(|handle| handle.stop(true))).await;
    }
}

/// `AddrInUse` and its like say all that there is to say by their kind.
fn plain(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        return io::Error::new(error.kind(), "another process listens there");
    }
    error
}
