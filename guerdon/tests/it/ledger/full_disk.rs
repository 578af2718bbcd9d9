//! A disk that a test fills and empties.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The disk of a ledger that is started with its variables.
pub(crate) struct Disk {
    library: PathBuf,
    is_full: PathBuf,
}

impl Disk {
    /// It has room. What it needs is put into this folder.
    pub(crate) fn with_room(folder: &Path) -> Self {
        Self { library: full_disk_library(folder), is_full: folder.join("disk-is-full") }
    }

    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        let [library, is_full] = [&self.library, &self.is_full].map(|path| path.to_str());
        [("LD_PRELOAD", library.expect("UTF-8")), ("DISK_IS_FULL", is_full.expect("UTF-8"))]
    }

    pub(crate) fn fill(&self) {
        fs::write(&self.is_full, "").expect("the disk is full");
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(&self.is_full).expect("there is room again");
    }
}

/// A library that lets writes fail as on a full disk while a file is there.
pub(crate) fn full_disk_library(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/full_disk.c");
    let library = folder.join("full_disk.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status()
        .expect("a C compiler is there");
    assert!(built.success());
    library
}
