//! What the child gives up before it looks at a document: more memory, more time, files, sockets, other programs.
//!
//! Limits first, because setting them is among what is given up last. Whatever is not on the list of [`allowed`] is answered with
//! `EPERM`: a library that looks for a file does not find it, and goes on.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::process::{Resource, Rlimit, nice, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use thiserror::Error;

/// How far behind others a child stands for a processor: a tenth of what one of them gets, while they want it.
const NICENESS: i32 = 10;

/// What a child may take of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildLimits {
    /// How much memory beside what the program itself takes, in bytes.
    pub memory_bytes_max: u64,
    /// How much time of a processor, in seconds; at least 1.
    pub cpu_seconds_max: u64,
}

/// Why a process is not confined. For the log: a user is told that documents cannot be read.
#[derive(Debug, Error)]
pub(super) enum NotConfined {
    #[error("the size of this process is not known")]
    SizeUnknown(#[source] Option<io::Error>),
    #[error("a limit could not be set")]
    Limit(#[source] rustix::io::Errno),
    #[error("this processor has no list of system calls here")]
    Architecture,
    #[error("the list of system calls could not be made: {0}")]
    List(#[from] BackendError),
    #[error("the list of system calls could not be put in force: {0}")]
    Seccomp(#[from] seccompiler::Error),
}

/// Confines every thread of this process, for good. `answers` is where it may write beside its standard output and error.
pub(super) fn confine(limits: ChildLimits, answers: BorrowedFd<'_>) -> Result<(), NotConfined> {
    // Where the machine's memory runs out, this process should be ended rather than the one that serves. Best effort: it
    // changes who is ended, not what this one may do.
    drop(fs::write("/proc/self/oom_score_adj", "1000"));
    // Nor should those who ask wait for it. Best effort, too.
    let _as_it_was = nice(NICENESS);
    let program = filter(answers)?;
    limit(limits)?;
    seccompiler::apply_filter_all_threads(&program)?;
    Ok(())
}

fn limit(limits: ChildLimits) -> Result<(), NotConfined> {
    let ChildLimits { memory_bytes_max, cpu_seconds_max } = limits;
    let memory = own_bytes()?.saturating_add(memory_bytes_max);
    let cpu = cpu_seconds_max.max(1);
    let bounds = [
        (Resource::As, memory, memory),
        // The first one can be told from a kill by somebody else.
        (Resource::Cpu, cpu, cpu.saturating_add(1)),
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
        (Resource::Nofile, 0, 0),
        (Resource::Nproc, 0, 0),
    ];
    for (resource, current, maximum) in bounds {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })
            .map_err(NotConfined::Limit)?;
    }
    Ok(())
}

/// How much address space this process has: the program, its libraries and the stacks of its threads.
fn own_bytes() -> Result<u64, NotConfined> {
    let status =
        fs::read_to_string("/proc/self/status").map_err(|error| NotConfined::SizeUnknown(Some(error)))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kibibytes = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    Ok(kibibytes.ok_or(NotConfined::SizeUnknown(None))?.saturating_mul(1_024))
}

fn filter(answers: BorrowedFd<'_>) -> Result<BpfProgram, NotConfined> {
    let architecture =
        TargetArch::try_from(std::env::consts::ARCH).map_err(|_unknown| NotConfined::Architecture)?;
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(allowed(answers)?, refused, SeccompAction::Allow, architecture)?;
    Ok(filter.try_into()?)
}

/// The system calls that reading takes, and no others.
fn allowed(answers: BorrowedFd<'_>) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let without_conditions = [
        // Memory. `brk` and `mremap` move what is there.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        // Threads that wait for each other, and ends.
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_restart_syscall,
        // Signals to itself: an abort, and the report of a stack that overflowed.
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_getpid,
        libc::SYS_gettid,
        // Times and random numbers, which maps are seeded with.
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
    ];
    let mut allowed: BTreeMap<i64, Vec<SeccompRule>> =
        without_conditions.into_iter().map(|call| (call, Vec::new())).collect();

    // Whatever else may have been inherited stays out of reach.
    let is_one_of = |descriptors: &[i32]| -> Result<Vec<SeccompRule>, BackendError> {
        descriptors
            .iter()
            .map(|descriptor| SeccompRule::new(vec![equals(0, descriptor.unsigned_abs().into())?]))
            .collect()
    };
    allowed.insert(libc::SYS_read, is_one_of(&[libc::STDIN_FILENO])?);
    allowed.insert(
        libc::SYS_write,
        is_one_of(&[libc::STDOUT_FILENO, libc::STDERR_FILENO, answers.as_raw_fd()])?,
    );

    // Memory that is no file and holds no program: nothing that a document brings can be made to run.
    let is_not_run = || masked(2, libc::PROT_EXEC, 0);
    let is_anonymous = masked(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?;
    allowed.insert(libc::SYS_mmap, vec![SeccompRule::new(vec![is_not_run()?, is_anonymous])?]);
    allowed.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![is_not_run()?])?]);

    // To its own threads: it is of the same user as the parent, which it could end otherwise.
    allowed.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![equals(0, std::process::id().into())?])?]);
    Ok(allowed)
}

fn equals(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn masked(argument: u8, mask: i32, value: i32) -> Result<SeccompCondition, BackendError> {
    let (mask, value) = (mask.unsigned_abs().into(), value.unsigned_abs().into());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}
