//! The tree: RFC 6962's test vectors, and laws of proofs.

use std::convert::Infallible;

use log_record::{hex, parse_hex};
use proptest::prelude::*;
use transparency::{
    Frontier, TreeHash, consistency, inclusion, is_consistent, is_included, subtree_root,
};

/// The entries of the vectors of Certificate Transparency's reference implementation (its file
/// `merkletree/merkle_tree_test.cc`), which transparency-dev/merkle keeps.
const ENTRIES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Index, size, proof.
const INCLUDED: [(u64, u64, &[&str]); 6] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (1, 2, &["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"]),
];

/// Earlier size, later size, proof.
const CONSISTENT: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn leaves() -> Vec<TreeHash> {
    let entry = |digits: &str| {
        let pairs = digits.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let digits = std::str::from_utf8(pair).expect("digits");
            parse_hex::<1>(digits).expect("two digits")[0]
        };
        pairs.map(byte).collect::<Vec<u8>>()
    };
    ENTRIES.iter().map(|digits| TreeHash::of_leaf(&entry(digits))).collect()
}

/// Leaves that are all different.
fn numbered(size: u64) -> Vec<TreeHash> {
    (0..size).map(|number| TreeHash::of_leaf(&number.to_be_bytes())).collect()
}

/// The root as RFC 6962 writes it down, in section 2.1.
fn root(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => TreeHash::of_nothing(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            TreeHash::of_node(root(left), root(right))
        }
    }
}

fn subtree(leaves: &[TreeHash]) -> impl FnMut(u32, u64) -> Result<TreeHash, Infallible> {
    move |level, index| {
        let first = usize::try_from(index << level).expect("an index");
        Ok(subtree_root(&leaves[first..first + (1 << level)]).expect("a full subtree"))
    }
}

fn hashes(digits: &[&str]) -> Vec<TreeHash> {
    digits.iter().map(|digits| TreeHash(parse_hex(digits).expect("a hash"))).collect()
}

#[test]
fn the_published_roots_come_out() {
    let mut tree = Frontier::default();
    for (size, expected) in ROOTS.iter().enumerate() {
        assert_eq!(hex(&tree.root().0), *expected, "{size}");
        assert_eq!(hex(&root(&leaves()[..size]).0), *expected, "{size}");
        if let Some(leaf) = leaves().get(size) {
            tree.append(*leaf);
        }
    }
}

#[test]
fn the_published_proofs_come_out_and_are_verified() {
    let leaves = leaves();
    let root_at = |size: u64| root(&leaves[..usize::try_from(size).expect("a size")]);
    for (index, size, digits) in INCLUDED {
        let Ok(proof) = inclusion(index, size, subtree(&leaves));
        assert_eq!(proof.as_ref(), Some(&hashes(digits)), "{index} in {size}");
        let leaf = leaves[usize::try_from(index).expect("an index")];
        assert!(is_included(leaf, index, size, &hashes(digits), root_at(size)));
    }
    for (earlier, later, digits) in CONSISTENT {
        let Ok(proof) = consistency(earlier, later, subtree(&leaves));
        assert_eq!(proof.as_ref(), Some(&hashes(digits)), "{earlier} to {later}");
        let (first, second) = ((earlier, root_at(earlier)), (later, root_at(later)));
        assert!(is_consistent(first, second, &hashes(digits)));
    }
}

#[test]
fn every_leaf_and_every_earlier_tree_is_proved_in_small_trees() {
    let leaves = numbered(40);
    let root_at = |size: u64| root(&leaves[..usize::try_from(size).expect("a size")]);
    for size in 0..40 {
        for index in 0..size {
            let Ok(proof) = inclusion(index, size, subtree(&leaves));
            let proof = proof.expect("a proof");
            let leaf = leaves[usize::try_from(index).expect("an index")];
            assert!(is_included(leaf, index, size, &proof, root_at(size)), "{index} in {size}");
        }
        for earlier in 0..=size {
            let Ok(proof) = consistency(earlier, size, subtree(&leaves));
            let proof = proof.expect("a proof");
            let (first, second) = ((earlier, root_at(earlier)), (size, root_at(size)));
            assert!(is_consistent(first, second, &proof), "{earlier} to {size}");
        }
        let Ok(none) = inclusion(size, size, subtree(&leaves));
        assert_eq!(none, None);
        let Ok(none) = consistency(size + 1, size, subtree(&leaves));
        assert_eq!(none, None);
    }
}

#[test]
fn a_frontier_goes_on_from_what_was_kept() {
    let leaves = numbered(70);
    let mut tree = Frontier::default();
    for size in 0..70_usize {
        let Ok(read) = Frontier::read(size as u64, subtree(&leaves));
        assert_eq!(read, tree, "{size}");
        tree.append(leaves[size]);
    }
}

proptest! {
    #[test]
    fn a_proof_of_something_else_is_refused(
        size in 1_u64..70, index in 0_u64..70, other in 0_u64..70, flipped in 0_usize..600,
    ) {
        let (leaves, index) = (numbered(70), index % size);
        let root_at = |size: u64| root(&leaves[..usize::try_from(size).expect("a size")]);
        let Ok(proof) = inclusion(index, size, subtree(&leaves));
        let proof = proof.expect("a proof");
        let leaf = leaves[usize::try_from(index).expect("an index")];
        if other != index {
            prop_assert!(!is_included(leaf, other, size, &proof, root_at(size)));
            let leaf = leaves[usize::try_from(other).expect("an index")];
            prop_assert!(!is_included(leaf, index, size, &proof, root_at(size)));
        }
        if !proof.is_empty() {
            let mut changed = proof.clone();
            let hash = flipped / 8 % changed.len();
            changed[hash].0[flipped % 32] ^= 1 << (flipped % 8);
            prop_assert!(!is_included(leaf, index, size, &changed, root_at(size)));
            prop_assert!(!is_included(leaf, index, size, &proof[1..], root_at(size)));
        }
        let mut longer = proof;
        longer.push(leaf);
        prop_assert!(!is_included(leaf, index, size, &longer, root_at(size)));

        let (earlier, later) = (index + 1, size);
        let Ok(proof) = consistency(earlier, later, subtree(&leaves));
        let proof = proof.expect("a proof");
        let first = (earlier, root_at(earlier));
        let second = (later, root_at(later));
        prop_assert!(earlier == 1 || !is_consistent((earlier, leaf), second, &proof));
        prop_assert!(later == 1 || !is_consistent(first, (later, leaf), &proof));
        let mut changed = proof;
        if changed.is_empty() {
            changed.push(leaf);
        } else {
            let hash = flipped / 8 % changed.len();
            changed[hash].0[flipped % 32] ^= 1 << (flipped % 8);
        }
        prop_assert!(!is_consistent(first, second, &changed));
    }
}
