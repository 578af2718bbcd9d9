//! Provable balances: a Merkle sum tree over all accounts' balances of a unit.
//!
//! A leaf has the salted hash of an account and what it has; a node hashes both of its children's
//! hashes and both of their sums, each for itself. Hashing only their total would let a ledger show
//! each shopper another division of it (Chalkias and others, "Broken Proofs of Solvency in
//! Blockchain Custodial Wallets and Exchanges", of Maxwell's first tree). No amount can be written
//! below 0, sums that don't fit 128 bits are refused, and leaf, node and root begin with different
//! texts, so that none can be taken for another. Leaves stand in the order of their salted hashes,
//! and the tree has RFC 6962's shape: there is one tree for a list of leaves, of whatever length,
//! and no leaf is put in twice to fill it up.
//!
//! In reading order: [`Balances`], [`SumNode`], [`SumFrontier`] (a tree's root), [`sum_path`] and
//! [`root_of_path`] (proofs); `proof.rs` has what is verified offline.

mod proof;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::shape::{full_subtrees, siblings, skip_single};

pub use proof::{
    BalanceProof, BalanceProofError, LiabilityProof, OtherRoot, PathNode, SealedBalances,
    SealedTrees, VerifiedBalance, VerifiedSeal,
};

/// Begins what is hashed of an account's name. All four are of the same length, so that no text
/// begins with another.
const ACCOUNT: &[u8; 27] = b"guerdon/balance-account/v1\0";
const LEAF: &[u8; 27] = b"guerdon/balance-leaf---/v1\0";
const NODE: &[u8; 27] = b"guerdon/balance-node---/v1\0";
const ROOT: &[u8; 27] = b"guerdon/balance-root---/v1\0";

/// What an account has of a unit, or what many have together, each part apart. None of them can be
/// below 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    /// What can be spent.
    pub available: u128,
    /// What is set aside.
    pub held: u128,
    /// What can be spent later.
    pub pending: u128,
    /// What is owed.
    pub owed: u128,
}

/// Sums that 128 bits can't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sums of all balances are larger than 128 bits can hold")]
pub struct SumsTooLarge;

impl Balances {
    /// The sums of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Option<Self> {
        let Self { available, held, pending, owed } = self;
        // `?` isn't for constant functions yet.
        match (
            available.checked_add(other.available),
            held.checked_add(other.held),
            pending.checked_add(other.pending),
            owed.checked_add(other.owed),
        ) {
            (Some(available), Some(held), Some(pending), Some(owed)) => {
                Some(Self { available, held, pending, owed })
            }
            _ => None,
        }
    }

    /// Available, held, pending and owed, each in sixteen bytes, the highest first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 64] {
        let Self { available, held, pending, owed } = self;
        let mut bytes = [0; 64];
        let (parts, _) = bytes.as_chunks_mut::<16>();
        for (part, amount) in parts.iter_mut().zip([available, held, pending, owed]) {
            *part = amount.to_be_bytes();
        }
        bytes
    }

    /// What [`Self::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (parts, _) = bytes.as_chunks::<16>();
        let part = |index: usize| parts.get(index).map_or(0, |part| u128::from_be_bytes(*part));
        Self { available: part(0), held: part(1), pending: part(2), owed: part(3) }
    }
}

impl fmt::Display for Balances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { available, held, pending, owed } = self;
        write!(f, "{available} available, {held} held, {pending} pending, {owed} owed")
    }
}

/// An account under its salt: what stands for it in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaltedAccount(pub [u8; 32]);

/// What makes an account's name in one tree unknown to whoever doesn't have it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Salt(#[serde(with = "hex_bytes")] pub [u8; 32]);

/// A salt names its account, so it isn't printed by accident.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl SaltedAccount {
    /// The account's name in the tree of this salt.
    #[must_use]
    pub fn new(salt: &Salt, account: &str) -> Self {
        let hash = Sha256::new().chain_update(ACCOUNT).chain_update(salt.0).chain_update(account);
        Self(hash.finalize().into())
    }
}

/// A hash of the tree, written as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SumHash(#[serde(with = "hex_bytes")] pub [u8; 32]);

impl fmt::Display for SumHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&log_record::hex(&self.0))
    }
}

/// A node of the tree: a hash, and the sums of the leaves below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumNode {
    /// What it and all below it hash to.
    pub hash: SumHash,
    /// What all below it have together.
    pub sums: Balances,
}

impl SumNode {
    /// An account's.
    #[must_use]
    pub fn leaf(account: &SaltedAccount, balances: Balances) -> Self {
        let hash = Sha256::new().chain_update(LEAF).chain_update(account.0);
        let hash = hash.chain_update(balances.to_bytes()).finalize();
        Self { hash: SumHash(hash.into()), sums: balances }
    }

    /// The node above these two.
    pub fn above(left: &Self, right: &Self) -> Result<Self, SumsTooLarge> {
        let sums = left.sums.plus(right.sums).ok_or(SumsTooLarge)?;
        let hash = Sha256::new().chain_update(NODE);
        let hash = hash.chain_update(left.hash.0).chain_update(left.sums.to_bytes());
        let hash = hash.chain_update(right.hash.0).chain_update(right.sums.to_bytes());
        Ok(Self { hash: SumHash(hash.finalize().into()), sums })
    }

    /// What a tree without an account has at its top.
    #[must_use]
    pub const fn of_nothing() -> Self {
        let sums = Balances { available: 0, held: 0, pending: 0, owed: 0 };
        Self { hash: SumHash([0; 32]), sums }
    }

    /// The root that is published: of a tree of so many accounts, with this node at its top.
    #[must_use]
    pub fn root(&self, accounts: u64) -> SumHash {
        let hash = Sha256::new().chain_update(ROOT).chain_update(accounts.to_be_bytes());
        let hash = hash.chain_update(self.hash.0).chain_update(self.sums.to_bytes());
        SumHash(hash.finalize().into())
    }
}

/// A tree that grows, of which only the right edge is kept.
#[derive(Clone, Debug, Default)]
pub struct SumFrontier {
    accounts: u64,
    full: Vec<SumNode>,
}

impl SumFrontier {
    /// How many accounts are in it.
    #[must_use]
    pub const fn accounts(&self) -> u64 {
        self.accounts
    }

    /// Adds a leaf and gives each full subtree that it ends, with its level; the first is the leaf.
    pub fn append(
        &mut self,
        leaf: SumNode,
        mut ended: impl FnMut(u32, &SumNode),
    ) -> Result<(), SumsTooLarge> {
        let (mut node, mut level) = (leaf, 0);
        ended(level, &node);
        while self.accounts >> level & 1 == 1 {
            let Some(left) = self.full.pop() else { break };
            node = SumNode::above(&left, &node)?;
            level += 1;
            ended(level, &node);
        }
        self.full.push(node);
        self.accounts += 1;
        Ok(())
    }

    /// The node at the top.
    pub fn top(&self) -> Result<SumNode, SumsTooLarge> {
        let mut from_right = self.full.iter().rev();
        let Some(last) = from_right.next() else { return Ok(SumNode::of_nothing()) };
        from_right.try_fold(*last, |right, left| SumNode::above(left, &right))
    }
}

/// The nodes beside the way from the leaf at `index`, counted from 0, to the top of the tree of so
/// many accounts, from below. `subtree` gives full subtrees by level and index. There are none for
/// a leaf that isn't in it.
pub fn sum_path<E: From<SumsTooLarge>>(
    index: u64,
    accounts: u64,
    mut subtree: impl FnMut(u32, u64) -> Result<SumNode, E>,
) -> Result<Option<Vec<SumNode>>, E> {
    let Some(siblings) = siblings(index, accounts) else { return Ok(None) };
    siblings
        .into_iter()
        .map(|(from, to)| node_over(from, to, &mut subtree))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Why a path leads to no root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoot {
    /// The leaf is beyond the end.
    #[error("the tree has {accounts} accounts, and the leaf is said to be number {index} from 0")]
    Index {
        /// Where the leaf is said to be.
        index: u64,
        /// How many the tree has.
        accounts: u64,
    },
    /// There are too many nodes, or too few.
    #[error("the path has {0} nodes, which isn't the way from the leaf to the top")]
    Length(usize),
    /// Sums on the way are too large.
    #[error(transparent)]
    TooLarge(#[from] SumsTooLarge),
}

/// The node at the top to which a path leads from a leaf (as RFC 9162, section 2.1.3.2, goes).
pub fn root_of_path(
    leaf: SumNode,
    index: u64,
    accounts: u64,
    path: &[SumNode],
) -> Result<SumNode, NoRoot> {
    if index >= accounts {
        return Err(NoRoot::Index { index, accounts });
    }
    let (mut at, mut last, mut node) = (index, accounts - 1, leaf);
    for other in path {
        if last == 0 {
            return Err(NoRoot::Length(path.len()));
        }
        if at & 1 == 1 || at == last {
            node = SumNode::above(other, &node)?;
            skip_single(&mut at, &mut last);
        } else {
            node = SumNode::above(&node, other)?;
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last == 0 { Ok(node) } else { Err(NoRoot::Length(path.len())) }
}

/// The node over the leaves from `from` to before `to`.
fn node_over<E: From<SumsTooLarge>>(
    from: u64,
    to: u64,
    subtree: &mut impl FnMut(u32, u64) -> Result<SumNode, E>,
) -> Result<SumNode, E> {
    let full = full_subtrees(from, to).into_iter().map(|(level, index)| subtree(level, index));
    let full = full.collect::<Result<Vec<_>, E>>()?;
    let mut from_right = full.into_iter().rev();
    let Some(last) = from_right.next() else { return Ok(SumNode::of_nothing()) };
    Ok(from_right.try_fold(last, |right, left| SumNode::above(&left, &right))?)
}

/// Thirty-two bytes as hexadecimal digits.
mod hex_bytes {
    use std::borrow::Cow;

    use log_record::{hex, parse_hex};
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        // One way to write it: no capital letters.
        let bytes = parse_hex(&text).filter(|bytes| hex(bytes) == text);
        bytes.ok_or_else(|| D::Error::custom("must be 64 hexadecimal digits"))
    }
}
