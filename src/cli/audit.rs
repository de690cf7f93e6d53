//! `botberi audit`: whether anybody has tampered with the audit log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::CliError;
use crate::app;
use crate::models::audit::{AuditAnchor, ChainReport, ExportCheck, ExportFault};
use crate::settings::{Purpose, Settings, Sources};

/// More than any line of an export has; a file of one endless line is not read into memory.
const LINE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look whether anybody has tampered with the audit log
    #[command(
        long_about = "Look whether anybody has tampered with the audit log.\n\n\
            Follows the chains of both databases: each row is hashed again, the end of each chain is compared with what the \
            other database holds of it, and rows that are not sealed yet are counted. Ends with code 1 when something is wrong, \
            and says what comes first. Keep the anchors that it prints where nobody who owns the databases can change them, and \
            give them to the next look.",
        after_long_help = "Examples:\n  \
            botberi audit verify\n  \
            botberi audit verify --anchor user_psql:17:5e88... --anchor shared_psql:4211:9f86...\n  \
            botberi audit verify --export audit.jsonl"
    )]
    Verify(Verify),
}

#[derive(Args, Debug)]
struct Verify {
    /// An anchor of an earlier look, which the chain has to meet
    #[arg(long, value_name = "CHAIN:SEQ:HASH")]
    anchor: Vec<AuditAnchor>,
    /// Begin behind that anchor, where an export has what is before it
    #[arg(long, value_name = "CHAIN:SEQ:HASH")]
    after: Vec<AuditAnchor>,
    /// Check an export instead; nothing is connected to. `-` reads stdin
    #[arg(long, value_name = "PATH", conflicts_with = "after")]
    export: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<ExitCode, CliError> {
    let Command::Verify(verify) = &arguments.command;
    match &verify.export {
        Some(path) => verify.check_export(path),
        None => verify.check_databases(sources),
    }
}

impl Verify {
    fn check_databases(&self, sources: &Sources) -> Result<ExitCode, CliError> {
        let settings = Settings::load(sources, Purpose::Audit)?;
        let reports = app::verify_audit(&settings, &self.anchor, &self.after)?;
        let mut stdout = io::stdout().lock();
        for report in &reports {
            writeln!(stdout, "{}", in_words(report))?;
        }
        let is_intact = reports.iter().all(|report| report.fault.is_none());
        Ok(if is_intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn check_export(&self, path: &PathBuf) -> Result<ExitCode, CliError> {
        let reader: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(path).map_err(CliError::Input)?)
        };
        let ends = checked(BufReader::new(reader), self.anchor.clone()).map_err(CliError::Input)??;
        let mut stdout = io::stdout().lock();
        for end in ends {
            writeln!(stdout, "{}: {} rows are as they were sealed; anchor {end}", end.chain, end.head.seq)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Line by line; the outer error is the file's.
fn checked(
    mut reader: impl BufRead,
    kept: Vec<AuditAnchor>,
) -> io::Result<Result<[AuditAnchor; 2], CliError>> {
    let mut check = ExportCheck::new(kept);
    let mut line = String::new();
    let refused = |fault: ExportFault| CliError::Refused(fault.to_string());
    loop {
        line.clear();
        if reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(check.finish().map_err(refused));
        }
        if let Err(fault) = check.take(line.trim_end_matches('\n')) {
            return Ok(Err(refused(fault)));
        }
    }
}

fn in_words(report: &ChainReport) -> String {
    let ChainReport { chain, sealed, head, anchors_met, unsealed, unsealed_oldest_ms, fault } = report;
    if let Some(fault) = fault {
        return format!("{chain}: BROKEN: {fault}; {sealed} links before it are good");
    }
    let anchor = AuditAnchor { chain: *chain, head: *head };
    let age = unsealed_oldest_ms.map(|age| format!(", the oldest for {age} ms")).unwrap_or_default();
    format!(
        "{chain}: {sealed} rows are as they were sealed, {anchors_met} anchors met, {unsealed} not sealed yet{age}; anchor {anchor}"
    )
}
