//! Finds and reads the files of an import. Whatever is wrong with any of them is noted, and the rest is read on.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::actors::catalog_editor::definition::{
    Definition, DefinitionFault, DefinitionFormat, Reading, parse,
};

/// As much as one request may bring to the API, unless that is configured otherwise.
const FILE_BYTES_MAX: u64 = 1_048_576;

/// Folders in folders. More is a mistake.
const DEPTH_MAX: usize = 32;

/// Entries of all folders together that are looked at: whoever names `/` wants an answer, too.
const ENTRIES_MAX: usize = 50_000;

/// How standard input is named, as an argument and in faults.
const STDIN: &str = "-";

/// Reads everything at these paths as one import.
///
/// # Errors
/// Every fault of every file.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Definition>, Vec<DefinitionFault>> {
    let mut files = Files::default();
    for path in paths {
        files.named(path);
    }
    let Files { mut reading, files_read, .. } = files;
    if files_read == 0 {
        reading.fault("", "", "no definition was found: .json, .yaml and .yml files are read");
    }
    reading.finish()
}

#[derive(Default)]
struct Files {
    reading: Reading,
    /// Folders and files that were met, by where they really are: links may lead to them twice, or in a circle.
    met: HashSet<PathBuf>,
    entries: usize,
    files_read: usize,
}

impl Files {
    /// What was named by hand must be there and must be of use.
    fn named(&mut self, path: &Path) {
        if path.as_os_str() == STDIN {
            return self.standard_input();
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => self.folder(path, 0),
            Ok(_) => match DefinitionFormat::of_path(path) {
                Some(format) => self.file(path, format),
                None => self.fault(path, "must be named .json, .yaml or .yml"),
            },
            Err(error) => self.fault(path, format!("cannot be read: {error}")),
        }
    }

    /// What lies in a folder is read if it looks like a definition. Hidden entries are passed over.
    fn folder(&mut self, path: &Path, depth: usize) {
        if depth > DEPTH_MAX {
            return self.fault(path, format!("is more than {DEPTH_MAX} folders deep"));
        }
        if !self.is_new(path) {
            return;
        }
        let names = match entries(path) {
            Ok(names) => names,
            Err(error) => return self.fault(path, format!("cannot be read: {error}")),
        };
        for name in names {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                // Said once: everything after it is passed over in silence.
                if self.entries == ENTRIES_MAX + 1 {
                    self.fault(path, format!("there are more than {ENTRIES_MAX} files to look at"));
                }
                return;
            }
            self.entry(&path.join(name), depth);
        }
    }

    fn entry(&mut self, path: &Path, depth: usize) {
        let format = DefinitionFormat::of_path(path);
        match (fs::metadata(path), format) {
            (Ok(found), _) if found.is_dir() => self.folder(path, depth + 1),
            (Ok(_), Some(format)) => self.file(path, format),
            (Err(error), Some(_)) => self.fault(path, format!("cannot be read: {error}")),
            (Ok(_) | Err(_), None) => {}
        }
    }

    fn file(&mut self, path: &Path, format: DefinitionFormat) {
        if !self.is_new(path) {
            return;
        }
        self.files_read += 1;
        // Opening a pipe would wait for its writer.
        if !fs::metadata(path).is_ok_and(|found| found.is_file()) {
            return self.fault(path, "is not a file");
        }
        let origin = path.display().to_string();
        match File::open(path) {
            Ok(file) => self.text(&origin, file, |_bytes| format),
            Err(error) => self.fault(path, format!("cannot be read: {error}")),
        }
    }

    fn standard_input(&mut self) {
        self.files_read += 1;
        self.text(STDIN, io::stdin().lock(), DefinitionFormat::of_text);
    }

    fn text(&mut self, origin: &str, source: impl Read, format: impl Fn(&[u8]) -> DefinitionFormat) {
        let mut bytes = Vec::new();
        if let Err(error) = source.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes) {
            return self.reading.fault(origin, "", format!("cannot be read: {error}"));
        }
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return self.reading.fault(origin, "", format!("must have {FILE_BYTES_MAX} bytes at most"));
        }
        match parse(format(&bytes), &bytes) {
            Ok(document) => self.reading.add(origin, document),
            Err(why) => self.reading.not_readable(origin, &why),
        }
    }

    fn is_new(&mut self, path: &Path) -> bool {
        let real = fs::canonicalize(path).unwrap_or_else(|_gone| path.to_owned());
        self.met.insert(real)
    }

    fn fault(&mut self, path: &Path, message: impl Into<String>) {
        self.reading.fault(&path.display().to_string(), "", message);
    }
}

/// The names in a folder in alphabetic order, so that the same folder is always read in the same way.
fn entries(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)?.take(ENTRIES_MAX + 1) {
        let name = entry?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
