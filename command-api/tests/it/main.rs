//! The tests of this crate, in one program.

mod growth;
mod history;
mod key_book;
mod ladders;
mod ledger;
mod locked_log;
mod snapshot;
mod time;
mod writer;
