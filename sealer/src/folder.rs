//! Where the keys and the trees are: `signing-keys.json`, a file for each time that a key handed
//! over, and a folder for each tree, named by its log, generation and partition;
//! `balance-salts.json` and a folder of trees of balances for each partition.

use std::fs::{self, DirEntry, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use transparency::Origin;

use crate::FileError;

/// The folder of everything that is sealed.
#[derive(Clone, Debug)]
pub struct SealFolder(PathBuf);

impl SealFolder {
    /// The folder, which need not be there yet.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The file of the secret keys.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.0.join("signing-keys.json")
    }

    /// The file of the secret from which the accounts' salts in trees of balances come.
    #[must_use]
    pub fn balance_salts(&self) -> PathBuf {
        self.0.join("balance-salts.json")
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether any tree is there.
    pub(crate) fn has_trees(&self) -> io::Result<bool> {
        match fs::read_dir(&self.0) {
            Ok(entries) => Ok(entries.flatten().any(|entry| origin_of(&entry).is_some())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The origins of the trees that are there of earlier generations of the same log and
    /// partition, the oldest first.
    pub(crate) fn earlier(&self, of: &Origin) -> io::Result<Vec<Origin>> {
        let mut earlier = vec![];
        for entry in fs::read_dir(&self.0)? {
            let found = origin_of(&entry?);
            earlier.extend(found.filter(|it| Origin { generation: of.generation, ..*it } == *of));
        }
        earlier.retain(|it| it.generation < of.generation);
        earlier.sort_by_key(|it| it.generation);
        Ok(earlier)
    }

    /// The checkpoint in which a key handed over, counted from 1: kept beside the keys, whatever
    /// becomes of the trees.
    pub(crate) fn handover(&self, origin: &Origin, number: u32) -> PathBuf {
        let Origin { log_id, partition, .. } = origin;
        self.0.join(format!("{log_id}-{partition}-handover-{number}"))
    }

    /// The folder of a tree.
    pub(crate) fn of_tree(&self, origin: &Origin) -> TreeFolder {
        let Origin { log_id, generation, partition } = origin;
        TreeFolder(self.0.join(format!("{log_id}-{generation}-{partition}")))
    }
}

/// The tree whose folder this is; none of one such as `lost+found` of a disk of its own.
fn origin_of(entry: &DirEntry) -> Option<Origin> {
    let name = entry.file_name();
    let origin = format!("guerdon/{}", name.to_str()?).parse().ok()?;
    entry.path().is_dir().then_some(origin)
}

/// The folder of one tree.
#[derive(Clone, Debug)]
pub(crate) struct TreeFolder(PathBuf);

impl TreeFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.0)
    }

    /// The newest checkpoint.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint")
    }

    /// The newest checkpoint that witnesses signed, too.
    pub(crate) fn cosigned(&self) -> PathBuf {
        self.0.join("cosigned")
    }

    /// How far a tree has come that is made anew and isn't signed yet.
    pub(crate) fn unsigned(&self) -> PathBuf {
        self.0.join("unsigned")
    }

    /// The hashes of a level of tiles, one after the other.
    pub(crate) fn hashes(&self, level: u8) -> PathBuf {
        self.0.join(format!("hashes-{level}"))
    }

    /// Whether any of these files is there.
    pub(crate) fn has_hashes(&self) -> bool {
        (0..8).any(|level| self.hashes(level).exists())
    }

    /// A key's last checkpoint, counted from 1.
    pub(crate) fn handover(&self, number: u32) -> PathBuf {
        self.0.join(format!("handover-{number}"))
    }
}

/// Who may read a file that is put somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Readers {
    /// Its owner.
    Owner,
    /// Everybody on the machine, such as a web server's user, whatever the process's mask.
    Everybody,
}

/// What a file has; nothing where there is none.
pub(crate) fn read(file: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::of(file)(error)),
    }
}

/// Puts a file in the place of another, whole or not at all, and on the disk. What is there under
/// the name of the new file is removed and not written through: somebody may have prepared it, as a
/// link to elsewhere or as a file that others can read.
pub(crate) fn replace(file: &Path, text: &str, readers: Readers) -> Result<(), FileError> {
    let beside = file.with_extension("new");
    let put = || {
        let mut written = create_anew(&beside)?;
        written.write_all(text.as_bytes())?;
        if let Readers::Everybody = readers {
            written.set_permissions(Permissions::from_mode(0o644))?;
        }
        written.sync_all()?;
        fs::rename(&beside, file)?;
        match file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    put().map_err(FileError::of(file))
}

/// Makes a file that only its owner reads, in the place of any that is there.
pub(crate) fn create_anew(file: &Path) -> io::Result<File> {
    if let Err(error) = fs::remove_file(file)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    File::options().write(true).create_new(true).mode(0o600).open(file)
}
