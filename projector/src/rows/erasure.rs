//! What an erasure of an account's private texts does to the rows.
//!
//! It ends its batch (`partition.rs`), so that what it erases was written before it: rows that are
//! made of later events stay as they are, however the log is cut into batches. A log whose texts
//! are erased already makes the same rows.

use domain::{AccountErased, AccountId};
use log_record::{PackedPlace, Place};
use read_model::row;

use super::{At, Rows};

row! {
    /// The rows of the account that were made of events up to a place lose what is private.
    pub(crate) struct AccountErasure in "fact" {
        account_id: String,
        until: i64,
        after: i64,
    }
}

impl Rows {
    pub(super) fn erased(&mut self, at: At<'_>, account_id: &AccountId, fact: &AccountErased) {
        let partition = at.row.partition();
        let place = |position| PackedPlace::from(Place { partition, position }).as_i64();
        self.erasures.push(AccountErasure {
            account_id: account_id.to_string(),
            until: place(fact.until),
            after: place(log_record::Position::START),
        });
    }
}
