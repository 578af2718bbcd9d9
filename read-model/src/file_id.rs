//! Which file is under a name.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

/// Tells files apart that are under the same name one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Of the file that is under a name by now, after all links. It waits for the file system.
    pub fn of(name: &Path) -> io::Result<Self> {
        let found = std::fs::metadata(name)?;
        Ok(Self { device: found.dev(), inode: found.ino() })
    }

    /// The same, for those who must not wait.
    pub(crate) async fn find(name: PathBuf) -> io::Result<Self> {
        spawn_blocking(move || Self::of(&name)).await?
    }
}
