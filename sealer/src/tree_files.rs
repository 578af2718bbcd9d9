//! A tree's hashes on the disk: one file for each level of tiles, with the hashes one after the
//! other, so that a tile is a part of a file.
//!
//! The files only grow. What stands after the size of the newest checkpoint was written by a
//! process that died, and is written again.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;

use transparency::{Checkpoint, Frontier, TILE_HASHES, Tile, TileKind, TreeHash, subtree_root};

use crate::SealError;
use crate::folder::TreeFolder;

const HASH_BYTES: u64 = 32;

/// A tree that grows.
#[derive(Debug)]
pub(crate) struct TreeFiles {
    folder: TreeFolder,
    tree: Frontier,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    file: File,
    /// How many hashes are in the file.
    written: u64,
    /// Those after them.
    waiting: Vec<u8>,
}

impl TreeFiles {
    /// The tree of a folder with its first `size` leaves.
    pub(crate) fn open(folder: &TreeFolder, size: u64) -> io::Result<Self> {
        folder.make()?;
        let tree = Frontier::read(size, |level, index| subtree(folder, level, index))?;
        let mut files = Self { folder: folder.clone(), tree, levels: vec![] };
        let counts = (0..8).map(|level| TileKind::Hashes(level).count_in(size));
        for written in counts.take_while(|count| *count > 0) {
            files.add_level(written)?;
        }
        Ok(files)
    }

    pub(crate) const fn size(&self) -> u64 {
        self.tree.size()
    }

    pub(crate) fn root(&self) -> TreeHash {
        self.tree.root()
    }

    /// Adds leaves, and writes what they fill.
    pub(crate) fn append(&mut self, leaves: &[TreeHash]) -> io::Result<()> {
        let mut of_tiles = vec![];
        for leaf in leaves {
            self.tree.append_noting(*leaf, |level, hash| {
                if level.is_multiple_of(8) {
                    of_tiles.push(hash);
                }
            });
            for (level, hash) in of_tiles.drain(..).enumerate() {
                if self.levels.len() == level {
                    self.add_level(0)?;
                }
                if let Some(level) = self.levels.get_mut(level) {
                    level.waiting.extend_from_slice(&hash.0);
                }
            }
        }
        for level in &mut self.levels {
            level.file.write_all_at(&level.waiting, level.written * HASH_BYTES)?;
            level.written += level.waiting.len() as u64 / HASH_BYTES;
            level.waiting.clear();
        }
        Ok(())
    }

    fn add_level(&mut self, written: u64) -> io::Result<()> {
        let number = u8::try_from(self.levels.len()).map_err(io::Error::other)?;
        let path = self.folder.hashes(number);
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        self.levels.push(Level { file, written, waiting: vec![] });
        Ok(())
    }
}

/// The tree of a checkpoint; `None` if the log has another event where it ends. If the files don't
/// give its root, why. A disk that can't be used is an error: the files may be whole.
pub(crate) fn open_at(
    folder: &TreeFolder,
    checkpoint: &Checkpoint,
    leaf: TreeHash,
) -> Result<Result<Option<TreeFiles>, String>, SealError> {
    let open = || -> io::Result<Option<TreeFiles>> {
        let tree = TreeFiles::open(folder, checkpoint.size)?;
        if !are_whole(folder, checkpoint.size)? || tree.root() != checkpoint.root {
            return Err(io::Error::other("they don't give the root that was signed"));
        }
        let last = subtree(folder, 0, checkpoint.size - 1)?;
        Ok((last == leaf).then_some(tree))
    };
    match open() {
        Ok(opened) => Ok(Ok(opened)),
        Err(error) if is_damage(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(SealError::file(folder.path())(error)),
    }
}

/// The root that the tree had when it had so many leaves.
pub(crate) fn root_at(folder: &TreeFolder, size: u64) -> Result<TreeHash, SealError> {
    let tree = Frontier::read(size, |level, index| subtree(folder, level, index));
    tree.map(|tree| tree.root()).map_err(SealError::file(folder.path()))
}

/// Whether files are missing, too short or wrong, and not merely out of reach.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof | ErrorKind::Other)
}

/// Whether each hash of a level is that of the full tile below it.
pub(crate) fn are_whole(folder: &TreeFolder, size: u64) -> io::Result<bool> {
    for level in 1..8 {
        for index in 0..TileKind::Hashes(level).count_in(size) {
            let first = index * u64::from(TILE_HASHES);
            let below = read_hashes(folder, level - 1, first, TILE_HASHES.into())?;
            let hash = read_hashes(folder, level, index, 1)?;
            let below = TreeHash::all_in(&below).as_deref().and_then(subtree_root);
            if below.is_none_or(|below| below.0 != *hash) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A tile of hashes, which must be in the tree.
pub(crate) fn read_tile(folder: &TreeFolder, level: u8, tile: Tile) -> io::Result<Vec<u8>> {
    read_hashes(folder, level, tile.first(), tile.width.into())
}

/// The root of a full subtree of a tree.
pub(crate) fn subtree(folder: &TreeFolder, level: u32, index: u64) -> io::Result<TreeHash> {
    let (tiles, above) = (level / 8, level % 8);
    let tiles = u8::try_from(tiles).map_err(io::Error::other)?;
    let bytes = read_hashes(folder, tiles, index << above, 1 << above)?;
    let hashes = TreeHash::all_in(&bytes).unwrap_or_default();
    subtree_root(&hashes).ok_or_else(|| io::Error::other("its hashes fill no subtree"))
}

fn read_hashes(folder: &TreeFolder, level: u8, first: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count * 32];
    File::open(folder.hashes(level))?.read_exact_at(&mut bytes, first * HASH_BYTES)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use log_record::{Generation, LogId, Partition};
    use transparency::Origin;
    use uuid::Uuid;

    use super::*;
    use crate::SealFolder;

    fn leaf(number: u64) -> TreeHash {
        TreeHash::of_leaf(&number.to_be_bytes())
    }

    #[test]
    fn only_files_that_are_wrong_are_made_anew() {
        let home = tempfile::tempdir().expect("a folder");
        let log_id = LogId(Uuid::from_u128(7));
        let origin = Origin { log_id, generation: Generation(1), partition: Partition(0) };
        let folder = SealFolder::at(home.path().into()).of_tree(&origin);
        let mut tree = TreeFiles::open(&folder, 0).expect("opened");
        tree.append(&[leaf(1), leaf(2)]).expect("written");
        let checkpoint = Checkpoint { origin, size: 2, root: tree.root(), next_key: None };
        let open = |last| open_at(&folder, &checkpoint, last);
        assert!(matches!(open(leaf(2)), Ok(Ok(Some(_)))));
        assert!(matches!(open(leaf(3)), Ok(Ok(None))), "another event");
        let file = folder.hashes(0);
        for damaged in [vec![], vec![7_u8; 63], vec![7; 64]] {
            std::fs::write(&file, damaged).expect("written");
            assert!(matches!(open(leaf(2)), Ok(Err(_))));
        }
        std::fs::remove_file(&file).expect("removed");
        assert!(matches!(open(leaf(2)), Ok(Err(_))));
        // As with a disk that is read-only or too many open files.
        std::fs::create_dir(&file).expect("made");
        assert!(matches!(open(leaf(2)), Err(SealError::File(_))));
    }

    #[test]
    fn a_tree_goes_on_from_any_size_that_was_kept() {
        let home = tempfile::tempdir().expect("a folder");
        let log_id = LogId(Uuid::from_u128(7));
        let origin = Origin { log_id, generation: Generation(1), partition: Partition(0) };
        let folder = SealFolder::at(home.path().into()).of_tree(&origin);
        let leaves: Vec<TreeHash> = (0..70_000).map(leaf).collect();
        let mut expected = Frontier::default();
        let mut roots = vec![expected.root()];
        for leaf in &leaves {
            expected.append(*leaf);
            roots.push(expected.root());
        }
        let mut size = 0;
        for step in [1, 255, 256, 1_000, 64_024, 4_000, 464] {
            // A process that died had written more than it signed.
            let mut tree = TreeFiles::open(&folder, size as u64).expect("opened");
            tree.append(&[leaf(1), leaf(2)]).expect("written");
            let mut tree = TreeFiles::open(&folder, size as u64).expect("opened");
            tree.append(&leaves[size..size + step]).expect("written");
            size += step;
            assert_eq!((tree.size(), tree.root()), (size as u64, roots[size]));
            let again = TreeFiles::open(&folder, size as u64).expect("opened");
            assert_eq!(again.root(), roots[size], "{size}");
        }
        let tile = TileKind::Hashes(0).tile(3, size as u64).expect("a tile");
        let bytes = read_tile(&folder, 0, tile).expect("read");
        assert_eq!(TreeHash::all_in(&bytes).as_deref(), Some(&leaves[768..1_024]));
        assert_eq!(folder.hashes(2).metadata().expect("there").len(), 32);
        assert!(TreeFiles::open(&folder, 80_000).is_err(), "it was never written");
    }
}
