//! A growing tree, of which only the right edge is kept.

use crate::TreeHash;

/// The roots of a tree's full subtrees, from the largest on: all that a tree needs to grow and to
/// say its root. It has at most 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    full: Vec<TreeHash>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves, whose full subtrees `subtree` gives by level and
    /// index: that of level 3 and index 2 has the leaves 16 to 23.
    pub fn read<E>(
        size: u64,
        mut subtree: impl FnMut(u32, u64) -> Result<TreeHash, E>,
    ) -> Result<Self, E> {
        let levels = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1);
        let full = levels.map(|level| subtree(level, (size >> level) - 1));
        Ok(Self { size, full: full.collect::<Result<_, E>>()? })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn append(&mut self, leaf: TreeHash) {
        self.append_noting(leaf, |_, _| {});
    }

    /// Adds a leaf and gives each subtree that it fills, with its level; the first is the leaf.
    pub fn append_noting(&mut self, leaf: TreeHash, mut filled: impl FnMut(u32, TreeHash)) {
        let (mut hash, mut level) = (leaf, 0);
        filled(level, hash);
        while self.size >> level & 1 == 1 {
            let Some(left) = self.full.pop() else { break };
            hash = TreeHash::of_node(left, hash);
            level += 1;
            filled(level, hash);
        }
        self.full.push(hash);
        self.size += 1;
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let from_right = self.full.iter().rev().copied();
        from_right
            .reduce(|right, left| TreeHash::of_node(left, right))
            .unwrap_or_else(TreeHash::of_nothing)
    }
}
