//! The tests of this crate, in one program.

mod history;
mod key_book;
mod ledger;
mod snapshot;
mod time;
mod writer;
