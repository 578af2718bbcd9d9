//! Proofs: that a leaf is in a tree, and that a tree is the beginning of a later one (RFC 6962,
//! section 2.1; verified as in RFC 9162, sections 2.1.3.2 and 2.1.4.2).
//!
//! A proof is made of full subtrees, which `subtree` gives by level and index: that of level 3 and
//! index 2 has the leaves 16 to 23.

use crate::TreeHash;
use crate::shape::{full_subtrees, left_leaves, siblings, skip_single};

/// The proof that the leaf at `index`, counted from 0, is in the tree of `size` leaves. There is
/// none for a leaf that isn't.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    mut subtree: impl FnMut(u32, u64) -> Result<TreeHash, E>,
) -> Result<Option<Vec<TreeHash>>, E> {
    let Some(siblings) = siblings(index, size) else { return Ok(None) };
    siblings
        .into_iter()
        .map(|(from, to)| root_of(from, to, &mut subtree))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The proof that the tree of `earlier` leaves is the beginning of that of `later` ones. There is
/// none where it is the larger; none is needed where one of them is empty or both are the same.
pub fn consistency<E>(
    earlier: u64,
    later: u64,
    mut subtree: impl FnMut(u32, u64) -> Result<TreeHash, E>,
) -> Result<Option<Vec<TreeHash>>, E> {
    if earlier > later {
        return Ok(None);
    }
    let mut from_root = vec![];
    if earlier == 0 || earlier == later {
        return Ok(Some(from_root));
    }
    let (mut from, mut to, mut is_whole) = (0, later, true);
    while earlier < to {
        let middle = from + left_leaves(to - from);
        let (other, rest) = if earlier <= middle {
            ((middle, to), (from, middle))
        } else {
            is_whole = false;
            ((from, middle), (middle, to))
        };
        from_root.push(root_of(other.0, other.1, &mut subtree)?);
        (from, to) = rest;
    }
    if !is_whole {
        from_root.push(root_of(from, to, &mut subtree)?);
    }
    from_root.reverse();
    Ok(Some(from_root))
}

/// Whether the proof shows that the leaf at `index` is in the tree of this size and root.
#[must_use]
pub fn is_included(
    leaf: TreeHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
    root: TreeHash,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for &other in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = TreeHash::of_node(other, hash);
            skip_single(&mut node, &mut last);
        } else {
            hash = TreeHash::of_node(hash, other);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Whether the proof shows that the first tree, of this size and root, is the beginning of the
/// second.
#[must_use]
pub fn is_consistent(earlier: (u64, TreeHash), later: (u64, TreeHash), proof: &[TreeHash]) -> bool {
    let ((first, first_root), (second, second_root)) = (earlier, later);
    if first == second {
        return proof.is_empty() && first_root == second_root;
    }
    if first == 0 {
        return proof.is_empty() && first_root == TreeHash::of_nothing();
    }
    if first > second {
        return false;
    }
    // A full first tree is a node of the second, and the proof doesn't repeat it.
    let (start, rest) = match proof.split_first() {
        _ if first.is_power_of_two() => (first_root, proof),
        Some((start, rest)) => (*start, rest),
        None => return false,
    };
    let (mut node, mut last) = (first - 1, second - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut of_first, mut of_second) = (start, start);
    for &other in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            of_first = TreeHash::of_node(other, of_first);
            of_second = TreeHash::of_node(other, of_second);
            skip_single(&mut node, &mut last);
        } else {
            of_second = TreeHash::of_node(of_second, other);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && of_first == first_root && of_second == second_root
}

/// The root of the full tree over these leaves, whose number is a power of two; `None` for another.
#[must_use]
pub fn subtree_root(leaves: &[TreeHash]) -> Option<TreeHash> {
    if !leaves.len().is_power_of_two() {
        return None;
    }
    let mut hashes = leaves.to_vec();
    while hashes.len() > 1 {
        let (pairs, _) = hashes.as_chunks::<2>();
        hashes = pairs.iter().map(|&[left, right]| TreeHash::of_node(left, right)).collect();
    }
    hashes.pop()
}

/// The hash over the leaves from `from` to before `to`, as a subtree of the tree.
fn root_of<E>(
    from: u64,
    to: u64,
    subtree: &mut impl FnMut(u32, u64) -> Result<TreeHash, E>,
) -> Result<TreeHash, E> {
    let full = full_subtrees(from, to).into_iter().map(|(level, index)| subtree(level, index));
    let full = full.collect::<Result<Vec<_>, E>>()?;
    let from_right = full.into_iter().rev();
    let root = from_right.reduce(|right, left| TreeHash::of_node(left, right));
    Ok(root.unwrap_or_else(TreeHash::of_nothing))
}
