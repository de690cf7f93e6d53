//! What all starts have in common.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::account::Account;
use super::error::DevError;
use super::process::{Launch, Nursery, ServerProcess};
use super::programs::Programs;
use super::progress::{Progress, Server, Step};
use super::spec::ServersSpec;

const POLL: Duration = Duration::from_millis(25);
const NEWS_EVERY: Duration = Duration::from_secs(5);

/// Everything that the start of one server needs to know. Its clock starts when it is made.
#[derive(Debug, Clone)]
pub(super) struct Startup<'a> {
    pub(super) spec: &'a ServersSpec,
    pub(super) programs: &'a Programs,
    pub(super) account: Account,
    pub(super) nursery: Nursery,
    pub(super) news: mpsc::Sender<Progress>,
    /// Set when another server has failed, so that nobody waits in vain.
    pub(super) given_up: &'a AtomicBool,
    pub(super) asked: Instant,
}

impl Startup<'_> {
    /// The folder of one server's data.
    pub(super) fn folder(&self, server: Server) -> PathBuf {
        self.spec.data_dir.join(&*server.slug())
    }

    /// Where one server's output goes.
    pub(super) fn log(&self, server: Server) -> PathBuf {
        log_folder(&self.spec.data_dir).join(format!("{}.log", server.slug()))
    }

    pub(super) fn start(&self, launch: Launch<'_>) -> Result<ServerProcess, DevError> {
        self.check()?;
        ServerProcess::start(launch, self.programs, &self.nursery)
    }

    pub(super) fn report(&self, server: Server, step: Step) {
        // Nobody listens only if the start was given up.
        drop(self.news.send(Progress { server, step }));
    }

    pub(super) fn report_ready(&self, server: Server, port: u16) {
        self.report(server, Step::Ready { port, elapsed: self.asked.elapsed() });
    }

    /// Fails when the start was given up.
    pub(super) fn check(&self) -> Result<(), DevError> {
        if self.given_up.load(Ordering::Acquire) || self.spec.cancel.is_cancelled() {
            return Err(DevError::Cancelled);
        }
        Ok(())
    }

    /// Asks again and again until `probe` has an answer, the process dies or `patience` ends.
    pub(super) fn wait_ready<T>(
        &self,
        process: &mut ServerProcess,
        patience: Duration,
        mut probe: impl FnMut() -> Option<T>,
    ) -> Result<T, DevError> {
        let asked = Instant::now();
        let mut next_news = NEWS_EVERY;
        loop {
            self.check()?;
            if let Some(answer) = probe() {
                return Ok(answer);
            }
            if let Some(status) = process.try_wait()? {
                return Err(process.died(status));
            }
            let elapsed = asked.elapsed();
            if elapsed > patience {
                return Err(process.not_ready(elapsed));
            }
            if elapsed > next_news {
                self.report(process.server, Step::Waiting { elapsed });
                next_news += NEWS_EVERY;
            }
            thread::sleep(POLL);
        }
    }
}

pub(super) fn log_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("logs")
}
