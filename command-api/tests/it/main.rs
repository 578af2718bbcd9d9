//! The tests of this crate, in one program.

mod fair_admission;
mod growth;
mod history;
mod key_book;
mod ladders;
mod ledger;
mod locked_log;
mod mergers;
mod overload;
mod partitions;
mod snapshot;
mod switches;
mod time;
mod writer;
