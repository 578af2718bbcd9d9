//! Erasures in few words.

use log_record::Position;

use super::values::*;
use crate::command::EraseAccount;
use crate::*;

/// Erases all of the account that was recorded; `unshipped` requests are still to be shipped.
pub(crate) fn erase(account: &str, erasure: &str, unshipped: u64) -> Command {
    Command::EraseAccount(EraseAccount {
        account_id: id(account),
        erasure_id: id(erasure),
        reason: "asked for by letter".parse().expect("a reason"),
        until: Position(u64::MAX),
        unshipped,
    })
}
