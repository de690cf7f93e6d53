//! The edge as an operator runs it: nginx with the configuration of `docker/nginx/`, in front of replicas of a test.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::folder::Folder;
use super::program::signal;
use super::wait::eventually;

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docker/nginx");

/// Which replicas stand behind it, by role: `127.0.0.1:port`.
#[derive(Clone, Default)]
pub(crate) struct Upstreams {
    pub(crate) user: Vec<String>,
    pub(crate) admin: Vec<String>,
    pub(crate) broker: Vec<String>,
}

impl Upstreams {
    /// Those that serve users, from URLs.
    pub(crate) fn of_users(urls: &[&str]) -> Self {
        let addresses = urls.iter().map(|url| url.trim_start_matches("http://").to_owned());
        Self { user: addresses.collect(), ..Self::default() }
    }
}

/// A running nginx. Dropped, it ends with everything that is under way.
pub(crate) struct Edge {
    pub(crate) url: String,
    nginx: Child,
    folder: Folder,
}

impl Edge {
    /// Starts it on a free port and waits until it listens.
    pub(crate) async fn before(upstreams: &Upstreams) -> Self {
        Self::with(upstreams, &[]).await
    }

    /// The same with other values for some directives: each is a text of the configuration and what stands in its place.
    pub(crate) async fn with(upstreams: &Upstreams, changes: &[(&str, &str)]) -> Self {
        let folder = Folder::new(&format!("edge-{}", uuid::Uuid::now_v7().simple()));
        for file in fs::read_dir(CONFIGURATION).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.path.join(file.file_name())).unwrap();
        }
        // The port is free now; nobody else on this machine asks for a certain one of this range.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("listen 127.0.0.1:{port}");
        replace(&folder.path.join("nginx.conf"), &[&[("listen 8080", listen.as_str())], changes].concat());
        write_upstreams(&folder.path, upstreams);
        check(&folder.path);

        let log = |name| File::create(folder.path.join(name)).unwrap();
        let mut command = nginx(&folder.path);
        command.stdout(log("access.log")).stderr(log("error.log"));
        let edge = Self { url: format!("http://127.0.0.1:{port}"), nginx: command.spawn().unwrap(), folder };
        eventually("nginx listens", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
            .await;
        edge
    }

    /// Has it send requests to other replicas from now on. Those that are under way are served to their end.
    pub(crate) async fn reload(&self, upstreams: &Upstreams) {
        write_upstreams(&self.folder.path, upstreams);
        check(&self.folder.path);
        let before = self.workers();
        signal("HUP", self.nginx.id());
        // New workers are there before the old ones are told to take nobody else, and then say so in their names.
        let name =
            |worker: &String| fs::read_to_string(format!("/proc/{worker}/cmdline")).unwrap_or_default();
        let takes_nobody =
            |worker: &String| name(worker).is_empty() || name(worker).contains("shutting down");
        eventually("the workers of before take nobody else", async || {
            before.iter().all(takes_nobody).then_some(())
        })
        .await;
    }

    /// All that it has written about requests so far.
    pub(crate) fn access_log(&self) -> String {
        fs::read_to_string(self.folder.path.join("access.log")).unwrap()
    }

    /// All that it has complained about.
    pub(crate) fn error_log(&self) -> String {
        fs::read_to_string(self.folder.path.join("error.log")).unwrap()
    }

    fn workers(&self) -> Vec<String> {
        let id = self.nginx.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // Its workers end at once, and it after them. Killed, it would leave them behind.
        signal("TERM", self.nginx.id());
        self.nginx.wait().unwrap();
    }
}

fn nginx(folder: &Path) -> Command {
    let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].map(PathBuf::from);
    let program = program.into_iter().find(|path| path.exists()).expect("nginx is missing: run `make setup`");
    // Its master ends its workers when the test is killed: by themselves they would stay.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "TERM", "--"])
        .arg(program)
        .arg("-p")
        .arg(folder)
        .args(["-c", "nginx.conf", "-e", "stderr"])
        .current_dir(folder);
    command.stdin(Stdio::null());
    command
}

/// What an operator does before a reload.
fn check(folder: &Path) {
    let output = nginx(folder).arg("-t").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Puts a line for each replica where the one of the shipped file is, with all that it says.
fn write_upstreams(folder: &Path, upstreams: &Upstreams) {
    let shipped = fs::read_to_string(Path::new(CONFIGURATION).join("upstreams.conf")).unwrap();
    let mut written = String::new();
    for line in shipped.lines() {
        let groups = [("8010", &upstreams.user), ("8020", &upstreams.admin), ("8030", &upstreams.broker)];
        let group = groups.into_iter().find(|(port, _)| line.contains(&format!("server 127.0.0.1:{port} ")));
        match group {
            Some((port, replicas)) if !replicas.is_empty() => {
                for replica in replicas {
                    written.push_str(&line.replace(&format!("127.0.0.1:{port}"), replica));
                    written.push('\n');
                }
            }
            _ => {
                written.push_str(line);
                written.push('\n');
            }
        }
    }
    fs::write(folder.join("upstreams.conf"), written).unwrap();
}

fn replace(path: &Path, changes: &[(&str, &str)]) {
    let mut text = fs::read_to_string(path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in {}", path.display());
        text = text.replace(from, to);
    }
    fs::write(path, text).unwrap();
}
