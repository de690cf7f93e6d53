//! How much memory a process holds, while something is done to it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::program::Program;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until it is asked.
pub(super) struct Watch {
    before_kib: u64,
    most_kib: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    looking: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn of(program: &Program) -> Self {
        let pid = program.pid();
        let before_kib = resident_kib(pid).expect("it runs");
        let (most_kib, over) = (Arc::new(AtomicU64::new(before_kib)), Arc::new(AtomicBool::new(false)));
        let (most, end) = (most_kib.clone(), over.clone());
        let looking = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed)
                && let Some(now_kib) = resident_kib(pid)
            {
                most.fetch_max(now_kib, Ordering::Relaxed);
                std::thread::sleep(LOOK);
            }
        });
        Self { before_kib, most_kib, over, looking: Some(looking) }
    }

    /// By how much it grew at most. Fails the test if that is more than `mib_max`.
    pub(super) fn assert_grew_by_less_than(mut self, mib_max: u64) {
        self.over.store(true, Ordering::Relaxed);
        self.looking.take().unwrap().join().unwrap();
        let (before, most) = (self.before_kib / 1_024, self.most_kib.load(Ordering::Relaxed) / 1_024);
        eprintln!("resident: {before} MiB before, {most} MiB at most");
        assert!(most < before + mib_max, "it grew from {before} to {most} MiB, more than {mib_max}");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
