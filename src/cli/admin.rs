//! `botberi admin`: the first administrator, whom no API can make.

use std::io::{self, IsTerminal, Read, Write};

use clap::{Args, Subcommand};

use super::CliError;
use crate::actors::accounts::rules;
use crate::app;
use crate::models::{Role, User};
use crate::secret::Secret;
use crate::settings::{Purpose, Settings, Sources};

/// Where the password may stand in the environment. It is never an argument: arguments are seen by everybody on the
/// machine.
const PASSWORD_VARIABLE: &str = "BOTBERI_ADMIN_PASSWORD";

/// More than a password may have; what is piped in is read so far.
const STDIN_BYTES_MAX: u64 = 4_096;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an administrator's account
    #[command(
        long_about = "Make an administrator's account.\n\n\
            The password is taken from BOTBERI_ADMIN_PASSWORD, else from standard input when that is no terminal, else \
            asked for. It is never an argument, for those are seen by everybody on the machine. A name that is taken \
            is refused, unless --promote makes that person an administrator and keeps the password.",
        after_long_help = "Examples:\n  \
            botberi admin create ada\n  \
            pass show botberi/ada | botberi admin create ada\n  \
            botberi admin create grace --promote"
    )]
    Create(Create),
}

#[derive(Args, Debug)]
struct Create {
    /// What the administrator signs in with
    #[arg(value_name = "USERNAME", value_parser = rules::username)]
    username: String,
    /// Make somebody an administrator who has an account already, and keep the password
    #[arg(long)]
    promote: bool,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CliError> {
    match &arguments.command {
        Command::Create(create) => create.run(sources),
    }
}

impl Create {
    fn run(&self, sources: &Sources) -> Result<(), CliError> {
        let settings = Settings::load(sources, Purpose::Accounts)?;
        let done = match app::find_user(&settings, &self.username)? {
            None => {
                let password = password(sources)?;
                let user = app::create_administrator(&settings, &self.username, &password)?;
                format!("made the administrator {}", user.username)
            }
            Some(user) if self.promote && user.username == self.username => self.promote(&settings, &user)?,
            Some(user) if self.promote => {
                let name = user.username;
                return Err(CliError::Refused(format!("the account is called {name}: name it exactly so")));
            }
            Some(user) => {
                let name = user.username;
                let message =
                    format!("there is an account {name} already: choose another name, or use --promote");
                return Err(CliError::Refused(message));
            }
        };
        writeln!(io::stdout(), "{done}")?;
        Ok(())
    }

    fn promote(&self, settings: &Settings, user: &User) -> Result<String, CliError> {
        if user.disabled_at.is_some() {
            return Err(CliError::Refused(format!("the account {} is closed", user.username)));
        }
        if user.role == Role::Admin {
            return Ok(format!("{} is an administrator already", user.username));
        }
        let user = app::promote_user(settings, user.id)?;
        Ok(format!("{} is an administrator now, and keeps the password", user.username))
    }
}

fn password(sources: &Sources) -> Result<Secret, CliError> {
    let text = match sources.variable(PASSWORD_VARIABLE) {
        Some(value) => {
            let text = value.to_str();
            text.ok_or_else(|| CliError::Refused(format!("{PASSWORD_VARIABLE} is not UTF-8")))?.to_owned()
        }
        None if io::stdin().is_terminal() => asked()?,
        None => piped()?,
    };
    rules::password(text).map_err(|fault| CliError::Refused(format!("the password {fault}")))
}

fn asked() -> Result<String, CliError> {
    let ask = |prompt| rpassword::prompt_password(prompt).map_err(CliError::Input);
    let password = ask("Password: ")?;
    if ask("The same again: ")? != password {
        return Err(CliError::Refused("the passwords differ".to_owned()));
    }
    Ok(password)
}

/// What stands on standard input, without the end of its line.
fn piped() -> Result<String, CliError> {
    let mut text = String::new();
    io::stdin().lock().take(STDIN_BYTES_MAX).read_to_string(&mut text).map_err(CliError::Input)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
