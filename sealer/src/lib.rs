//! SEAL: log → a signed Merkle tree, behind the writer and off its path.
//!
//! It follows the log like any reader, adds every event's fixed record to its partition's tree,
//! signs the tree's root a few times a second, and serves checkpoints and tiles. It decides
//! nothing, and nothing waits for it. What it serves is verified by `transparency`, which knows
//! nothing of it.
//!
//! In reading order: [`SealFolder`] (where keys and trees are), `tree_files.rs` (a tree's hashes),
//! `signed.rs` (what was signed before), `seal_partition.rs` (the loop), [`Sealer`] (all
//! partitions), `routes.rs`, [`export()`] (a log as files), [`BalanceTrees`] (all accounts'
//! balances as trees of sums). Where checkpoints are kept elsewhere, so that a log which is
//! rewritten and signed anew is noticed: `copies.rs` (a folder), `cosign.rs` (witnesses),
//! [`SealedLog`] (for whoever has another place).

mod balances;
mod blocking;
mod copies;
mod cosign;
mod error;
mod export;
mod folder;
mod keys;
mod metrics;
mod prove;
mod routes;
mod seal_partition;
mod sealed;
mod sealed_log;
mod sealer;
mod signed;
mod tree_files;
mod witness;

pub use balances::{
    BalanceError, BalanceSecret, BalanceTrees, MadeTree, NoBalanceProof, ProvedBalance, UpTo,
};
pub use cosign::Witnesses;
pub use error::{FileError, SealError};
pub use export::{Exported, export, newest_checkpoint};
pub use folder::SealFolder;
pub use keys::SigningKeys;
pub use metrics::SealerMetrics;
pub use prove::{Proved, ProvedEvent, Prover, Unproved};
pub use sealed::{KeyRange, KeysBody};
pub use sealed_log::{Kept, NewestCheckpoint, SealedLog};
pub use sealer::{SealStatus, Sealer};
pub use witness::{NoWitness, Witness};
