//! A disk that a test fills and empties.

use std::path::{Path, PathBuf};
use std::process::Command;

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
