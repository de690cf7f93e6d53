//! Which user the servers run as.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::DevError;

/// The user that Postgres runs as; the other servers run as ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// We are an ordinary user, and Postgres is content with that.
    Ours,
    /// We are root, which Postgres refuses: it runs as `postgres`.
    Postgres {
        /// Owner of its files.
        uid: u32,
        /// Group of its files.
        gid: u32,
    },
}

const ROOT: u32 = 0;
/// The open folder as a path, for each process that has inherited it. It has to agree with [`Account::enter`].
const OPEN_FOLDER: &str = "/proc/self/fd/9";

impl Account {
    pub(super) fn find() -> Result<Self, DevError> {
        let own = fs::metadata("/proc/self").map_err(DevError::file("read", "/proc/self"))?;
        if own.uid() != ROOT {
            return Ok(Self::Ours);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(DevError::file("read", "/etc/passwd"))?;
        postgres_entry(&users).ok_or(DevError::NoPostgresUser)
    }

    /// Gives a folder to this user.
    pub(super) fn give(self, folder: &Path) -> Result<(), DevError> {
        match self {
            Self::Ours => Ok(()),
            Self::Postgres { uid, gid } => std::os::unix::fs::chown(folder, Some(uid), Some(gid))
                .map_err(DevError::file("change the owner of", folder)),
        }
    }

    /// How this user is told the way to a folder that [`Account::enter`] has opened.
    pub(super) fn name_of(self, folder: &Path) -> PathBuf {
        match self {
            Self::Ours => folder.to_path_buf(),
            Self::Postgres { .. } => PathBuf::from(OPEN_FOLDER),
        }
    }

    /// A command that runs what is appended to it as this user, in `folder`.
    ///
    /// `postgres` may not be allowed to walk to the folder: root's home is closed to it, and so is every
    /// checkout in there. So root opens the folder and hands it over, and nobody has to walk.
    pub(super) fn enter(self, folder: &Path, setpriv: &Path) -> Command {
        match self {
            Self::Ours => {
                let mut command = Command::new(setpriv);
                command.current_dir(folder);
                command
            }
            Self::Postgres { uid, gid } => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", "exec 9<\"$0\"; cd /; exec \"$@\""]).arg(folder).arg(setpriv).args([
                    format!("--reuid={uid}"),
                    format!("--regid={gid}"),
                    "--clear-groups".to_owned(),
                ]);
                command
            }
        }
    }
}

fn postgres_entry(users: &str) -> Option<Account> {
    let entry = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut numbers = entry.split(':').skip(2);
    let uid = numbers.next()?.parse().ok()?;
    let gid = numbers.next()?.parse().ok()?;
    Some(Account::Postgres { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_postgres_user_is_read_from_the_list_of_users() {
        let users =
            "root:x:0:0::/root:/bin/sh\npostgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(postgres_entry(users), Some(Account::Postgres { uid: 101, gid: 104 }));
        assert_eq!(postgres_entry("root:x:0:0::/root:/bin/sh\n"), None);
    }
}
