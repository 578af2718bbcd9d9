//! Mergers in few words.

use super::values::*;
use crate::command::{MergeAccount, MergerStep};
use crate::*;

/// Merges an account into another.
pub(crate) fn merge(account: &str, into: &str) -> Command {
    Command::MergeAccount(MergeAccount {
        account_id: id(account),
        into: id(into),
        step: MergerStep::Asked,
    })
}
