//! The transparency log: a Merkle tree over a partition's events, and how anyone verifies it.
//!
//! It needs no writer, store or network: what it verifies is bytes that somebody fetched. The tree
//! is RFC 6962's, checkpoints and keys are C2SP's `signed-note` and `tlog-checkpoint`, and tiles
//! C2SP's `tlog-tiles`, so that other tools verify the same log. Why it is written here:
//! `docs/decisions/0045-the-transparency-log.md`.
//!
//! In reading order: [`TreeHash`] and [`Frontier`] (the tree), [`inclusion`] and [`consistency`]
//! (proofs), [`Note`] and [`VerifierKey`] (signatures), [`Checkpoint`], [`Tile`] and [`bundle`]
//! (what is served), [`verify_log`], [`Receipt`] and [`BalanceProof`] (what an auditor and a
//! shopper ask).

mod balance;
mod checkpoint;
mod entries;
mod hash;
mod note;
mod proof;
mod receipt;
mod shape;
mod tile;
mod tree;
mod verify;

pub use balance::{
    BalanceProof, BalanceProofError, Balances, LiabilityProof, NoRoot, OtherRoot, PathNode, Salt,
    SaltedAccount, SealedBalances, SealedTrees, SumFrontier, SumHash, SumNode, SumsTooLarge,
    VerifiedBalance, VerifiedSeal, root_of_path, sum_path,
};
pub use checkpoint::{Checkpoint, CheckpointError, Origin};
pub use entries::{BundleError, bundle, unbundle};
pub use hash::{NoTreeHash, TreeHash};
pub use note::{KeyError, KeyKind, Note, NoteError, SigningKey, VerifierKey};
pub use proof::{consistency, inclusion, is_consistent, is_included, subtree_root};
pub use receipt::{Receipt, ReceiptError, ReceiptEvent, VerifiedEvent, VerifiedReceipt};
pub use tile::{NoTile, TILE_HASHES, Tile, TileKind};
pub use tree::Frontier;
pub use verify::{Cosigned, Finding, Known, Quorum, ReadFile, VerifiedLog, verify_log};
