//! `botberi dev`: everything on one machine, with servers of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use super::CliError;
use super::dev::{DevError, Endpoints, Requests, Servers, ServersCommand, ServersSpec};
use crate::app::{self, App};
use crate::settings::{Profile, Purpose, Role, Settings, Sources};
use crate::telemetry;

/// How often it is looked whether a server has died.
const LOOK: Duration = Duration::from_millis(200);

/// The administrator's name is fixed by the contract.
const ADMIN: &str = "admin";
const ADMIN_PASSWORD: &str = "BOTBERI_ADMIN_PASSWORD";

/// Where a checkout has them.
const POLICIES: &str = "config/policies";
const POLICIES_VARIABLE: &str = "BOTBERI__POLICIES__DIRECTORY";

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    /// Folder that holds everything the servers keep
    #[arg(long, value_name = "DIR", default_value = ".botberi")]
    data_dir: PathBuf,
    #[command(subcommand)]
    command: Option<DevCommand>,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    Servers(ServersCommand),
}

pub(super) fn run(arguments: Arguments, sources: Sources) -> Result<ExitCode, CliError> {
    match arguments.command {
        Some(DevCommand::Servers(servers)) => Ok(servers.run()?),
        None => develop(&arguments.data_dir, sources),
    }
}

fn develop(data_dir: &Path, mut sources: Sources) -> Result<ExitCode, CliError> {
    let requests = Requests::listen()?;
    let spec = ServersSpec { cancel: requests.cancel(), ..ServersSpec::contract(data_dir) };
    let mut servers = match Servers::start(spec, &mut |progress| say(&progress.to_string())) {
        Err(DevError::Cancelled) => return Ok(ExitCode::SUCCESS),
        started => started?,
    };
    let outcome = with_servers(&mut servers, data_dir, &mut sources, &requests);
    say("stopping the servers");
    servers.stop()?;
    outcome
}

fn with_servers(
    servers: &mut Servers,
    data_dir: &Path,
    sources: &mut Sources,
    requests: &Requests,
) -> Result<ExitCode, CliError> {
    sources.profile = Some(sources.profile.unwrap_or(Profile::Dev));
    point_at(sources, servers.endpoints());
    sources.set("botberi dev", "auth.signing_key", signing_key(data_dir)?);
    // Only where nobody says otherwise: in a checkout, policies can be edited while everything runs.
    let said = sources.file.is_some() || sources.variable(POLICIES_VARIABLE).is_some();
    if !said && Path::new(POLICIES).is_dir() {
        sources.set("botberi dev", "policies.directory", POLICIES);
    }
    let settings = Settings::load(sources, Purpose::Serve)?;
    telemetry::init(&settings.telemetry)?;

    app::migrate(&settings, false)?;
    let stated = sources.variable(ADMIN_PASSWORD).and_then(OsStr::to_str).map(str::to_owned);
    let password = stated.clone().unwrap_or_else(random_password);
    let prepared = app::prepare(&settings, ADMIN, &password)?;
    say(&format!("catalog          {} agents to choose from", prepared.agents));
    match (prepared.admin_is_new, stated.is_some()) {
        (true, false) => say(&format!("administrator    {ADMIN} / {password} (shown this once)")),
        (true, true) => say(&format!("administrator    {ADMIN} / the password in {ADMIN_PASSWORD}")),
        (false, _) => say(&format!("administrator    {ADMIN} / the password of the first start")),
    }
    serve(servers, settings, requests)
}

/// Plays all roles until it is asked to stop or a server dies.
fn serve(servers: &mut Servers, settings: Settings, requests: &Requests) -> Result<ExitCode, CliError> {
    let stop = CancellationToken::new();
    let death: Arc<Mutex<Option<DevError>>> = Arc::default();
    let over = CancellationToken::new();
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.is_cancelled() {
                if requests.cancel().is_cancelled() {
                    stop.cancel();
                }
                if let Some(dead) = servers.try_wait() {
                    *death.lock().unwrap_or_else(PoisonError::into_inner) = Some(dead.error);
                    stop.cancel();
                    return;
                }
                thread::sleep(LOOK);
            }
        });
        // Also when it panics: the scope waits for the watcher before it passes the panic on.
        let _over = over.clone().drop_guard();
        app::run(settings, &stop, &welcome)
    });
    if let Some(error) = death.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error.into());
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

fn point_at(sources: &mut Sources, endpoints: &Endpoints) {
    for (key, value) in [
        ("postgres.user.url", &endpoints.user_database.service),
        ("postgres.user.owner_url", &endpoints.user_database.owner),
        ("postgres.shared.url", &endpoints.shared_database.service),
        ("postgres.shared.owner_url", &endpoints.shared_database.owner),
        ("redis.url", &endpoints.redis),
        ("rabbitmq.url", &endpoints.amqp),
    ] {
        sources.set("botberi dev", key, value.clone());
    }
}

/// This machine's own key, made at the first start: tokens of one start are good at the next.
fn signing_key(data_dir: &Path) -> Result<String, DevError> {
    let path = data_dir.join("signing_key");
    match fs::read_to_string(&path) {
        Ok(key) => Ok(key.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = STANDARD.encode(rand::random::<[u8; 32]>());
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600).open(&path);
            let written = file.and_then(|mut file| file.write_all(key.as_bytes()));
            written.map_err(|source| DevError::File { action: "write", path, source })?;
            Ok(key)
        }
        Err(source) => Err(DevError::File { action: "read", path, source }),
    }
}

fn random_password() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 15]>())
}

/// What a newcomer wants to know once all is up.
fn welcome(app: &App) {
    for (role, what) in
        [(Role::User, "user API and WebSockets"), (Role::Admin, "admin API"), (Role::Broker, "broker API")]
    {
        if let Some(address) = app.address(role) {
            say(&format!("{what:<24} http://{address}"));
        }
    }
    say("RabbitMQ management      http://127.0.0.1:15672 (guest / guest)");
    say("ready; Ctrl-C stops everything");
}

/// Nobody reads on: nothing to be done about it.
fn say(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
