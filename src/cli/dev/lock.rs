//! One owner per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::error::DevError;

/// Held while servers run in a data folder; released by the kernel when this process ends, however it ends.
///
/// The file stays behind on purpose: only the lock on it counts, and removing it would let two processes
/// lock two different files of the same name.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(super) fn take(folder: &Path) -> Result<Self, DevError> {
        let path = folder.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(DevError::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(DevError::Locked { folder: folder.to_path_buf(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(DevError::file("lock", &path)(source)),
        }
        let write_pid = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write_pid(&mut file).map_err(DevError::file("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// Who holds the lock, from what the holder wrote into the file.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("the process with pid {}", text.trim()),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_the_first_one_is() {
        let folder = std::env::temp_dir().join(format!("servers-lock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let first = FolderLock::take(&folder).unwrap();

        let error = FolderLock::take(&folder).unwrap_err();
        assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");

        drop(first);
        FolderLock::take(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
