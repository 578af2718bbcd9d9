//! The tests of this crate, in one program.

mod balance_proofs;
mod balance_trees;
mod log;
mod notes;
mod receipts;
mod tampering;
mod tree;
mod verifying;
