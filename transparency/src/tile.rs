//! Tiles: the tree's hashes in files of 256, and the entries likewise (C2SP `tlog-tiles`).

use std::fmt;
use std::str::FromStr;

/// How many hashes or entries a full tile has.
pub const TILE_HASHES: u16 = 256;

/// The highest level that a path can name.
const LEVEL_MAX: u8 = 63;

/// One file of hashes or entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// What is in it.
    pub kind: TileKind,
    /// Its number among those of its kind, from 0.
    pub index: u64,
    /// How many hashes or entries it has: [`TILE_HASHES`], or fewer at the end of a tree.
    pub width: u16,
}

/// What is in a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes. Those of level 0 are the leaves', and each of the next level stands for a full tile
    /// below it.
    Hashes(u8),
    /// The entries, each with its length before it.
    Entries,
}

/// A path that names no tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the path of a tile, such as tile/0/x001/x234/067 or tile/entries/000.p/17")]
pub struct NoTile;

impl TileKind {
    /// How many hashes or entries of this kind a tree of `size` leaves has.
    #[must_use]
    pub fn count_in(self, size: u64) -> u64 {
        let level = match self {
            Self::Hashes(level) => u32::from(level),
            Self::Entries => 0,
        };
        size.checked_shr(8 * level).unwrap_or_default()
    }

    /// The tile of this kind at `index` in a tree of `size` leaves, as wide as it is there.
    #[must_use]
    pub fn tile(self, index: u64, size: u64) -> Option<Tile> {
        let before = index.checked_mul(TILE_HASHES.into())?;
        let rest = self.count_in(size).checked_sub(before).filter(|rest| *rest > 0)?;
        let width = u16::try_from(rest).unwrap_or(TILE_HASHES).min(TILE_HASHES);
        Some(Tile { kind: self, index, width })
    }

    /// All tiles of this kind in a tree of `size` leaves, from the first.
    pub fn tiles(self, size: u64) -> impl Iterator<Item = Tile> {
        (0..).map_while(move |index| self.tile(index, size))
    }
}

impl Tile {
    /// Whether the tile can never grow.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.width == TILE_HASHES
    }

    /// The full tile that this one becomes.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_HASHES, ..self }
    }

    /// Whether a tree of `size` leaves has all of the tile.
    #[must_use]
    pub fn is_in(self, size: u64) -> bool {
        self.kind.tile(self.index, size).is_some_and(|there| self.width <= there.width)
    }

    /// The number of its first hash or entry.
    #[must_use]
    pub const fn first(self) -> u64 {
        self.index.saturating_mul(TILE_HASHES as u64)
    }
}

/// Its path below the log's prefix.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => write!(f, "tile/entries/")?,
        }
        let digits = format!("{:03}", self.index);
        let first = match digits.len() % 3 {
            0 => 3,
            rest => rest,
        };
        let (first, rest) = digits.split_at(first);
        let is_only = rest.is_empty();
        write!(f, "{}{first:0>3}", if is_only { "" } else { "x" })?;
        for (at, three) in rest.as_bytes().chunks(3).enumerate() {
            let is_last = 3 * (at + 1) == rest.len();
            let three = three.escape_ascii();
            write!(f, "/{}{three}", if is_last { "" } else { "x" })?;
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = NoTile;

    fn from_str(path: &str) -> Result<Self, NoTile> {
        let (kind, rest) =
            path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(NoTile)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().map_err(|_| NoTile)?),
        };
        if matches!(kind, TileKind::Hashes(level) if level > LEVEL_MAX) {
            return Err(NoTile);
        }
        let (number, width) = match rest.split_once(".p/") {
            None => (rest, TILE_HASHES),
            Some((number, width)) => (number, width.parse().map_err(|_| NoTile)?),
        };
        let digits = number.chars().filter(char::is_ascii_digit).collect::<String>();
        let index = digits.parse().map_err(|_| NoTile)?;
        let tile = Self { kind, index, width };
        // There is one way to write each.
        if (1..=TILE_HASHES).contains(&width) && tile.to_string() == path {
            Ok(tile)
        } else {
            Err(NoTile)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_read_as_it_is_written() {
        let hashes = |level, index, width| Tile { kind: TileKind::Hashes(level), index, width };
        let entries = |index, width| Tile { kind: TileKind::Entries, index, width };
        for (tile, path) in [
            (hashes(0, 0, 256), "tile/0/000"),
            (hashes(1, 0, 5), "tile/1/000.p/5"),
            (hashes(0, 1_234_067, 256), "tile/0/x001/x234/067"),
            (hashes(63, 999, 256), "tile/63/999"),
            (entries(1_000, 255), "tile/entries/x001/000.p/255"),
            (entries(12_345, 256), "tile/entries/x012/345"),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
        }
    }

    #[test]
    fn what_is_not_a_tile_is_refused() {
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/00/000",
            "tile/64/000",
            "tile/0/1000",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/257",
            "tile/-1/000",
            "tile/entries/00é",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/../000",
            "/tile/0/000",
        ] {
            assert_eq!(path.parse::<Tile>(), Err(NoTile), "{path}");
        }
    }

    #[test]
    fn a_tree_has_as_many_tiles_as_its_leaves_fill() {
        let paths = |kind: TileKind, size| {
            kind.tiles(size).map(|tile| tile.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(paths(TileKind::Hashes(0), 0), Vec::<String>::new());
        assert_eq!(paths(TileKind::Hashes(0), 256), ["tile/0/000"]);
        assert_eq!(paths(TileKind::Hashes(0), 300), ["tile/0/000", "tile/0/001.p/44"]);
        assert_eq!(paths(TileKind::Hashes(1), 300), ["tile/1/000.p/1"]);
        assert_eq!(paths(TileKind::Hashes(2), 300), Vec::<String>::new());
        assert_eq!(paths(TileKind::Hashes(63), u64::MAX), Vec::<String>::new());
        assert_eq!(paths(TileKind::Entries, 1), ["tile/entries/000.p/1"]);
    }
}
