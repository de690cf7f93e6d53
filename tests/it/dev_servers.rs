//! The development servers, for real. Each test starts its own, on free ports, in a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use botberi::cli::dev::{DevError, Durability, Server, Servers, ServersSpec};
use tokio_postgres::NoTls;

use crate::support::folder::Folder;
use crate::support::program::signal;

const BOTBERI: &str = env!("CARGO_BIN_EXE_botberi");

#[test]
fn servers_answer_find_their_data_again_and_leave_nothing_behind() {
    let folder = Folder::new("answer");
    let servers = Servers::start(folder.spec(), &mut |_| {}).unwrap();
    let endpoints = servers.endpoints().clone();

    for database in [&endpoints.user_database, &endpoints.shared_database] {
        sql(&database.owner, "CREATE TABLE kept (note text)");
        sql(&database.service, "SELECT pg_terminate_backend(0)");
        sql(&database.superuser, "SELECT pg_stat_reset()");
    }
    let mut redis = TcpStream::connect(address_of(&endpoints.redis)).unwrap();
    redis.write_all(b"PING\r\n").unwrap();
    let mut pong = [0; 5];
    redis.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"+PONG");
    let broker = http_get(address_of(&endpoints.rabbitmq_management), "/api/overview");
    assert!(broker.contains("\"rabbitmq_version\""), "{broker}");
    assert_eq!(listeners_beyond_the_loopback(&folder.path), Vec::<String>::new());

    let second = Servers::start(folder.spec(), &mut |_| {}).unwrap_err().to_string();
    assert!(second.contains(&format!("pid {}", std::process::id())), "{second}");

    servers.stop().unwrap();
    assert_eq!(processes_in(&folder.path), Vec::<String>::new());
    for url in [&endpoints.redis, &endpoints.amqp, &endpoints.user_database.owner] {
        TcpListener::bind(address_of(url)).unwrap();
    }

    let servers = Servers::start(folder.spec(), &mut |_| {}).unwrap();
    sql(&servers.endpoints().user_database.owner, "INSERT INTO kept VALUES ('found')");
    sql(&servers.endpoints().shared_database.owner, "INSERT INTO kept VALUES ('found')");
    servers.stop().unwrap();
}

#[test]
fn confirmed_messages_survive_a_clean_stop_and_a_dead_server_is_named() {
    let folder = Folder::new("death");
    let spec = ServersSpec { durability: Durability::Safe, ..folder.spec() };
    let servers = Servers::start(spec.clone(), &mut |_| {}).unwrap();
    let management = address_of(&servers.endpoints().rabbitmq_management).to_owned();
    http(
        &management,
        "PUT",
        "/api/queues/%2f/kept",
        r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#,
    );
    let message = r#"{"properties":{"delivery_mode":2},"routing_key":"kept","payload":"found","payload_encoding":"string"}"#;
    let answer = http(&management, "POST", "/api/exchanges/%2f/amq.default/publish", message);
    assert!(answer.contains("\"routed\":true"), "{answer}");
    servers.stop().unwrap();

    let mut servers = Servers::start(spec, &mut |_| {}).unwrap();
    let take = r#"{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}"#;
    let answer = http(&management, "POST", "/api/queues/%2f/kept/get", take);
    assert!(answer.contains("\"payload\":\"found\""), "{answer}");

    assert!(servers.try_wait().is_none());
    signal("KILL", only_process(&folder.path, "redis-server"));
    let death = eventually("the death is noticed", || servers.try_wait());
    assert_eq!(death.server, Server::Redis);
    assert!(death.error.to_string().contains("Redis ended unexpectedly (signal: 9"), "{}", death.error);
    servers.stop().unwrap();
}

#[test]
fn whatever_kills_the_parent_or_a_server_the_next_start_works() {
    let folder = Folder::new("crash");

    let (mut parent, lines) = start_binary(&folder.path, &[]);
    let database =
        lines.iter().find_map(|line| line.strip_prefix("BOTBERI_TEST_SERVERS_USER_DATABASE_OWNER_URL="));
    sql(database.unwrap(), "CREATE TABLE kept (note text); INSERT INTO kept VALUES ('found')");
    signal("KILL", postmaster(&folder.path, "user-postgres"));
    assert_eq!(parent.0.wait().unwrap().code(), Some(1));
    let mut errors = String::new();
    parent.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(errors.contains("error: user Postgres ended unexpectedly (signal: 9"), "{errors}");

    let (mut parent, lines) = start_binary(&folder.path, &[]);
    let database =
        lines.iter().find_map(|line| line.strip_prefix("BOTBERI_TEST_SERVERS_USER_DATABASE_OWNER_URL="));
    sql(database.unwrap(), "DO $$ BEGIN ASSERT (SELECT count(*) = 1 FROM kept); END $$");
    parent.0.kill().unwrap();
    parent.0.wait().unwrap();
    eventually("no process is left", || processes_in(&folder.path).is_empty().then_some(()));

    // The number of a crashed Postgres may belong to anybody by now: for instance to this test.
    let pid_file = folder.path.join("user-postgres/postmaster.pid");
    let foreign =
        format!("{}\n{}\n1\n1\n\n127.0.0.1\n1 1\nready\n", std::process::id(), folder.path.display());
    fs::write(&pid_file, foreign).unwrap();
    let (mut parent, _) =
        start_binary(&folder.path, &["sh", "-c", "test -n \"$BOTBERI_TEST_SERVERS_AMQP_URL\" && exit 7"]);
    assert_eq!(parent.0.wait().unwrap().code(), Some(7));
    assert_eq!(processes_in(&folder.path), Vec::<String>::new());
}

#[test]
fn one_server_ends_and_comes_back_while_the_others_run() {
    let folder = Folder::new("one");
    let mut servers = Servers::start(folder.spec(), &mut |_| {}).unwrap();
    let endpoints = servers.endpoints().clone();
    sql(&endpoints.user_database.owner, "CREATE TABLE kept (note text); INSERT INTO kept VALUES ('found')");
    let others =
        [Server::SharedPostgres, Server::RabbitMq(1), Server::Epmd].map(|server| servers.pid(server));

    servers.freeze(Server::Redis).unwrap();
    let mut frozen = TcpStream::connect(address_of(&endpoints.redis)).unwrap();
    frozen.write_all(b"PING\r\n").unwrap();
    frozen.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut pong = [0; 5];
    assert!(frozen.read_exact(&mut pong).is_err(), "it answers although it is frozen");
    servers.thaw(Server::Redis).unwrap();
    frozen.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    frozen.read_exact(&mut pong).unwrap();
    servers.stop_one(Server::Redis).unwrap();
    assert!(TcpStream::connect(address_of(&endpoints.redis)).is_err());
    assert_eq!(servers.stop_one(Server::Redis).unwrap_err().to_string(), "Redis does not run");

    servers.kill_one(Server::UserPostgres).unwrap();
    assert!(servers.try_wait().is_none(), "what was ended on purpose is no death");
    servers.start_one(Server::UserPostgres).unwrap();
    sql(&endpoints.user_database.owner, "DO $$ BEGIN ASSERT (SELECT count(*) = 1 FROM kept); END $$");
    servers.start_one(Server::Redis).unwrap();
    assert_eq!(servers.start_one(Server::Redis).unwrap_err().to_string(), "Redis runs already");
    let unknown = servers.start_one(Server::RabbitMq(2)).unwrap_err().to_string();
    assert_eq!(unknown, "RabbitMQ 2 is no part of this cluster");
    assert_eq!(
        others,
        [Server::SharedPostgres, Server::RabbitMq(1), Server::Epmd].map(|server| servers.pid(server))
    );

    servers.kill_one(Server::RabbitMq(1)).unwrap();
    servers.start_one(Server::RabbitMq(1)).unwrap();
    let broker = http_get(address_of(&endpoints.rabbitmq_management), "/api/overview");
    assert!(broker.contains("\"rabbitmq_version\""), "{broker}");
    servers.stop().unwrap();
    assert_eq!(processes_in(&folder.path), Vec::<String>::new());

    let spec = ServersSpec { rabbitmq_nodes: 3, ..folder.spec() };
    let other_size = Servers::start(spec, &mut |_| {}).unwrap_err().to_string();
    assert!(other_size.contains("is made for 1 nodes of RabbitMQ, and 3 are asked for"), "{other_size}");
}

#[test]
fn a_port_in_use_is_one_clear_error() {
    let folder = Folder::new("port");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut spec = folder.spec();
    spec.ports.rabbitmq_management = taken.local_addr().unwrap().port();

    let error = Servers::start(spec, &mut |_| {}).unwrap_err();
    assert!(matches!(error, DevError::PortInUse { purpose: "RabbitMQ management", .. }), "{error}");
    assert_eq!(processes_in(&folder.path), Vec::<String>::new());
}

#[test]
fn a_cancelled_first_start_leaves_nothing_behind_and_is_made_up_for() {
    let folder = Folder::new("cancel");
    let spec = folder.spec();
    let cancel = spec.cancel.clone();

    let error = Servers::start(spec, &mut |_| cancel.cancel()).unwrap_err();
    assert!(matches!(error, DevError::Cancelled), "{error}");
    assert_eq!(processes_in(&folder.path), Vec::<String>::new());

    let servers = Servers::start(folder.spec(), &mut |_| {}).unwrap();
    let account = http_get(address_of(&servers.endpoints().rabbitmq_management), "/api/whoami");
    assert!(account.contains("\"name\":\"guest\""), "{account}");
    servers.stop().unwrap();
}

/// Starts the program and reads what it says until its servers are ready.
fn start_binary(folder: &Path, command: &[&str]) -> (Parent, Vec<String>) {
    let mut arguments = vec!["dev", "servers", "--free-ports", "--no-fsync", "--data-dir"];
    arguments.push(folder.to_str().unwrap());
    if !command.is_empty() {
        arguments.push("--");
        arguments.extend(command);
    }
    let mut child = Command::new(BOTBERI).args(arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = Vec::new();
    if command.is_empty() {
        // One byte at a time: what follows belongs to the caller.
        let mut errors = BufReader::with_capacity(1, child.stderr.take().unwrap());
        while !lines.last().is_some_and(|line: &String| line.starts_with("all servers are ready")) {
            let mut line = String::new();
            assert_ne!(errors.read_line(&mut line).unwrap(), 0, "it ended too early: {lines:?}");
            lines.push(line.trim_end().to_owned());
        }
        child.stderr = Some(errors.into_inner());
    }
    (Parent(child), lines)
}

/// The program as a child that does not outlive a failed test.
struct Parent(Child);

impl Drop for Parent {
    fn drop(&mut self) {
        if self.0.try_wait().unwrap().is_none() {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

fn sql(url: &str, statement: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(statement).await.unwrap();
    });
}

fn http_get(address: &str, path: &str) -> String {
    http(address, "GET", path, "")
}

fn http(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// `127.0.0.1:port` out of a URL.
fn address_of(url: &str) -> &str {
    let start = url.find("127.0.0.1:").unwrap();
    let rest = &url[start..];
    rest.split('/').next().unwrap()
}

fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    const LIMIT: Duration = Duration::from_secs(30);
    let asked = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(asked.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn postmaster(folder: &Path, cluster: &str) -> u32 {
    let text = fs::read_to_string(folder.join(cluster).join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

fn only_process(folder: &Path, name: &str) -> u32 {
    let found: Vec<u32> = pids_in(folder).into_iter().filter(|pid| name_of(*pid) == name).collect();
    assert_eq!(found.len(), 1, "{name}");
    found[0]
}

/// Every process, of whatever name, that works in the folder.
fn processes_in(folder: &Path) -> Vec<String> {
    pids_in(folder).into_iter().map(|pid| format!("{} {pid}", name_of(pid))).collect()
}

fn pids_in(folder: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|path| path.starts_with(folder)))
        .collect()
}

fn name_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

/// The listening sockets of the folder's processes that others than this machine could reach.
fn listeners_beyond_the_loopback(folder: &Path) -> Vec<String> {
    const LOOPBACK: [&str; 2] = ["0100007F", "00000000000000000000000001000000"];
    let sockets: Vec<String> = pids_in(folder)
        .into_iter()
        // Short-lived helpers may have ended since.
        .filter_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).ok())
        .flat_map(Iterator::flatten)
        .filter_map(|entry| fs::read_link(entry.path()).ok()?.to_str().map(str::to_owned))
        .collect();
    let mut listening = 0;
    let mut beyond = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] != "0A" || !sockets.contains(&format!("socket:[{}]", fields[9])) {
                continue;
            }
            listening += 1;
            if !LOOPBACK.contains(&fields[1].split(':').next().unwrap()) {
                beyond.push(fields[1].to_owned());
            }
        }
    }
    assert!(listening >= 7, "only {listening} listeners were found: the test looks in the wrong place");
    beyond
}
