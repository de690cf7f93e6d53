//! Where the installed programs are.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::DevError;

/// Every program that the servers consist of.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
    pub(super) redis_server: PathBuf,
    pub(super) rabbitmq_server: PathBuf,
    pub(super) epmd: PathBuf,
    pub(super) setpriv: PathBuf,
    /// What the servers themselves get as `PATH`.
    pub(super) path: OsString,
}

/// Debian keeps these outside `PATH`: Postgres so that versions can live side by side, RabbitMQ because
/// the script in `/usr/sbin` insists on a user of its own.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";
const POSTGRES_WANTED: &str = "/usr/lib/postgresql/15/bin";
const RABBITMQ: &str = "/usr/lib/rabbitmq/bin";
/// An ordinary user's `PATH` often lacks the `sbin` folders.
const STANDARD: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/bin"];

impl Programs {
    /// Finds all programs, or names the first that is missing.
    pub(super) fn find() -> Result<Self, DevError> {
        let mut folders = vec![PathBuf::from(POSTGRES_WANTED), PathBuf::from(RABBITMQ)];
        folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        folders.extend(STANDARD.map(PathBuf::from));
        folders.extend(other_postgres_versions());
        Self::find_in(&folders)
    }

    fn find_in(folders: &[PathBuf]) -> Result<Self, DevError> {
        let find = |program, package| {
            folders
                .iter()
                .map(|folder| folder.join(program))
                .find(|candidate| is_executable(candidate))
                .ok_or(DevError::MissingProgram { program, package })
        };
        Ok(Self {
            initdb: find("initdb", "postgresql-15")?,
            postgres: find("postgres", "postgresql-15")?,
            redis_server: find("redis-server", "redis-server")?,
            rabbitmq_server: find("rabbitmq-server", "rabbitmq-server")?,
            epmd: find("epmd", "rabbitmq-server")?,
            setpriv: find("setpriv", "util-linux")?,
            path: env::join_paths(folders).unwrap_or_else(|_| OsString::from("/usr/bin:/bin")),
        })
    }
}

fn other_postgres_versions() -> Vec<PathBuf> {
    let Ok(versions) = fs::read_dir(POSTGRES_VERSIONS) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = versions.flatten().map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

fn is_executable(path: &Path) -> bool {
    const ANYBODY: u32 = 0o111;
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & ANYBODY != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_remedy() {
        let error = Programs::find_in(&[PathBuf::from("/nonexistent")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`initdb` is not installed: run `make setup`, or install the package postgresql-15"
        );
    }
}
