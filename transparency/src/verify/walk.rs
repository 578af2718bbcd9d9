//! Walking through a log's tree from its first leaf to its root.

use std::collections::VecDeque;

use log_record::{FixedRecord, Generation, Position, RecordedEvent};

use super::Finding;
use crate::{BundleError, Checkpoint, Frontier, TILE_HASHES, Tile, TileKind, TreeHash, unbundle};

/// How far one has come.
pub(super) struct Walk {
    checkpoint: Checkpoint,
    tree: Frontier,
    /// Roots that the tree must have had, those of the smallest last.
    roots: Vec<(Checkpoint, String)>,
    /// The hashes of the tiles above the leaves that are being filled, by their level from 1.
    above: Vec<Vec<TreeHash>>,
    /// The hashes of tiles that a leaf fills, from its own on.
    of_tiles: Vec<TreeHash>,
    /// Tiles that were filled and are to be compared, with what is in them.
    filled: VecDeque<(Tile, Vec<TreeHash>)>,
    last: Option<(Generation, i64)>,
}

impl Walk {
    pub(super) fn new(checkpoint: &Checkpoint, mut roots: Vec<(Checkpoint, String)>) -> Self {
        roots.sort_by_key(|(root, _)| std::cmp::Reverse(root.size));
        Self {
            checkpoint: checkpoint.clone(),
            tree: Frontier::default(),
            roots,
            above: vec![],
            of_tiles: vec![],
            filled: VecDeque::new(),
            last: None,
        }
    }

    pub(super) const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Takes a tile of leaves, and the bundle of their entries where there is one.
    pub(super) fn leaves(
        &mut self,
        tile: Tile,
        leaves: &[TreeHash],
        bundle: Option<(Tile, &[u8])>,
    ) -> Result<(), Finding> {
        let entries = match bundle {
            Some((read, bytes)) => Some(entries(read, bytes)?),
            None => None,
        };
        for (at, leaf) in (0..).zip(leaves) {
            let position = Position(tile.first() + at + 1);
            if let Some(entries) = &entries {
                let wrong = |what: String| Finding::Entry { position, what };
                let entry = usize::try_from(at).ok().and_then(|at| entries.get(at));
                let entry = entry.ok_or_else(|| wrong("its entry is missing".into()))?;
                self.check_record(entry, position).map_err(wrong)?;
                if TreeHash::of_leaf(entry) != *leaf {
                    return Err(wrong(format!(
                        "its entry and its leaf in {tile} differ: one of them was changed"
                    )));
                }
            }
            self.append(*leaf)?;
        }
        if let Some(entries) = &entries
            && let Some((read, _)) = bundle
            && entries.len() > usize::from(read.width)
        {
            let position = Position(read.first() + u64::from(read.width) + 1);
            let what = format!("{read} has an entry that isn't in its place");
            return Err(Finding::Entry { position, what });
        }
        Ok(())
    }

    fn check_record(&mut self, entry: &[u8], position: Position) -> Result<(), String> {
        let origin = &self.checkpoint.origin;
        let record = FixedRecord::parse(entry).map_err(|error| error.to_string())?;
        if record.log_id != origin.log_id {
            return Err(format!("its entry is of the log {}", record.log_id));
        }
        if (record.place.partition, record.place.position) != (origin.partition, position) {
            return Err(format!("its entry is that of {}", record.place));
        }
        let now = (record.generation, record.recorded_at);
        let (generation, recorded_at) = self.last.unwrap_or(now);
        let is_fork = record.event_type == RecordedEvent::FORK && record.generation > generation;
        if record.generation != generation && !is_fork {
            return Err(format!(
                "its entry is of generation {}, and the one before of {generation}",
                record.generation
            ));
        }
        if record.recorded_at < recorded_at {
            return Err("its entry was recorded before the one in front of it".into());
        }
        let is_last = position.0 == self.checkpoint.size;
        if is_last && record.generation != origin.generation {
            return Err(format!(
                "the last entry is of generation {}, and the checkpoint of {}",
                record.generation, origin.generation
            ));
        }
        self.last = Some(now);
        Ok(())
    }

    fn append(&mut self, leaf: TreeHash) -> Result<(), Finding> {
        let mut of_tiles = std::mem::take(&mut self.of_tiles);
        self.tree.append_noting(leaf, |level, hash| {
            if level.is_multiple_of(8) {
                of_tiles.push(hash);
            }
        });
        for (level, hash) in (0..).zip(of_tiles.drain(..)).skip(1) {
            self.fill(level, hash);
        }
        self.of_tiles = of_tiles;
        self.compare_roots()
    }

    /// Adds a hash to the last tile of a level above the leaves.
    fn fill(&mut self, level: u8, hash: TreeHash) {
        let kind = TileKind::Hashes(level);
        let last = kind.count_in(self.tree.size()).saturating_sub(1);
        let (at, index) = (usize::from(level), last / u64::from(TILE_HASHES));
        // A level begins with its first hash.
        self.above.resize(self.above.len().max(at), vec![]);
        let Some(hashes) = self.above.get_mut(at - 1) else { return };
        hashes.push(hash);
        if hashes.len() == usize::from(TILE_HASHES) {
            let tile = Tile { kind, index, width: TILE_HASHES };
            self.filled.push_back((tile, std::mem::take(hashes)));
        }
    }

    /// Compares the roots of the tree's present size.
    pub(super) fn compare_roots(&mut self) -> Result<(), Finding> {
        while let Some((root, what)) = self.roots.pop_if(|(root, _)| root.size == self.tree.size())
        {
            let found = self.tree.root();
            if root.root != found {
                let now = self.checkpoint.origin.generation;
                return Err(Finding::Rewritten {
                    what,
                    size: root.size,
                    expected: root.root,
                    found,
                    generation: (root.origin.generation != now).then_some(now),
                });
            }
        }
        Ok(())
    }

    /// At the end: the tiles on the right edge are filled as far as they will be.
    pub(super) fn fill_edge(&mut self) {
        let size = self.tree.size();
        for (level, hashes) in (1..).zip(&mut self.above) {
            let kind = TileKind::Hashes(level);
            let index = kind.count_in(size) / u64::from(TILE_HASHES);
            if let Some(tile) = kind.tile(index, size)
                && !hashes.is_empty()
            {
                self.filled.push_back((tile, std::mem::take(hashes)));
            }
        }
    }

    /// Compares the tree with the checkpoint.
    pub(super) fn end(&self) -> Result<(), Finding> {
        let (expected, found) = (self.checkpoint.root, self.tree.root());
        if expected == found {
            return Ok(());
        }
        Err(Finding::Rewritten {
            what: "the newest checkpoint".into(),
            size: self.checkpoint.size,
            expected,
            found,
            generation: None,
        })
    }

    /// The next tile to compare.
    pub(super) fn wanted(&self) -> Option<Tile> {
        self.filled.front().map(|(tile, _)| *tile)
    }

    /// Compares a tile above the leaves with what the tiles below give.
    pub(super) fn compare(&mut self, tile: Tile, hashes: &[TreeHash]) -> Result<(), Finding> {
        let Some((_, expected)) = self.filled.pop_front() else { return Ok(()) };
        let differs = (0..).zip(hashes.iter().zip(&expected)).find(|(_, (a, b))| a != b);
        if let Some((at, _)) = differs {
            return Err(Finding::Tile {
                path: tile.to_string(),
                what: "a hash in it isn't that of the tile below",
                positions: below(tile, at),
            });
        }
        Ok(())
    }
}

/// The events that a tile stands for.
pub(super) fn positions(tile: Tile) -> (u64, u64) {
    let (first, _) = below(tile, 0);
    let (_, last) = below(tile, u64::from(tile.width).saturating_sub(1));
    (first, last)
}

/// The events that one hash of a tile stands for.
fn below(tile: Tile, at: u64) -> (u64, u64) {
    let leaves = match tile.kind {
        TileKind::Hashes(level) => 1_u64.checked_shl(8 * u32::from(level)).unwrap_or(u64::MAX),
        TileKind::Entries => 1,
    };
    let first = tile.first().saturating_add(at).saturating_mul(leaves);
    (first.saturating_add(1), first.saturating_add(leaves))
}

/// The entries of a bundle.
fn entries(tile: Tile, bundle: &[u8]) -> Result<Vec<&[u8]>, Finding> {
    unbundle(bundle).map_err(|error| Finding::Tile {
        path: tile.to_string(),
        what: "it ends within an entry",
        positions: match error {
            BundleError::Cut(at) => below(tile, (at as u64).saturating_sub(1)),
            BundleError::TooLong(_) => positions(tile),
        },
    })
}
