//! Where servers of a test's own keep their data.

use std::fs;
use std::path::PathBuf;

use botberi::cli::dev::{Cancel, Durability, Ports, ServersSpec};

/// A data folder that ends with its test, together with whatever still works in it.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

impl Folder {
    /// An empty one.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("servers-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self { path: fs::canonicalize(path).unwrap() }
    }

    /// Servers in it, on free ports.
    pub(crate) fn spec(&self) -> ServersSpec {
        ServersSpec {
            data_dir: self.path.clone(),
            ports: Ports::free().unwrap(),
            rabbitmq_nodes: 1,
            durability: Durability::Throwaway,
            cancel: Cancel::default(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a failed test leaves behind is for whoever looks into it.
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.path).unwrap();
        }
    }
}
