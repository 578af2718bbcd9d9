//! The shape of a tree (RFC 6962, section 2.1), whatever its nodes are: which leaves are beside a
//! way, and which full subtrees are over some leaves.

/// The leaves under each sibling on the way from the leaf at `index` to the top of a tree of `size`
/// leaves, from below: from the first to before the second. There are none for a leaf that isn't
/// in it.
pub(crate) fn siblings(index: u64, size: u64) -> Option<Vec<(u64, u64)>> {
    if index >= size {
        return None;
    }
    let (mut from, mut to) = (0, size);
    let mut from_top = vec![];
    while to - from > 1 {
        let middle = from + left_leaves(to - from);
        let (other, rest) = if index < middle {
            ((middle, to), (from, middle))
        } else {
            ((from, middle), (middle, to))
        };
        from_top.push(other);
        (from, to) = rest;
    }
    from_top.reverse();
    Some(from_top)
}

/// The full subtrees over the leaves from `from` to before `to`, from the left, each by its level
/// and index.
pub(crate) fn full_subtrees(mut from: u64, to: u64) -> Vec<(u32, u64)> {
    let mut full = vec![];
    while from < to {
        let leaves = to - from;
        let level = if leaves.is_power_of_two() { leaves } else { left_leaves(leaves) }.ilog2();
        full.push((level, from >> level));
        from += 1 << level;
    }
    full
}

/// How many of two or more leaves are in the left subtree: the largest power of two below.
pub(crate) const fn left_leaves(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// A node on the right edge without a sibling stands for its parent.
pub(crate) const fn skip_single(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}
