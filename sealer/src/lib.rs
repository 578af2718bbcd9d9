//! SEAL: log → a signed Merkle tree, behind the writer and off its path.
//!
//! It follows the log like any reader, adds every event's fixed record to its partition's tree,
//! signs the tree's root a few times a second, and serves checkpoints and tiles. It decides
//! nothing, and nothing waits for it. What it serves is verified by `transparency`, which knows
//! nothing of it.
//!
//! In reading order: [`SealFolder`] (where keys and trees are), `tree_files.rs` (a tree's hashes),
//! `signed.rs` (what was signed before), `seal_partition.rs` (the loop), [`Sealer`] (all
//! partitions), `routes.rs`, [`export()`] (a log as files).

mod error;
mod export;
mod folder;
mod keys;
mod routes;
mod seal_partition;
mod sealed;
mod sealer;
mod signed;
mod tree_files;

pub use error::SealError;
pub use export::{Exported, export, newest_checkpoint};
pub use folder::SealFolder;
pub use keys::SigningKeys;
pub use sealed::{KeyRange, KeysBody};
pub use sealer::{SealStatus, Sealer};
