//! Which user the servers run as.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::DevError;
use super::programs::Programs;

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

impl Account {
    pub(super) fn find() -> Result<Self, DevError> {
        let own = fs::metadata("/proc/self").map_err(DevError::file("read", "/proc/self"))?;
        if own.uid() != ROOT {
            return Ok(Self::Ours);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(DevError::file("read", "/etc/passwd"))?;
        postgres_entry(&users).ok_or(DevError::NoPostgresUser)
    }

    /// The arguments that make `setpriv` run a program as this user.
    pub(super) fn setpriv_arguments(self) -> Vec<String> {
        match self {
            Self::Ours => Vec::new(),
            Self::Postgres { uid, gid } => {
                vec![format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]
            }
        }
    }

    /// Gives a folder to this user.
    pub(super) fn give(self, folder: &Path) -> Result<(), DevError> {
        match self {
            Self::Ours => Ok(()),
            Self::Postgres { uid, gid } => std::os::unix::fs::chown(folder, Some(uid), Some(gid))
                .map_err(DevError::file("change the owner of", folder)),
        }
    }

    /// Fails on the first folder on the way to `folder` (itself included) that this user may not enter.
    pub(super) fn check_can_enter(self, folder: &Path, programs: &Programs) -> Result<(), DevError> {
        if self == Self::Ours || self.can_enter(folder, programs)? {
            return Ok(());
        }
        let mut way: Vec<&Path> = folder.ancestors().collect();
        way.reverse();
        for step in way {
            if !self.can_enter(step, programs)? {
                return Err(DevError::NotTraversable { folder: step.to_path_buf() });
            }
        }
        Ok(())
    }

    /// Asks the kernel, as that user, rather than reading permission bits: access lists count too.
    fn can_enter(self, folder: &Path, programs: &Programs) -> Result<bool, DevError> {
        let status = Command::new(&programs.setpriv)
            .args(self.setpriv_arguments())
            .args(["sh", "-c", "test -x \"$0\""])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.map(|status| status.success()).map_err(DevError::file("run", &programs.setpriv))
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
