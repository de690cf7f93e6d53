//! The program as a process of its own, which can be killed.

use std::fs::File;
use std::io::{BufRead, BufReader, Write, stderr};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use botberi::settings::{Purpose, Settings, Sources};
use serde_json::Value as Json;
use tokio::sync::mpsc;
use toml::Value;

use super::cables::Places;
use super::replica::{prepare, sources};
use super::stage::Stage;
use super::wait::within;

/// What tests of processes set beside the usual: survivors take over after a second.
const LEASE: [(&str, i64); 2] = [("worker.lease_ms", 1_000), ("worker.beat_ms", 200)];

/// `botberi serve`. Dropped, it is killed.
pub(crate) struct Program {
    child: Child,
    /// Whether nobody reads its log any more.
    is_unheard: Arc<AtomicBool>,
    pub(crate) user_api: String,
    pub(crate) admin_api: String,
    pub(crate) broker_api: String,
}

/// Where its log goes.
type Log = Box<dyn Write + Send>;

impl Program {
    /// Starts it and waits until it serves.
    pub(crate) async fn serve(stage: &Stage, own: &[(&str, Value)]) -> Self {
        Self::serve_at(&stage.places(), own).await
    }

    /// The same, with servers that it finds there.
    pub(crate) async fn serve_at(places: &Places, own: &[(&str, Value)]) -> Self {
        let sources = Self::sources(places, own);
        let loaded = Settings::load(&sources, Purpose::Serve).unwrap();
        std::thread::spawn(move || prepare(&loaded)).join().unwrap();
        Self::run(sources, Box::new(stderr())).await
    }

    /// The same with its log in a file.
    pub(crate) async fn serve_with_log(stage: &Stage, log: &Path, own: &[(&str, Value)]) -> Self {
        let places = stage.places();
        let loaded = Settings::load(&Self::sources(&places, own), Purpose::Serve).unwrap();
        std::thread::spawn(move || prepare(&loaded)).join().unwrap();
        Self::serve_again(&places, log, own).await
    }

    /// The same on databases that were prepared before, with its log in a file.
    pub(crate) async fn serve_again(places: &Places, log: &Path, own: &[(&str, Value)]) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        Self::run(Self::sources(places, own), Box::new(log)).await
    }

    fn sources(places: &Places, own: &[(&str, Value)]) -> Sources {
        let mut settings: Vec<(&str, Value)> =
            LEASE.iter().map(|(key, value)| (*key, Value::from(*value))).collect();
        settings.push(("telemetry.format", "json".into()));
        settings.extend(own.iter().cloned());
        sources(places, &settings)
    }

    async fn run(sources: Sources, log: Log) -> Self {
        let variables = sources.overrides.iter().map(|set| {
            let name = format!("BOTBERI__{}", set.key.to_uppercase().replace('.', "__"));
            (name, set.value.as_str().map_or_else(|| set.value.to_string(), str::to_owned))
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_botberi"));
        command.args(["serve", "--profile", "dev"]).env_clear().envs(variables).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (tell, mut lines) = mpsc::unbounded_channel();
        let pipe = child.stderr.take().unwrap();
        let is_unheard = Arc::new(AtomicBool::new(false));
        let unheard = is_unheard.clone();
        std::thread::spawn(move || read(pipe, &tell, log, &unheard));
        let mut program = Self {
            child,
            is_unheard,
            user_api: String::new(),
            admin_api: String::new(),
            broker_api: String::new(),
        };
        loop {
            let line =
                within("the program is ready", lines.recv()).await.expect("it ended before it was ready");
            if line["message"] == "listening" {
                let url = format!("http://{}", line["address"].as_str().unwrap());
                match line["listener"].as_str() {
                    Some("user") => program.user_api = url,
                    Some("admin") => program.admin_api = url,
                    Some("broker") => program.broker_api = url,
                    _ => {}
                }
            }
            if line["message"] == "ready" {
                return program;
            }
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Halts it: its connections stay open and it does nothing, until it is told to go on.
    pub(crate) fn pause(&self) {
        signal("STOP", self.child.id());
    }

    /// Lets it go on as if nothing had been.
    pub(crate) fn go_on(&self) {
        signal("CONT", self.child.id());
    }

    /// Reads no further line of its log. What it writes stays in the pipe, until that is full.
    pub(crate) fn stop_reading(&self) {
        self.is_unheard.store(true, Ordering::Release);
    }

    /// Kills it, as a crash of its machine would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        signal("TERM", self.child.id());
    }

    /// Waits for its end. Blocks.
    pub(crate) fn ended_within(mut self, limit: Duration) -> ExitStatus {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < limit, "it has not ended within {limit:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.is_unheard.store(false, Ordering::Release);
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// Reads what it says to the end, and passes it on: to the test, and to whoever looks into a failure.
fn read(pipe: ChildStderr, tell: &mpsc::UnboundedSender<Json>, mut log: Log, is_unheard: &AtomicBool) {
    for line in BufReader::new(pipe).lines() {
        while is_unheard.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let Ok(line) = line else { return };
        let _nobody_reads = writeln!(log, "{line}");
        if let Ok(line) = serde_json::from_str(&line) {
            let _the_test_knows_enough = tell.send(line);
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(name: &str, pid: u32) {
    let status = Command::new("/bin/sh").args(["-c", &format!("kill -s {name} {pid}")]).status();
    assert!(status.unwrap().success());
}
