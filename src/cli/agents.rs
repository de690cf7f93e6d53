//! `botberi agents`: the catalog from the command line.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CliError;
use super::definition_files;
use crate::actors::catalog_editor::{ImportOutcome, ImportedAgent};
use crate::app;
use crate::models::AgentStatus;
use crate::settings::{Purpose, Settings, Sources};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring definitions of agents into the catalog, all of them or none
    #[command(
        long_about = "Bring definitions of agents into the catalog, all of them or none.\n\n\
            Every definition is read first. If any has a fault, all faults are named and nothing is written. \
            An agent is known by its definition's `id`, or else by its category and name. What is there already and \
            the same stays untouched; what differs becomes the agent's next version. New agents are drafts, which \
            users do not see, unless --publish offers them. Retired agents stay retired.",
        after_long_help = "Examples:\n  \
            botberi agents import --publish definitions/\n  \
            botberi agents import --check sales.json prices.yaml\n  \
            make-definitions | botberi agents import -"
    )]
    Import(Import),
}

#[derive(Args, Debug)]
struct Import {
    /// Files (.json, .yaml, .yml) with one definition or a list; folders, which are walked; `-` reads stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Offer drafts to users, new ones and those that were there
    #[arg(long)]
    publish: bool,
    /// Only say whether the definitions keep all rules; nothing is connected to
    #[arg(long, conflicts_with = "publish")]
    check: bool,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CliError> {
    match &arguments.command {
        Command::Import(import) => import.run(sources),
    }
}

impl Import {
    fn run(&self, sources: &Sources) -> Result<(), CliError> {
        let definitions = definition_files::read(&self.paths).map_err(CliError::Definitions)?;
        if self.check {
            writeln!(io::stdout(), "{} definitions keep all rules", definitions.len())?;
            return Ok(());
        }
        let settings = Settings::load(sources, Purpose::Catalog)?;
        let imported = app::import_agents(&settings, &definitions, self.publish)?;
        report(&imported)
    }
}

fn report(imported: &[ImportedAgent]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    for ImportedAgent { id, activation_code, version, status, outcome } in imported {
        let outcome = in_words(*outcome);
        writeln!(stdout, "{outcome:<10} {activation_code} (agent {id}, version {version}, {status})")?;
    }
    let count = |wanted| imported.iter().filter(|agent| agent.outcome == wanted).count();
    let [created, updated, unchanged] =
        [ImportOutcome::Created, ImportOutcome::Updated, ImportOutcome::Unchanged].map(count);
    writeln!(stdout, "{created} created, {updated} updated, {unchanged} unchanged")?;
    if imported.iter().any(|agent| agent.status == AgentStatus::Draft) {
        writeln!(stdout, "users do not see drafts: import with --publish, or publish them in the admin API")?;
    }
    Ok(())
}

fn in_words(outcome: ImportOutcome) -> &'static str {
    match outcome {
        ImportOutcome::Created => "created",
        ImportOutcome::Updated => "updated",
        ImportOutcome::Unchanged => "unchanged",
    }
}
