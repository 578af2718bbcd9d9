//! The tests of this crate, in one program.

mod ledger;
mod snapshot;
mod time;
mod writer;
