//! The disk under a ledger's files: whose they are, how one is replaced, how much room there is.

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;

use serde::Serialize;

/// Root may give its files to somebody else; nobody else may.
const ROOT: u32 = 0;

/// Who owns a ledger's files. A tool that runs as root makes its files this user's, or the server
/// couldn't read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: u32,
    group: u32,
}

impl Owner {
    /// The owner of a file or folder, or of the nearest folder above that is there.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = path.ancestors().find_map(|path| {
            let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
            path.metadata().ok()
        });
        let found = found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Self::from_metadata(&found))
    }

    /// Who owns the files in a folder. A folder of root's in which others may write, as where a
    /// disk is mounted, says nothing of who reads it: there it is whose files are in it, or, where
    /// there are none, who is about to make the first.
    pub(crate) fn of_files_in(folder: &Path) -> io::Result<Self> {
        let owner = Self::of(folder)?;
        if owner.user != ROOT || is_root() {
            return Ok(owner);
        }
        let this = this_user();
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files = entries.filter_map(|entry| entry.metadata().ok()).filter(Metadata::is_file);
        let others = files.find(|file| file.uid() != this);
        Ok(others.map_or(Self { user: this, ..owner }, |file| Self::from_metadata(&file)))
    }

    fn from_metadata(file: &Metadata) -> Self {
        Self { user: file.uid(), group: file.gid() }
    }

    /// Whether a file that this process makes can be read by the owner.
    #[must_use]
    pub fn is_served(self) -> bool {
        is_root() || this_user() == self.user
    }

    /// Gives a file that this process has made to the owner.
    pub fn own(self, file: &File) -> io::Result<()> {
        if Self::from_metadata(&file.metadata()?) == self || !is_root() {
            return Ok(());
        }
        fchown(file, Some(self.user), Some(self.group))
    }
}

fn is_root() -> bool {
    this_user() == ROOT
}

fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Puts a small file in the place of another: durably, and whole or not at all.
pub fn replace_json(file: &Path, json: &impl Serialize, owner: Option<Owner>) -> io::Result<()> {
    let beside = file.with_extension("json.new");
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || {
        let mut written = File::create(&beside)?;
        if let Some(owner) = owner {
            owner.own(&written)?;
        }
        serde_json::to_writer_pretty(&mut written, json)?;
        writeln!(written)?;
        written.sync_all()?;
        fs::rename(&beside, file)?;
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// How many bytes can be written to the disk of `folder` by this user.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
