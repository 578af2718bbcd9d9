//! Mergers in few words.

use super::values::*;
use crate::command::{MergeAccount, MergerStep};
use crate::*;

/// Merges an account into another; it may stand on no ladder.
pub(crate) fn merge(account: &str, into: &str) -> Command {
    Command::MergeAccount(MergeAccount {
        account_id: id(account),
        into: id(into),
        leave_tiers: false,
        step: MergerStep::Asked,
    })
}

pub(crate) fn leaving_tiers(command: Command) -> Command {
    let Command::MergeAccount(it) = command else { panic!("a merger") };
    Command::MergeAccount(MergeAccount { leave_tiers: true, ..it })
}
