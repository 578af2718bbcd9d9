//! Warns of files that others on the machine can read, although keys, addresses or passwords are in
//! them. Files that the ledger makes are its owner's alone; copies and backups often are not.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The bits of a file's mode that let others than its owner in.
const OTHERS: u32 = 0o077;

/// Warns of each of these files that others can read or write. A file that isn't there is none.
pub(crate) fn warn_of_open(files: impl IntoIterator<Item = PathBuf>) {
    for file in files {
        let Ok(metadata) = file.metadata() else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            tracing::warn!(
                file = %file.display(), mode = format!("{mode:o}"),
                "others on this machine can read this file or write to it; run chmod go= on it"
            );
        }
    }
}

/// A SQLite file with what SQLite keeps beside it.
pub(crate) fn sqlite_files(file: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = OsString::from(file);
        name.push(ending);
        name.into()
    })
}
