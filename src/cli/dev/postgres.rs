//! Postgres: a cluster for each of the two databases.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use super::error::DevError;
use super::process::{Launch, ServerProcess, Signal};
use super::progress::{Server, Step};
use super::spec::Durability;
use super::startup::Startup;

/// Recovery after a crash replays the log since the last checkpoint: seconds as a rule, minutes at worst.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// Who takes longer has something to repair.
const ORDINARY_START: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// An interrupt disconnects everybody and writes a checkpoint; a quit leaves that to the next start.
const STOP_PLAN: &[(Signal, Duration)] =
    &[(Signal::Interrupt, Duration::from_secs(30)), (Signal::Quit, Duration::from_secs(10))];

/// One of the two clusters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cluster {
    pub(super) server: Server,
    pub(super) port: u16,
    /// The one database that we care for.
    pub(super) database: &'static str,
}

pub(super) fn start(startup: &Startup<'_>, cluster: Cluster) -> Result<ServerProcess, DevError> {
    let data = startup.folder(cluster.server);
    if !data.exists() {
        startup.report(cluster.server, Step::Creating);
        create(startup, cluster.server, &data)?;
    }
    remove_foreign_pid_file(&data)?;

    let mut process = startup.start(Launch {
        server: cluster.server,
        program: &startup.programs.postgres,
        arguments: arguments(startup, &data, cluster.port),
        environment: Vec::new(),
        account: startup.account,
        folder: &data,
        log: startup.log(cluster.server),
        death_signal: Signal::Interrupt,
        farewell: None,
        stop_plan: STOP_PLAN,
        expendable: false,
    })?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| DevError::System { action: "start a runtime", source })?;
    let launched = Instant::now();
    let mut recovering = false;
    let client = startup.wait_ready(&mut process, READY_WITHIN, || {
        let (client, starting) = connect(&runtime, cluster.port);
        if starting && !recovering && launched.elapsed() > ORDINARY_START {
            recovering = true;
            startup.report(cluster.server, Step::Recovering);
        }
        client
    })?;
    runtime.block_on(prepare(&client, cluster.database)).map_err(|error| DevError::Setup {
        server: cluster.server,
        reason: error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string),
    })?;
    startup.report_ready(cluster.server, cluster.port);
    Ok(process)
}

/// Creates a cluster beside its final place and moves it there, so that an interrupted creation is not
/// mistaken for data.
fn create(startup: &Startup<'_>, server: Server, data: &Path) -> Result<(), DevError> {
    let new = data.with_extension("new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(DevError::file("remove", &new)(error));
        }
        _ => {}
    }
    fs::create_dir(&new).map_err(DevError::file("create", &new))?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o700))
        .map_err(DevError::file("change the permissions of", &new))?;
    startup.account.give(&new)?;

    let mut arguments: Vec<OsString> = vec!["-D".into(), startup.account.name_of(&new).into()];
    // The only account that exists at first. Nobody but this machine's users can reach the port.
    arguments.extend(["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"].map(Into::into));
    if startup.spec.durability == Durability::Throwaway {
        arguments.push("--no-sync".into());
    }
    let mut process = startup.start(Launch {
        server,
        program: &startup.programs.initdb,
        arguments,
        environment: Vec::new(),
        account: startup.account,
        folder: &new,
        log: startup.log(server),
        death_signal: Signal::Kill,
        farewell: None,
        stop_plan: &[],
        expendable: true,
    })?;
    let status = process.wait()?;
    if !status.success() {
        return Err(process.died(status));
    }
    fs::rename(&new, data).map_err(DevError::file("rename", &new))
}

fn arguments(startup: &Startup<'_>, data: &Path, port: u16) -> Vec<OsString> {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        // Sockets in the file system would need a short path, and everybody uses the port.
        "unix_socket_directories=".to_owned(),
        "shared_buffers=256MB".to_owned(),
        "max_connections=300".to_owned(),
        // Postgres ignores this one: it is how a later start knows whose cluster this is.
        format!("botberi.data={}", data.display()),
    ];
    if startup.spec.durability == Durability::Throwaway {
        // Not `synchronous_commit`: a test may kill Postgres, and what was committed must then be there.
        settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
    }
    let mut arguments: Vec<OsString> = vec!["-D".into(), startup.account.name_of(data).into()];
    for setting in settings {
        arguments.extend(["-c".into(), setting.into()]);
    }
    arguments
}

/// Removes a pid file whose number was given to another program after a crash: Postgres would take that
/// program for itself and refuse to start. The caller has made sure that no Postgres works here.
fn remove_foreign_pid_file(data: &Path) -> Result<(), DevError> {
    let path = data.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let alive = text.lines().next().is_some_and(|pid| Path::new("/proc").join(pid.trim()).exists());
    if alive {
        fs::remove_file(&path).map_err(DevError::file("remove", &path))?;
    }
    Ok(())
}

/// A connection as superuser, if there is one to be had; and whether the server asks for patience.
fn connect(runtime: &Runtime, port: u16) -> (Option<Client>, bool) {
    let mut configuration = tokio_postgres::Config::new();
    configuration.host("127.0.0.1").port(port).user("postgres").dbname("postgres");
    configuration.connect_timeout(ANSWER_WITHIN);
    match runtime.block_on(configuration.connect(NoTls)) {
        Ok((client, connection)) => {
            runtime.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "the connection that prepares a cluster ended");
                }
            });
            (Some(client), false)
        }
        Err(error) => (None, error.code() == Some(&SqlState::CANNOT_CONNECT_NOW)),
    }
}

/// Makes the roles and the database where they are missing. The rest belongs to the migrations.
async fn prepare(client: &Client, database: &str) -> Result<(), tokio_postgres::Error> {
    for (role, rights) in [
        ("botberi_owner", "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'botberi_owner'"),
        ("botberi", "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'botberi'"),
    ] {
        if client.query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&role]).await?.is_none() {
            client.batch_execute(&format!("CREATE ROLE {role} {rights}")).await?;
        }
    }
    let found = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&database]).await?;
    if found.is_none() {
        client.batch_execute(&format!("CREATE DATABASE {database} OWNER botberi_owner")).await?;
    }
    Ok(())
}
