//! The tests of this crate, in one program.

mod log;
mod notes;
mod receipts;
mod tampering;
mod tree;
mod verifying;
